"""Questions that we asked people (which label a message has, are they sure), and the audit of what they told us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from workers.core.events import ChatRef, Command, MessageRef, Person, storable_text
from workers.store.sql import message_ref
from workers.store.tables import audit, confirmations, questions

CONFIRM_SECONDS = 600.0
"""Seconds for which "are you sure?" can be answered."""

State = Literal["open", "answered", "skipped"]


@dataclass(frozen=True, slots=True)
class Question:
    """We asked which label a message has, in the post with this outbox key."""

    id: int
    ref: MessageRef
    post: str
    state: State


def ask(c: Connection, ref: MessageRef, message: int, post: str, now: float) -> int:
    """Remember that a message (its number, too) was asked about in a post. Returns the question's number."""
    values = {"ref": ref.key, "chat": ref.chat.key, **ref.model_dump(), "message": message, "post": post}
    statement = insert(questions).values(**values, state="open", asked_at=now)
    return c.execute(statement.returning(questions.c.id)).scalar_one()


def question(c: Connection, id: int) -> Question | None:
    """The question with this number."""
    row = c.execute(select(questions).where(questions.c.id == id)).first()
    return None if row is None else Question(row.id, message_ref(row), row.post, row.state)


def close(c: Connection, id: int, state: State) -> None:
    """Say what came of a question."""
    c.execute(update(questions).where(questions.c.id == id).values(state=state))


def hold(c: Connection, command: Command, now: float) -> int:
    """Keep a command until somebody says that they are sure. Returns the number to ask for it by."""
    c.execute(delete(confirmations).where(confirmations.c.held_at <= now - CONFIRM_SECONDS))
    statement = insert(confirmations).values(command=command.model_dump_json(), held_at=now)
    return c.execute(statement.returning(confirmations.c.id)).scalar_one()


def held(c: Connection, id: int, now: float) -> Command | None:
    """Take a held command, once; None if it was taken before or is older than CONFIRM_SECONDS."""
    # Taken by deleting: of two presses at once, one gets the row.
    row = c.execute(delete(confirmations).where(confirmations.c.id == id).returning(confirmations)).first()
    if row is None or row.held_at <= now - CONFIRM_SECONDS:
        return None
    return Command.model_validate_json(row.command)


def peek(c: Connection, id: int, now: float) -> Command | None:
    """A held command as `held` would give it, left where it is."""
    row = c.execute(select(confirmations).where(confirmations.c.id == id)).first()
    return None if row is None or row.held_at <= now - CONFIRM_SECONDS else Command.model_validate_json(row.command)


def write_audit(
    c: Connection, at: float, actor: Person, chat: ChatRef, verb: str, arguments: str, outcome: str
) -> None:
    """Write one line. Who was forgotten is not written down: that would not be forgetting."""
    arguments = "" if (verb, outcome) == ("forget", "done") else arguments
    texts = {"verb": storable_text(verb), "arguments": storable_text(arguments), "outcome": storable_text(outcome)}
    c.execute(insert(audit).values(at=at, actor_id=actor.id, actor_name=actor.name, **chat.model_dump(), **texts))

"""Who told Backchannel to do what, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from workers.core.events import ChatRef, Person, storable
from workers.store.columns import AnyRow
from workers.store.tables import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit."""

    at: float
    actor: Person
    chat: ChatRef
    verb: str
    arguments: str
    outcome: str


def record(c: Connection, at: float, actor: Person, chat: ChatRef, verb: str, arguments: str, outcome: str) -> None:
    """Write one line. Who was forgotten is not written down: that would not be forgetting."""
    arguments = "" if (verb, outcome) == ("forget", "done") else arguments
    said = {"verb": storable(verb), "arguments": storable(arguments), "outcome": storable(outcome)}
    c.execute(insert(audit).values(at=at, actor_id=actor.id, actor_name=actor.name, **chat.model_dump(), **said))


def latest(c: Connection, n: int) -> list[Entry]:
    """The last `n` lines, newest first."""
    return [_entry(row) for row in c.execute(select(audit).order_by(audit.c.id.desc()).limit(n))]


def _entry(row: AnyRow) -> Entry:
    chat = ChatRef(platform=row.platform, workspace=row.workspace, chat_id=row.chat_id)
    return Entry(row.at, Person(id=row.actor_id, name=row.actor_name), chat, row.verb, row.arguments, row.outcome)

"""Forgetting a person: what they wrote, what they said about others' messages, and every copy of either."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, select, union, update

from workers.contracts import (
    EVENT,
    REPLY,
    Button,
    ChatRef,
    CheckAdmin,
    Command,
    Event,
    JobRequest,
    Message,
    Person,
    React,
    Reaction,
    Reply,
)
from workers.store.counters import bump, chunks, exclusive
from workers.store.ledger import derive_again
from workers.store.tables import (
    INBOX_LIVE,
    audit,
    chats,
    confirmations,
    inbox,
    jobs,
    ledger,
    message_labels,
    messages,
    outbox,
    predictions,
    questions,
    vectors,
)

QUOTED = 40
"""So many characters of a message, found in a post of ours, show that the post repeats it."""
TELLING = 8
"""A text shorter than this says nothing about where it comes from."""


@dataclass(frozen=True, slots=True)
class _Traces:
    """What gives a forgotten person away in a stored event or reply."""

    people: frozenset[str]
    where: tuple[str, str]
    refs: frozenset[str]
    posts: frozenset[str]
    quotes: tuple[str, ...]

    def in_event(self, event: Event) -> bool:
        chat = event.chat if isinstance(event, Command) else event.ref.chat
        if (chat.platform, chat.workspace) != self.where:
            return False
        by = _by(event)
        about = event.reply_to if isinstance(event, Command) else event.ref
        return (by is not None and by.id in self.people) or (about is not None and about.key in self.refs)

    def in_raw(self, text: str) -> bool:
        """For what another release of this program wrote and this one cannot read."""
        return any(json.dumps(id, ensure_ascii=False) in text for id in self.people)

    def in_reply(self, key: str, reply: Reply) -> bool:
        if isinstance(reply, CheckAdmin):
            return self.in_event(reply.event)
        if isinstance(reply, React):
            return reply.ref.key in self.refs
        answered = getattr(reply, "reply_to", None)
        about = key in self.posts or getattr(reply, "post", None) in self.posts
        said = _flat(reply.text + " " + getattr(reply, "content", ""))
        return about or f"{reply.chat.key}/{answered}" in self.refs or any(quote in said for quote in self.quotes)


def _by(event: Event) -> Person | None:
    if isinstance(event, Message):
        return event.author
    if isinstance(event, Reaction):
        return event.annotator
    if isinstance(event, Button):
        return event.presser
    return event.caller if isinstance(event, Command) else None


def _flat(text: str) -> str:
    return " ".join(text.split())


def _named(people: Sequence[Person], name: str) -> list[Person]:
    """Those with this id; if there is none, those with this name."""
    wanted = name.strip().removeprefix("@").casefold()
    same_id = [person for person in people if person.id and person.id == name.strip().removeprefix("@")]
    return same_id or [person for person in people if person.name.removeprefix("@").casefold() == wanted and wanted]


def _known(c: Connection, **where: str) -> list[Person]:
    """Authors and annotators, each as often as they had another name."""
    both = [(messages, "author"), (ledger, "annotator")]
    parts = [
        select(table.c[f"{role}_id"].label("id"), table.c[f"{role}_name"].label("name"))
        .where(*(table.c[column] == value for column, value in where.items()))
        .where(table.c[f"{role}_id"] != "")
        for table, role in both
    ]
    return [Person(id=id, name=name) for id, name in c.execute(union(*parts).order_by("id", "name"))]


def people(c: Connection, chat: ChatRef, name: str) -> list[Person]:
    """Authors and annotators of a chat with this id, or else this name, whatever its case and with or without @."""
    return list({person.id: person for person in _named(_known(c, chat=chat.key), name)}.values())


def forget(c: Connection, person_id_or_name: str, platform: str, workspace: str) -> int:
    """Remove all that a person wrote, annotated or asked for in a workspace, and every copy of it.

    Their messages become tombstones without an author, so that nothing which arrives late brings them back.
    Returns the number of messages. The counter `forgotten` says that `Database.scrub` has something to do.
    """
    exclusive(c, "labels")
    found = _named(_known(c, platform=platform, workspace=workspace), person_id_or_name)
    ids = frozenset(person.id for person in found) or frozenset((person_id_or_name,))
    wrote = [messages.c.platform == platform, messages.c.workspace == workspace, messages.c.author_id.in_(ids)]
    rows = c.execute(select(messages.c.id, messages.c.ref, messages.c.text).where(*wrote)).all()
    traces = _traces(c, ids, (platform, workspace), rows)
    _forget_ledger(c, traces)
    _forget_messages(c, [row.id for row in rows])
    _forget_events(c, traces)
    _forget_replies(c, traces)
    _forget_requests(c, traces)
    bump(c, "forgotten")
    bump(c, "labels")
    return len(rows)


def _traces(c: Connection, ids: frozenset[str], where: tuple[str, str], rows: Sequence[Any]) -> _Traces:
    posts: set[str] = set()
    for piece in chunks([row.id for row in rows]):
        posts.update(c.execute(select(questions.c.post).where(questions.c.message.in_(piece))).scalars())
    quotes = {_flat(row.text or "")[:QUOTED].strip() for row in rows}
    telling = tuple(quote for quote in quotes if len(quote) >= TELLING)
    return _Traces(ids, where, frozenset(row.ref for row in rows), frozenset(posts), telling)


def _forget_ledger(c: Connection, traces: _Traces) -> None:
    here = (ledger.c.platform == traces.where[0]) & (ledger.c.workspace == traces.where[1])
    own = delete(ledger).where(here, ledger.c.annotator_id.in_(traces.people)).returning(ledger.c.ref)
    derive_again(c, set(c.execute(own).scalars()) - traces.refs, 0.0)
    for piece in chunks(sorted(traces.refs)):
        c.execute(delete(ledger).where(ledger.c.ref.in_(piece)))
        c.execute(delete(message_labels).where(message_labels.c.ref.in_(piece)))


def _forget_messages(c: Connection, ids: Sequence[int]) -> None:
    empty = {"text": None, "author_id": "", "author_name": "", "deleted": True, "reply_to": None}
    of_message: list[Table] = [vectors, predictions, questions]
    for piece in chunks(ids):
        c.execute(update(messages).where(messages.c.id.in_(piece)).values(empty))
        for table in of_message:
            c.execute(delete(table).where(table.c.message.in_(piece)))


def _forget_events(c: Connection, traces: _Traces) -> None:
    """Waiting and failed events; a worker that has one in its hands loses the claim and rolls back."""
    kept = inbox.c.event.is_not(None)
    for live in (INBOX_LIVE, inbox.c.state == "failed"):
        rows = c.execute(select(inbox.c.id, inbox.c.event).where(live, kept)).all()
        gone = [row.id for row in rows if _event_carries(row.event, traces)]
        for piece in chunks(gone):
            c.execute(update(inbox).where(inbox.c.id.in_(piece)).values(state="done", event=None, error=None))


def _event_carries(event: str, traces: _Traces) -> bool:
    try:
        return traces.in_event(EVENT.validate_json(event))
    except ValueError:
        return traces.in_raw(event)


def _reply_carries(key: str, reply: str, traces: _Traces) -> bool:
    try:
        return traces.in_reply(key, REPLY.validate_json(reply))
    except ValueError:
        return traces.in_raw(reply)


def _forget_replies(c: Connection, traces: _Traces) -> None:
    here = outbox.c.chat.startswith(f"{traces.where[0]}/{traces.where[1]}/", autoescape=True)
    rows = c.execute(select(outbox.c.id, outbox.c.key, outbox.c.reply).where(here, outbox.c.reply.is_not(None)))
    gone = [row.id for row in rows if _reply_carries(row.key, row.reply, traces)]
    unsent = outbox.c.state.in_(("pending", "claimed"))
    for piece in chunks(gone):
        these = outbox.c.id.in_(piece)
        c.execute(update(outbox).where(these & unsent).values(state="superseded", claimed_by=None, lease_until=None))
        c.execute(update(outbox).where(these).values(reply=None, error=None))


def _forget_requests(c: Connection, traces: _Traces) -> None:
    """Commands and jobs keep what was done, not who asked."""
    for row in c.execute(select(confirmations)).all():
        if traces.in_event(Command.model_validate_json(row.command)):
            c.execute(delete(confirmations).where(confirmations.c.id == row.id))
    for row in c.execute(select(jobs.c.id, jobs.c.request)).all():
        request = JobRequest.model_validate_json(row.request)
        asked = (request.chat.platform, request.chat.workspace) == traces.where
        if asked and request.requested_by.id in traces.people:
            nobody = request.model_copy(update={"requested_by": Person(id="")}).model_dump_json()
            c.execute(update(jobs).where(jobs.c.id == row.id).values(request=nobody))
    for table, column, blank in ((audit, "actor_id", "actor_name"), (chats, "enabled_by", "enabled_by")):
        here = (table.c.platform == traces.where[0]) & (table.c.workspace == traces.where[1])
        statement = update(table).where(here, table.c[column].in_(traces.people))
        extra = {"arguments": ""} if table is audit else {}
        c.execute(statement.values({blank: "", column: "", **extra}))

"""What people wrote: the text as it stands now, its former texts, and nothing of either once it is deleted."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Table, select, update
from sqlalchemy import delete as delete_from

from workers.core.events import ChatRef, Delete, Edit, Message, MessageRef, Person
from workers.store.counters import bump
from workers.store.inbox import waiting_message
from workers.store.ledger import touch
from workers.store.sql import AnyRow, advisory_lock, chunks, insert, message_ref
from workers.store.tables import chats, messages, predictions, revisions, vectors
from workers.store.tallies import tallied


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it stands. `text` is None once deleted; `revision` 1 is what was first written."""

    id: int
    ref: MessageRef
    author: Person
    text: str | None
    revision: int
    at: float
    deleted: bool


@dataclass(frozen=True, slots=True)
class Revision:
    """A former text of a message (our number of it); revision 1 is what was first written. `until`: when it changed."""

    message: int
    revision: int
    text: str
    until: float


def stored_of(row: AnyRow) -> Stored:
    """A row of the table as a message."""
    author = Person(id=row.author_id, name=row.author_name)
    return Stored(row.id, message_ref(row), author, row.text, row.revision, row.at, row.deleted)


def _row(ref: MessageRef, at: float, sequence: int, text: str | None, revision: int) -> dict[str, Any]:
    return {
        "ref": ref.key,
        "chat": ref.chat.key,
        **ref.model_dump(),
        "at": at,
        "text_at": at,
        "text_sequence": sequence,
        "text": text,
        "revision": revision,
        "deleted": False,
        "author_id": "",  # until the Message itself is seen
        "author_name": "",
    }


def record(c: Connection, messages_: Sequence[Message]) -> list[Stored]:
    """Store messages and return each as it stands, in the order given. Doing so again changes nothing.

    One whose Edit came first keeps the edited text; one whose Delete came first stays deleted.
    """
    rows = [_new(event) for event in messages_]
    if not rows:
        return []
    # Before any row: whoever holds rows and only then waits for the counter could wait in a circle with another.
    advisory_lock(c, "labels")
    new = insert(c, messages)
    only_edited = (messages.c.author_id == "") & ~messages.c.deleted
    change = {name: new.excluded[name] for name in ("author_id", "author_name", "at", "reply_to")}
    with tallied(c, messages.c.ref, [row["ref"] for row in rows]):
        c.execute(new.on_conflict_do_update(index_elements=["ref"], set_=change, where=only_edited), rows)
    stored = _by_ref(c, [row["ref"] for row in rows])
    _keep_first(c, messages_, stored)
    _tell_if_labelled(c, stored)
    return [stored[event.ref.key] for event in messages_]


def _new(event: Message) -> dict[str, Any]:
    row = _row(event.ref, event.at, event.sequence, event.text, 1)
    return {**row, "author_id": event.author.id, "author_name": event.author.name, "reply_to": event.reply_to}


def _keep_first(c: Connection, messages_: Sequence[Message], stored: Mapping[str, Stored]) -> None:
    """Where an edit came before its message, what was first written is known only now."""
    pairs = [(event, stored[event.ref.key]) for event in messages_]
    edited = [(event, message) for event, message in pairs if message.revision > 1 and message.text]
    _keep_former(c, [Revision(message.id, 1, event.text, event.at) for event, message in edited])


def _keep_former(c: Connection, former: Sequence[Revision]) -> None:
    """Write down texts that no longer stand; one that is there already stays as it is."""
    if former:
        statement = insert(c, revisions).on_conflict_do_nothing(index_elements=["message", "revision"])
        c.execute(statement, [asdict(revision) for revision in former])


def _by_ref(c: Connection, refs: Sequence[str]) -> dict[str, Stored]:
    return {
        row.ref: stored_of(row)
        for piece in chunks(refs)
        for row in c.execute(select(messages).where(messages.c.ref.in_(piece)))
    }


def _tell_if_labelled(c: Connection, refs: Iterable[str]) -> None:
    """A label may be older than its message: what can be learned from changes when the text comes or goes."""
    if touch(c, refs):
        bump(c, "labels")


def edit(c: Connection, event: Edit) -> Stored | None:
    """Apply an edit if it is newer than the text we have; a text that really changed is a new revision.

    One that leaves nothing to see takes away what was written before, too.

    A message of which nothing is known is stored whole, unless it is from before the chat was switched on. Returns the
    message as it stands, with an empty author where the edit does not say who wrote it; None once it is deleted, or
    where it is not read.
    """
    if _blank(event.text):
        event = event.model_copy(update={"text": ""})
    advisory_lock(c, "labels")
    with tallied(c, messages.c.ref, [event.ref.key]):
        return _edit(c, event)


def _blank(text: str) -> bool:
    """Whether nobody sees anything of a text: blanks, line ends, and what has no width."""
    return all(letter.isspace() or unicodedata.category(letter)[0] == "C" for letter in text)


def _edit(c: Connection, event: Edit) -> Stored | None:
    row = c.execute(select(messages).where(messages.c.ref == event.ref.key).with_for_update()).first()
    if row is None:
        return None if _is_from_before(c, event) else _begin_with(c, event)
    if row.deleted:
        return None
    edited_at, written_at = (event.at, event.sequence), (row.text_at, row.text_sequence)
    # With clocks of whole seconds an edit may carry its message's own time; between two edits that is no news.
    if edited_at < written_at or (edited_at == written_at and row.revision > 1):
        return stored_of(row)
    return stored_of(_revise(c, row, event))


def _is_from_before(c: Connection, event: Edit) -> bool:
    """Whether the edited message was written before its chat was switched on: people knew then that nobody reads it."""
    since = c.execute(select(chats.c.changed_at).where(chats.c.key == event.ref.chat.key)).scalar()
    return since is not None and event.written is not None and event.written < since


def _begin_with(c: Connection, event: Edit) -> Stored:
    """An edit that came before its message. Revision 1 is what nobody has shown us: the edit is the second."""
    # Where it left no words nobody has seen anything of the message.
    author = (event.author if event.text else None) or Person(id="")
    row = _row(event.ref, event.at, event.sequence, event.text, 2)
    row |= {"author_id": author.id, "author_name": author.name, "reply_to": event.reply_to}
    row["at"] = event.at if event.written is None else event.written
    created = c.execute(insert(c, messages).values(row).returning(messages)).one()
    _tell_if_labelled(c, [created.ref])
    return stored_of(created)


def _revise(c: Connection, row: AnyRow, event: Edit) -> AnyRow:
    changed = row.text != event.text
    values = {
        "text": event.text,
        "text_at": event.at,
        "text_sequence": event.sequence,
        "revision": row.revision + changed,
    }
    if event.author and not row.author_id:
        values |= {"author_id": event.author.id, "author_name": event.author.name}
    if not event.text:  # taken away: nothing stays of what stood there
        _drop(c, row.id, vectors, revisions)
    elif changed and row.author_id:  # else nobody has shown us what stood there before
        _keep_former(c, [Revision(row.id, row.revision, row.text, event.at)])
    revised = c.execute(update(messages).where(messages.c.id == row.id).values(values).returning(messages)).one()
    if changed:
        _tell_if_labelled(c, [row.ref])
    return revised


def _drop(c: Connection, message: int, *tables: Table) -> None:
    for table in tables:
        c.execute(delete_from(table).where(table.c.message == message))


def delete(c: Connection, event: Delete) -> Stored:
    """Leave a tombstone: text, vectors and predictions go, and a Message or Edit that comes later stays out."""
    advisory_lock(c, "labels")
    new = insert(c, messages).values({**_row(event.ref, event.at, event.sequence, None, 1), "deleted": True})
    gone = {"text": None, "deleted": True}
    with tallied(c, messages.c.ref, [event.ref.key]):
        row = c.execute(new.on_conflict_do_update(index_elements=["ref"], set_=gone).returning(messages)).one()
    _drop(c, row.id, vectors, predictions, revisions)
    _tell_if_labelled(c, [row.ref])
    return stored_of(row)


def find(c: Connection, ref: MessageRef) -> Stored | None:
    """The message with this ref, if it was ever seen. An edit alone that left no words shows nothing of it."""
    stored = _by_ref(c, [ref.key]).get(ref.key)
    return None if stored and not (stored.author.id or stored.text or stored.deleted) else stored


def by_key(c: Connection, key: str) -> Stored | None:
    """The message whose ref has this key."""
    return _by_ref(c, [key]).get(key)


def texts(c: Connection, ids: Sequence[int]) -> dict[int, str]:
    """The texts of those messages that are not deleted."""
    return {
        id: text
        for piece in chunks(ids)
        for id, text in c.execute(select(messages.c.id, messages.c.text).where(messages.c.id.in_(piece)))
        if text is not None
    }


def former_texts(c: Connection, ids: Sequence[int]) -> dict[int, list[Revision]]:
    """What messages said before they were edited, oldest first, by our number of the message."""
    former: dict[int, list[Revision]] = {}
    for piece in chunks(ids):
        rows = select(revisions).where(revisions.c.message.in_(piece)).order_by(revisions.c.revision)
        for row in c.execute(rows):
            former.setdefault(row.message, []).append(Revision(row.message, row.revision, row.text, row.until))
    return former


def current(c: Connection, ids: Sequence[int]) -> list[Stored]:
    """These messages as they stand now, without those that are gone."""
    living = select(messages).where(~messages.c.deleted)
    return [stored_of(row) for piece in chunks(ids) for row in c.execute(living.where(messages.c.id.in_(piece)))]


def chat_of_message(c: Connection, platform: str, workspace: str, message_id: str) -> ChatRef | None:
    """The enabled chat that holds the message, whether or not a worker has seen it yet; None if there is none."""
    enabled = (chats.c.platform == platform) & (chats.c.workspace == workspace) & chats.c.enabled
    ids = c.execute(select(chats.c.chat_id).where(enabled)).scalars()
    parts = {"platform": platform, "workspace": workspace, "message_id": message_id}
    refs = {ref.key: ref for ref in (MessageRef(chat_id=id, **parts) for id in ids)}
    if stored := c.execute(select(messages.c.ref).where(messages.c.ref.in_(refs))).scalar():
        return refs[stored].chat
    return next((ref.chat for ref in refs.values() if waiting_message(c, ref)), None)

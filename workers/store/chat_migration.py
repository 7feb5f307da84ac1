"""A chat that goes on under another id: all that is stored takes the new one, in one transaction.

The message ids of the old chat mean nothing in the new one, where counting begins again; they stay as `before:…`, so
that no new message is ever taken for an old one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import Column, Connection, Table, func, literal, select, update

from workers.core.events import EVENT, ChatRef, Event, chat_of
from workers.store import chats as chats_store
from workers.store.counters import insert
from workers.store.locks import exclusive
from workers.store.tables import (
    audit,
    chats,
    confirmations,
    inbox,
    jobs,
    ledger,
    message_labels,
    messages,
    outbox,
    questions,
)

BEFORE = "before:"


def relocated(event: Event, into: ChatRef) -> Event:
    """An event of the old chat as if it had happened in the new one."""
    return EVENT.validate_python(_walk(event.model_dump(), chat_of(event), into))


def move(c: Connection, old: ChatRef, into: ChatRef) -> None:
    """Give everything that is stored about `old` the id of `into`. Doing so again changes nothing.

    Whoever has an event or a reply of the old chat in their hands loses the claim and does it again in the new one.
    """
    exclusive(c, "labels")
    exclusive(c, f"outbox {old.platform}")
    _move_settings(c, old, into)
    for table in (messages, ledger, questions):
        _move_refs(c, table, old, into)
    of_message = message_labels.c.ref
    here = of_message.startswith(f"{old.key}/", autoescape=True)
    c.execute(update(message_labels).where(here).values(ref=_ref(into, func.substr(of_message, len(old.key) + 2))))
    done = [getattr(audit.c, name) == getattr(old, name) for name in ("platform", "workspace", "chat_id")]
    c.execute(update(audit).where(*done).values(workspace=into.workspace, chat_id=into.chat_id))
    _move_queues(c, old, into)


def _move_settings(c: Connection, old: ChatRef, into: ChatRef) -> None:
    before = chats_store.get(c, old)
    if before is None or before.moved_to:
        return
    row = c.execute(select(chats).where(chats.c.key == old.key)).mappings().one()
    values = {**row, "key": into.key, **into.model_dump()}
    new = insert(c, chats).values(values)
    taken = {name: values[name] for name in ("enabled", "mode", "language", "bots", "enabled_by", "changed_at")}
    c.execute(new.on_conflict_do_update(index_elements=["key"], set_=taken))
    c.execute(update(chats).where(chats.c.key == old.key).values(enabled=False, moved_to=into.key))


def _ref(into: ChatRef, message_id: Any) -> Any:
    return literal(f"{into.key}/{BEFORE}") + message_id


def _move_refs(c: Connection, table: Table, old: ChatRef, into: ChatRef) -> None:
    values = {
        "ref": _ref(into, table.c.message_id),
        "message_id": literal(BEFORE) + table.c.message_id,
        "chat": into.key,
        "workspace": into.workspace,
        "chat_id": into.chat_id,
    }
    if table is messages:
        values["reply_to"] = literal(BEFORE) + messages.c.reply_to  # nothing where there is none
    c.execute(update(table).where(table.c.chat == old.key).values(values))


def _move_queues(c: Connection, old: ChatRef, into: ChatRef) -> None:
    def moved(text: str) -> str:
        return json.dumps(_walk(json.loads(text), old, into), ensure_ascii=False)

    _rewrite(c, inbox, inbox.c.event, inbox.c.chat == old.key, moved)
    _rewrite(c, outbox, outbox.c.reply, outbox.c.chat == old.key, moved)
    _rewrite(c, confirmations, confirmations.c.command, confirmations.c.command.contains(old.chat_id), moved)
    _rewrite(c, jobs, jobs.c.request, jobs.c.request.contains(old.chat_id), moved)
    for table, waits in ((inbox, "new"), (outbox, "pending")):
        held = (table.c.chat == old.key) & (table.c.state == "claimed")
        again = {"state": waits, "attempts": table.c.attempts + 1, "claimed_by": None, "lease_until": None}
        c.execute(update(table).where(held).values(again))
    c.execute(update(inbox).where(inbox.c.chat == old.key).values(chat=into.key))
    ids = literal(BEFORE) + outbox.c.message_id
    c.execute(update(outbox).where(outbox.c.chat == old.key).values(chat=into.key, message_id=ids))
    here = outbox.c.chat == into.key
    subject = outbox.c.subject.startswith(f"{old.key}/", autoescape=True)
    moved_subject = _ref(into, func.substr(outbox.c.subject, len(old.key) + 2))
    c.execute(update(outbox).where(here, subject).values(subject=moved_subject))


def _rewrite(c: Connection, table: Table, column: Column[Any], where: Any, change: Callable[[str], str]) -> None:
    for id, text in c.execute(select(table.c.id, column).where(where, column.is_not(None))).all():
        c.execute(update(table).where(table.c.id == id).values({column.name: change(text)}))


def _walk(value: Any, old: ChatRef, into: ChatRef) -> Any:
    """Replace every chat and ref inside, and mark the ids of messages as those of the old chat."""
    if isinstance(value, list | tuple):
        return [_walk(part, old, into) for part in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    parts = {name: _walk(part, old, into) for name, part in cast(dict[str, Any], value).items()}
    if all(parts.get(name) == part for name, part in old.model_dump().items()):
        parts |= into.model_dump()
        if "message_id" in parts:
            parts["message_id"] = BEFORE + parts["message_id"]
    for name in ("reply_to", "thread"):
        if isinstance(parts.get(name), str):
            parts[name] = BEFORE + parts[name]
    return parts

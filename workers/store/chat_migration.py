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
from workers.store.counters import REWRITTEN, bump
from workers.store.outbox import lanes
from workers.store.sql import UNCLAIMED, advisory_lock, insert
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


def migrate_event(event: Event, into: ChatRef) -> Event:
    """An event of the old chat as if it had happened in the new one."""
    return EVENT.validate_python(_rewritten(event.model_dump(), chat_of(event), into))


def migrate(c: Connection, old: ChatRef, into: ChatRef) -> None:
    """Give everything that is stored about `old` the id of `into`. Doing so again changes nothing.

    A worker that has claimed an event or a reply of the old chat loses the claim and does it again in the new one.
    """
    # Those of all who handle events or claim replies: nobody is half-way through the old chat.
    advisory_lock(c, "labels")
    advisory_lock(c, f"outbox {old.platform}")
    _migrate_settings(c, old, into)
    for table in (messages, ledger, questions):
        _migrate_refs(c, table, old, into)
    _migrate_keys(c, message_labels.c.ref, old, into)
    audited = [getattr(audit.c, name) == getattr(old, name) for name in ("platform", "workspace", "chat_id")]
    c.execute(update(audit).where(*audited).values(workspace=into.workspace, chat_id=into.chat_id))
    _migrate_queues(c, old, into)
    bump(c, REWRITTEN)


def _migrate_settings(c: Connection, old: ChatRef, into: ChatRef) -> None:
    before = chats_store.get(c, old)
    # Moved before: what was set in the new chat since then stands.
    if before is None or before.moved_to:
        return
    row = c.execute(select(chats).where(chats.c.key == old.key)).mappings().one()
    values = {**row, "key": into.key, **into.model_dump()}
    new = insert(c, chats).values(values)
    changed = {name: values[name] for name in ("enabled", "mode", "language", "bots", "enabled_by", "changed_at")}
    c.execute(new.on_conflict_do_update(index_elements=["key"], set_=changed))
    c.execute(update(chats).where(chats.c.key == old.key).values(enabled=False, moved_to=into.key))


def _ref(into: ChatRef, message_id: Any) -> Any:
    return literal(f"{into.key}/{BEFORE}") + message_id


def _migrate_refs(c: Connection, table: Table, old: ChatRef, into: ChatRef) -> None:
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


def _migrate_keys(c: Connection, column: Column[Any], old: ChatRef, into: ChatRef, *conditions: Any) -> None:
    """In a column of message keys, replace the chat's part."""
    of_chat = column.startswith(f"{old.key}/", autoescape=True)
    # SQL counts from 1, and the slash behind the chat goes, too.
    key = _ref(into, func.substr(column, len(old.key) + 2))
    c.execute(update(column.table).where(of_chat, *conditions).values({column.name: key}))


def _migrate_queues(c: Connection, old: ChatRef, into: ChatRef) -> None:
    def rewrite(text: str) -> str:
        return json.dumps(_rewritten(json.loads(text), old, into), ensure_ascii=False)

    _rewrite(c, inbox, inbox.c.event, inbox.c.chat == old.key, rewrite)
    _rewrite(c, outbox, outbox.c.reply, outbox.c.chat.in_(lanes(old)), rewrite)
    # `contains` only saves reading: `_rewritten` replaces whole refs and nothing else.
    _rewrite(c, confirmations, confirmations.c.command, confirmations.c.command.contains(old.chat_id), rewrite)
    _rewrite(c, jobs, jobs.c.request, jobs.c.request.contains(old.chat_id), rewrite)
    for table, waiting in ((inbox, "new"), (outbox, "pending")):
        claimed = table.c.chat.in_(lanes(old)) & (table.c.state == "claimed")
        # One attempt more is another token than the one that the claim holds.
        unclaimed = {"state": waiting, "attempts": table.c.attempts + 1, **UNCLAIMED}
        c.execute(update(table).where(claimed).values(unclaimed))
    c.execute(update(inbox).where(inbox.c.chat == old.key).values(chat=into.key))
    ids = literal(BEFORE) + outbox.c.message_id
    for before, after in zip(lanes(old), lanes(into), strict=True):
        c.execute(update(outbox).where(outbox.c.chat == before).values(chat=after, message_id=ids))
        _migrate_keys(c, outbox.c.subject, old, into, outbox.c.chat == after)


def _rewrite(c: Connection, table: Table, column: Column[Any], where: Any, change: Callable[[str], str]) -> None:
    for id, text in c.execute(select(table.c.id, column).where(where, column.is_not(None))).all():
        c.execute(update(table).where(table.c.id == id).values({column.name: change(text)}))


def _rewritten(value: Any, old: ChatRef, into: ChatRef) -> Any:
    """The parsed JSON with every chat and ref inside replaced, and the ids of messages marked as the old chat's."""
    if isinstance(value, list | tuple):
        return [_rewritten(part, old, into) for part in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    parts = {name: _rewritten(part, old, into) for name, part in cast(dict[str, Any], value).items()}
    if all(parts.get(name) == part for name, part in old.model_dump().items()):
        parts |= into.model_dump()
        if "message_id" in parts:
            parts["message_id"] = BEFORE + parts["message_id"]
    for name in ("reply_to", "thread"):
        if isinstance(parts.get(name), str):
            parts[name] = BEFORE + parts[name]
    return parts

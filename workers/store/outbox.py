"""Replies that wait to be sent, in order within each chat. A row is committed with the decision it follows from."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, delete, func, select, update

from workers.core.events import ChatRef, storable
from workers.core.replies import REPLY, Document, EditPost, Picture, React, Reply
from workers.store.columns import AnyRow, AnySelect
from workers.store.counters import add_new
from workers.store.locks import exclusive
from workers.store.tables import OUTBOX_EDITS, OUTBOX_LIVE, OUTBOX_REACTED, OUTBOX_SPENT, outbox

OVER = {"claimed_by": None, "lease_until": None}
GONE = {"reply": None, "error": None, **OVER}
# Asked twenty times a second, so they are put together once.
_LIVE = (OUTBOX_LIVE, outbox.c.platform == bindparam("on"))
_DUE = (outbox.c.state == "pending") & (outbox.c.available_at <= bindparam("now"))
_FREE = _DUE | ((outbox.c.state == "claimed") & (outbox.c.lease_until <= bindparam("now")))
"""Neither paused until later nor in the hands of somebody whose lease still runs."""

_MINE = (outbox.c.id == bindparam("row")) & (outbox.c.attempts == bindparam("tries")) & (outbox.c.state == "claimed")


def add(c: Connection, replies: Sequence[tuple[str, Reply]], now: float, received_at: float | None = None) -> None:
    """Queue replies under their keys; a key that is already known is ignored.

    `received_at`: when the event that they answer came in, if anybody wants to measure the way between.
    """
    rows = [
        {
            "key": key,
            "platform": reply.chat.platform,
            "chat": reply.chat.key,
            "kind": reply.kind,
            "subject": _subject(reply),
            "reply": reply.model_dump_json(),
            "available_at": now,
            "created_at": now,
            "received_at": received_at,
        }
        for key, reply in replies
    ]
    add_new(c, outbox, rows)


def _subject(reply: Reply) -> str | None:
    """What a reply says the latest about: of several about one subject, only the newest needs sending."""
    if isinstance(reply, EditPost):
        return reply.post
    return reply.ref.key if isinstance(reply, React) else None


def sent(c: Connection, outgoing: Outgoing, message_id: str | None, now: float) -> None:
    """Mark a reply as sent and keep the id that the platform gave it, even when the claim was lost meanwhile.

    What earlier edits of the same post said is dropped: nobody sees it any more.
    """
    values: dict[str, Any] = {"state": "sent", "message_id": message_id, "sent_at": now, "error": None, **OVER}
    if not isinstance(outgoing.reply, EditPost):
        values["reply"] = _kept(outgoing.reply)
    done = c.execute(update(outbox).where(_MINE).values(**values), _token(outgoing)).rowcount
    if done and isinstance(outgoing.reply, EditPost):
        older = (outbox.c.subject == outgoing.reply.post) & (outbox.c.id < outgoing.id) & (outbox.c.state == "sent")
        c.execute(update(outbox).where(OUTBOX_EDITS, older).values(state="superseded", **GONE))
    if not done and message_id is not None:
        empty = (outbox.c.id == outgoing.id) & outbox.c.message_id.is_(None)
        c.execute(update(outbox).where(empty).values(message_id=message_id))


def _kept(reply: Reply) -> str | None:
    """What stays of a sent reply: posts, which people scroll back to, but no files and nothing about others' text."""
    if isinstance(reply, Document | Picture):
        empty = "" if isinstance(reply, Document) else b""
        return reply.model_copy(update={"content": empty}).model_dump_json()
    return reply.model_dump_json() if reply.kind in ("post", "edit_post") else None


def retry(c: Connection, outgoing: Outgoing, after: float, error: str, now: float) -> None:
    """Give a reply back, to be sent in `after` seconds; its chat waits behind it. A lost claim is left alone."""
    values = {"state": "pending", "available_at": now + after, "error": storable(error), **OVER}
    c.execute(update(outbox).where(_MINE).values(**values), _token(outgoing))


def fail(c: Connection, outgoing: Outgoing, error: str, now: float) -> None:
    """Give a reply up, with the reason; its chat goes on. A lost claim is left alone."""
    values = {"state": "failed", "sent_at": now, "error": storable(error), **OVER}
    c.execute(update(outbox).where(_MINE).values(**values), _token(outgoing))


def give_back(c: Connection, outgoing: Sequence[Outgoing]) -> None:
    """Let go of replies that were not tried, so that they can be claimed again at once. Lost claims are left alone."""
    if outgoing:
        statement = update(outbox).where(_MINE).values(state="pending", **OVER)
        c.execute(statement, [_token(item) for item in outgoing])


def give_all_back(c: Connection, platform: str, worker: str) -> None:
    """Let go of all that a worker has claimed on a platform, when it stops."""
    its = (outbox.c.platform == platform) & (outbox.c.claimed_by == worker) & (outbox.c.state == "claimed")
    c.execute(update(outbox).where(OUTBOX_LIVE, its).values(state="pending", **OVER))


def _token(outgoing: Outgoing) -> dict[str, int]:
    return {"row": outgoing.id, "tries": outgoing.attempts}


def prune(c: Connection, before: float) -> int:
    """Delete what was queued before this time and is of no more use, with the memory of its keys. Returns how many.

    That is what was superseded, and reactions and questions about rights that were sent or given up; posts stay.
    """
    return c.execute(delete(outbox).where(OUTBOX_SPENT, outbox.c.created_at < before)).rowcount


def subject(c: Connection, key: str) -> str | None:
    """What the reply under this key is about: for a reaction the key of its message."""
    return c.execute(select(outbox.c.subject).where(outbox.c.key == key)).scalar()


def find_post(c: Connection, chat: ChatRef, message_id: str) -> str | None:
    """The outbox key of the post that has this id on its platform, such as the one whose button was pressed."""
    statement = select(outbox.c.key).where(outbox.c.chat == chat.key, outbox.c.message_id == message_id)
    return c.execute(statement.order_by(outbox.c.id.desc()).limit(1)).scalar()


def _ready_statement() -> AnySelect:
    """Steps from chat to chat along the index: the many replies that may wait in one of them are never looked at."""
    chats = select(func.min(outbox.c.chat).label("chat")).where(*_LIVE).cte("chats", recursive=True)
    following = select(func.min(outbox.c.chat)).where(*_LIVE, outbox.c.chat > chats.c.chat).scalar_subquery()
    chats = chats.union_all(select(following).where(chats.c.chat.is_not(None)))
    head = select(func.min(outbox.c.id)).where(*_LIVE, outbox.c.chat == chats.c.chat).scalar_subquery()
    wanted = chats.c.chat.is_not(None) & chats.c.chat.not_in(bindparam("without", expanding=True))
    heads = select(head.label("id")).where(wanted).subquery("heads")
    ready = select(outbox.c.chat).join(heads, heads.c.id == outbox.c.id).where(_FREE)
    return ready.order_by(outbox.c.id).limit(bindparam("most"))


def _front_statement() -> AnySelect:
    """A chat's oldest waiting replies."""
    columns = (outbox.c.id, outbox.c.key, outbox.c.chat, outbox.c.kind, outbox.c.subject, _FREE.label("free"))
    waiting = select(*columns).where(*_LIVE, outbox.c.chat == bindparam("in_chat"))
    return waiting.order_by(outbox.c.id).limit(bindparam("most"))


_READY_CHATS, _FRONT = _ready_statement(), _front_statement()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A reply that is ours to send until the lease ends. `handle`: what `send` returned for what it changes."""

    id: int
    key: str
    reply: Reply
    attempts: int
    handle: str | None


def has_work(c: Connection, platform: str, now: float = math.inf, without: Collection[str] = ()) -> bool:
    """Whether any chat, but for those in `without` (their keys), has a reply that could be claimed now.

    Costs as much as there are chats with waiting replies, however many wait in each.
    """
    return bool(_ready_chats(c, platform, 1, now, without))


def claim(
    c: Connection,
    platform: str,
    limit: int,
    lease: float,
    worker: str,
    now: float,
    per_chat: int | None = None,
    without: Collection[str] = (),
) -> list[Outgoing]:
    """Take up to `limit` replies for `lease` seconds, oldest first, never past an earlier one that must wait.

    Several of one chat (at most `per_chat`) may come at once: send them in order, and give the rest back when one has
    to wait. Chats whose keys are in `without` are left alone. Older edits of a post and older reactions to a message
    give way to the newest and are never sent.
    """
    exclusive(c, f"outbox {platform}")
    ready = _ready(c, platform, limit, now, per_chat or limit, without)
    if not ready:
        return []
    newest = _newest(c, [row.subject for row in ready if row.subject])
    _supersede(c, [row.id for row in ready if row.subject and newest[row.kind, row.subject] > row.id])
    chosen = _in_order([row for row in ready if not row.subject or newest[row.kind, row.subject] == row.id])
    rows = _take(c, chosen, {"claimed_by": worker, "lease_until": now + lease})
    handles = _post_ids(c, [row.subject for row in rows if row.kind == "edit_post"])
    handles |= _emoji(c, [row.subject for row in rows if row.kind == "react"])
    outgoing = [_decode(c, row, handles.get(row.subject)) for row in rows]
    return [item for item in outgoing if item is not None]


def _ready_chats(c: Connection, platform: str, limit: int, now: float, without: Collection[str]) -> Sequence[str]:
    """Chats whose oldest waiting reply is free, the one that waits longest first."""
    values = {"on": platform, "now": now, "without": list(without), "most": limit}
    return c.execute(_READY_CHATS, values).scalars().all()


def _ready(
    c: Connection, platform: str, limit: int, now: float, per_chat: int, without: Collection[str]
) -> list[AnyRow]:
    found: list[AnyRow] = []
    for chat in _ready_chats(c, platform, limit, now, without):
        most = min(per_chat, limit - len(found))
        rows = c.execute(_FRONT, {"on": platform, "in_chat": chat, "now": now, "most": most})
        found += takewhile(lambda row: row.free, rows)
        if len(found) == limit:
            break
    return sorted(found, key=lambda row: row.id)


def _newest(c: Connection, subjects: Sequence[str]) -> dict[tuple[str, str], int]:
    if not subjects:
        return {}
    statement = (
        select(outbox.c.kind, outbox.c.subject, func.max(outbox.c.id))
        .where(OUTBOX_LIVE, outbox.c.subject.in_(subjects))
        .group_by(outbox.c.kind, outbox.c.subject)
    )
    return {(kind, subject): newest for kind, subject, newest in c.execute(statement)}


def _supersede(c: Connection, ids: Sequence[int]) -> None:
    if ids:
        c.execute(update(outbox).where(outbox.c.id.in_(ids)).values(state="superseded", **GONE))


def _in_order(rows: Sequence[AnyRow]) -> list[int]:
    """Stop a chat at the edit of a post that is itself still on its way: its id is not known yet."""
    chosen: list[int] = []
    unsent: set[str] = set()
    stopped: set[str] = set()
    for row in rows:
        if row.kind == "edit_post" and row.subject in unsent:
            stopped.add(row.chat)
        if row.chat not in stopped:
            chosen.append(row.id)
            unsent.add(row.key)
    return chosen


def _take(c: Connection, ids: Sequence[int], lease: dict[str, Any]) -> list[AnyRow]:
    if not ids:
        return []
    statement = update(outbox).where(outbox.c.id.in_(ids))
    statement = statement.values(state="claimed", attempts=outbox.c.attempts + 1, **lease)
    rows = c.execute(
        statement.returning(
            outbox.c.id, outbox.c.key, outbox.c.kind, outbox.c.subject, outbox.c.reply, outbox.c.attempts
        )
    ).all()
    return sorted(rows, key=lambda row: row.id)


def _post_ids(c: Connection, keys: Sequence[str]) -> dict[str, str]:
    if not keys:
        return {}
    return {
        key: message
        for key, message in c.execute(select(outbox.c.key, outbox.c.message_id).where(outbox.c.key.in_(keys)))
        if message is not None
    }


def _emoji(c: Connection, subjects: Sequence[str]) -> dict[str, str]:
    """What the last reaction that was sent to each message left there."""
    if not subjects:
        return {}
    sent = select(outbox.c.subject, outbox.c.message_id).where(OUTBOX_REACTED, outbox.c.subject.in_(subjects))
    last = {row.subject: row.message_id for row in c.execute(sent.order_by(outbox.c.id))}
    return {subject: handle for subject, handle in last.items() if handle is not None}


def _decode(c: Connection, row: AnyRow, handle: str | None) -> Outgoing | None:
    try:
        reply = REPLY.validate_json(row.reply)
    except ValidationError as error:
        why = f"The stored reply cannot be read: {error.errors(include_input=False)[0]['msg']}"
        c.execute(update(outbox).where(outbox.c.id == row.id).values(state="failed", error=why, **OVER))
        return None
    return Outgoing(row.id, row.key, reply, row.attempts, handle)

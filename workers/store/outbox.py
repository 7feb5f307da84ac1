"""Replies that wait to be sent, in order within each chat.

A row is committed with the decision that it follows from (`add`). A bot process claims rows for some seconds (`claim`),
sends them, and says of each what came of it (`sent`, `retry`, `fail`, `give_back`). A claim that was lost meanwhile
changes nothing: `attempts` is the fencing token.

A chat has a lane for each kind of call, which the column `chat` names: emoji, of which a platform may want few, hold up
no words, and what is to be taken back later holds up nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, delete, func, select, update

from workers.core.events import ChatRef, storable_text
from workers.core.replies import REPLY, Document, EditPost, Picture, Post, React, Reply, TakeBack, alone
from workers.store.sql import UNCLAIMED, AnyRow, AnySelect, advisory_lock, claimable, insert_new, our_claim
from workers.store.tables import OUTBOX_EDITS, OUTBOX_LIVE, OUTBOX_REACTED, OUTBOX_SPENT, outbox

_EMPTIED = {"reply": None, "error": None, **UNCLAIMED}
_FREE, _OUR_CLAIM = claimable(outbox, "pending"), our_claim(outbox)


READ_AFTER = 300.0
"""Seconds after which what was said to one person, where others see it, has been read."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A reply that is ours to send until the lease ends. `handle`: what `send` returned for what it changes."""

    id: int
    key: str
    lane: str
    reply: Reply
    attempts: int
    handle: str | None


# ── before: queue what was decided ──────────────────────────────────────────────────────────────────


def add(c: Connection, replies: Sequence[tuple[str, Reply]], now: float, received_at: float | None = None) -> None:
    """Queue replies under their keys; a key that is there already is ignored.

    `received_at`: when the event that they answer came in, if anybody wants to measure the way between.
    """
    rows = [
        {
            "key": key,
            "platform": reply.chat.platform,
            "chat": _lane(reply),
            "kind": reply.kind,
            "subject": _subject(reply),
            "reply": reply.model_dump_json(),
            "available_at": now,
            "created_at": now,
            "received_at": received_at,
        }
        for key, reply in replies
    ]
    insert_new(c, outbox, rows)


def lanes(chat: ChatRef) -> tuple[str, str, str]:
    """A chat's lanes: words and files, emoji, and what is to be taken back."""
    return chat.key, f"{chat.key} emoji", f"{chat.key} later"


def _lane(reply: Reply) -> str:
    words, emoji, later = lanes(reply.chat)
    return emoji if isinstance(reply, React) else later if isinstance(reply, TakeBack) else words


def _subject(reply: Reply) -> str | None:
    """What a reply says the latest about: of several about one subject, only the newest needs sending."""
    if isinstance(reply, EditPost | TakeBack):
        return reply.post
    return reply.ref.key if isinstance(reply, React) else None


# ── claim: the oldest replies of the chats that are free ────────────────────────────────────────────

_WAITING = (OUTBOX_LIVE, outbox.c.platform == bindparam("on_platform"))


def _free_chats_statement() -> AnySelect:
    """The chats whose oldest waiting reply is free, the one that has waited longest first.

    A chat may have thousands of waiting replies, so the recursion hops over the index (platform, chat, id) from each
    chat to the next one by name: one look per chat, whatever waits in it. Then the oldest reply of each chat is looked
    up. If that one is paused or in another process's hands, its chat is left out, because replies keep their order.
    """
    chats = select(func.min(outbox.c.chat).label("chat")).where(*_WAITING).cte("chats", recursive=True)
    next_chat = select(func.min(outbox.c.chat)).where(*_WAITING, outbox.c.chat > chats.c.chat).scalar_subquery()
    chats = chats.union_all(select(next_chat).where(chats.c.chat.is_not(None)))
    oldest_id = select(func.min(outbox.c.id)).where(*_WAITING, outbox.c.chat == chats.c.chat).scalar_subquery()
    wanted = chats.c.chat.is_not(None) & chats.c.chat.not_in(bindparam("without", expanding=True))
    oldest = select(oldest_id.label("id")).where(wanted).subquery("oldest")
    free = select(outbox.c.chat).join(oldest, oldest.c.id == outbox.c.id).where(_FREE)
    return free.order_by(outbox.c.id).limit(bindparam("most"))


def _front_statement() -> AnySelect:
    """A chat's oldest waiting replies."""
    columns = (outbox.c.id, outbox.c.key, outbox.c.chat, outbox.c.kind, outbox.c.subject, _FREE.label("free"))
    waiting = select(*columns).where(*_WAITING, outbox.c.chat == bindparam("in_chat"))
    return waiting.order_by(outbox.c.id).limit(bindparam("most"))


# Built once: they are run twenty times a second.
_FREE_CHATS, _FRONT = _free_chats_statement(), _front_statement()


def has_work(c: Connection, platform: str, now: float = math.inf, without: Collection[str] = ()) -> bool:
    """Whether any chat, but for those in `without` (their keys), has a reply that could be claimed now.

    Costs as much as there are chats with waiting replies, however many wait in each.
    """
    return bool(_free_chats(c, platform, 1, now, without))


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
    # One at a time: two claims would share a chat's replies between them, and send them at once.
    advisory_lock(c, f"outbox {platform}")
    front = _front(c, platform, limit, now, per_chat or limit, without)
    if not front:
        return []
    newest = _newest(c, [row.subject for row in front if row.subject])
    _supersede(c, [row.id for row in front if row.subject and newest[row.kind, row.subject] > row.id])
    sendable = _in_order([row for row in front if not row.subject or newest[row.kind, row.subject] == row.id])
    rows = _take(c, sendable, {"claimed_by": worker, "lease_until": now + lease})
    handles = _post_ids(c, [row.subject for row in rows if row.kind in ("edit_post", "take_back")])
    handles |= _emoji(c, [row.subject for row in rows if row.kind == "react"])
    outgoing = [_decode(c, row, handles.get(row.subject)) for row in rows]
    return [item for item in outgoing if item is not None]


def _free_chats(c: Connection, platform: str, limit: int, now: float, without: Collection[str]) -> Sequence[str]:
    values = {"on_platform": platform, "now": now, "without": list(without), "most": limit}
    return c.execute(_FREE_CHATS, values).scalars().all()


def _front(
    c: Connection, platform: str, limit: int, now: float, per_chat: int, without: Collection[str]
) -> list[AnyRow]:
    """The replies that may go now: of each free chat the oldest, up to the first that has to wait."""
    front: list[AnyRow] = []
    for chat in _free_chats(c, platform, limit, now, without):
        most = min(per_chat, limit - len(front))
        rows = c.execute(_FRONT, {"on_platform": platform, "in_chat": chat, "now": now, "most": most})
        front += takewhile(lambda row: row.free, rows)
        if len(front) == limit:
            break
    return sorted(front, key=lambda row: row.id)


def _newest(c: Connection, subjects: Sequence[str]) -> dict[tuple[str, str], int]:
    """The id of the newest waiting reply by kind and subject."""
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
        c.execute(update(outbox).where(outbox.c.id.in_(ids)).values(state="superseded", **_EMPTIED))


def _in_order(rows: Sequence[AnyRow]) -> list[int]:
    """Stop a chat at the edit of a post that is itself still on its way: its id on the platform is not there yet."""
    ids: list[int] = []
    unsent: set[str] = set()
    stopped: set[str] = set()
    for row in rows:
        if row.kind == "edit_post" and row.subject in unsent:
            stopped.add(row.chat)
        if row.chat not in stopped:
            ids.append(row.id)
            unsent.add(row.key)
    return ids


def _take(c: Connection, ids: Sequence[int], lease: dict[str, Any]) -> list[AnyRow]:
    if not ids:
        return []
    columns = tuple(outbox.c[name] for name in ("id", "key", "chat", "kind", "subject", "reply", "attempts"))
    statement = update(outbox).where(outbox.c.id.in_(ids))
    statement = statement.values(state="claimed", attempts=outbox.c.attempts + 1, **lease)
    return sorted(c.execute(statement.returning(*columns)).all(), key=lambda row: row.id)


def _post_ids(c: Connection, keys: Sequence[str]) -> dict[str, str]:
    """The ids on the platform of the posts under these keys, where they were sent."""
    if not keys:
        return {}
    posts = c.execute(select(outbox.c.key, outbox.c.message_id).where(outbox.c.key.in_(keys)))
    return {key: message_id for key, message_id in posts if message_id is not None}


def _emoji(c: Connection, subjects: Sequence[str]) -> dict[str, str]:
    """What the last reaction that was sent to each message left there."""
    if not subjects:
        return {}
    reactions = select(outbox.c.subject, outbox.c.message_id).where(OUTBOX_REACTED, outbox.c.subject.in_(subjects))
    last = {row.subject: row.message_id for row in c.execute(reactions.order_by(outbox.c.id))}
    return {subject: handle for subject, handle in last.items() if handle is not None}


def _decode(c: Connection, row: AnyRow, handle: str | None) -> Outgoing | None:
    try:
        reply = REPLY.validate_json(row.reply)
    except ValidationError as error:
        reason = f"The stored reply cannot be read: {error.errors(include_input=False)[0]['msg']}"
        c.execute(update(outbox).where(outbox.c.id == row.id).values(state="failed", error=reason, **UNCLAIMED))
        return None
    return Outgoing(row.id, row.key, row.chat, reply, row.attempts, handle)


# ── after: what came of a claimed reply ─────────────────────────────────────────────────────────────


def sent(c: Connection, outgoing: Outgoing, message_id: str | None, now: float) -> None:
    """Mark a reply as sent and keep the id that the platform gave it, even when the claim was lost meanwhile.

    What earlier edits of the same post said is dropped: nobody sees it any more.
    """
    values: dict[str, Any] = {"state": "sent", "message_id": message_id, "sent_at": now, "error": None, **UNCLAIMED}
    if not isinstance(outgoing.reply, EditPost):
        values["reply"] = _kept(outgoing.reply)
    if isinstance(outgoing.reply, TakeBack):
        values["state"] = "superseded"  # of no more use, and pruned like what was never sent
    marked = c.execute(update(outbox).where(_OUR_CLAIM).values(**values), _token(outgoing)).rowcount
    others_see_it = message_id is not None and alone(message_id) is None
    if isinstance(outgoing.reply, Post | Picture) and outgoing.reply.to is not None and others_see_it:
        back = TakeBack(chat=outgoing.reply.chat, post=outgoing.key)
        add(c, [(f"{outgoing.key}:back", back)], now + READ_AFTER)
    if marked and isinstance(outgoing.reply, EditPost):
        older = (outbox.c.subject == outgoing.reply.post) & (outbox.c.id < outgoing.id) & (outbox.c.state == "sent")
        c.execute(update(outbox).where(OUTBOX_EDITS, older).values(state="superseded", **_EMPTIED))
    if not marked and message_id is not None:
        without_id = (outbox.c.id == outgoing.id) & outbox.c.message_id.is_(None)
        c.execute(update(outbox).where(without_id).values(message_id=message_id))


def _kept(reply: Reply) -> str | None:
    """What stays of a sent reply: posts, which people scroll back to, but no files and nothing about others' text."""
    if isinstance(reply, Document | Picture):
        empty = "" if isinstance(reply, Document) else b""
        return reply.model_copy(update={"content": empty}).model_dump_json()
    return reply.model_dump_json() if reply.kind in ("post", "edit_post") else None


def retry(c: Connection, outgoing: Outgoing, after: float, error: str, now: float) -> None:
    """Give a reply back, to be sent in `after` seconds; its chat waits behind it. A lost claim is left alone."""
    values = {"state": "pending", "available_at": now + after, "error": storable_text(error), **UNCLAIMED}
    c.execute(update(outbox).where(_OUR_CLAIM).values(**values), _token(outgoing))


def fail(c: Connection, outgoing: Outgoing, error: str, now: float) -> None:
    """Give a reply up, with the reason; its chat goes on. A lost claim is left alone."""
    values = {"state": "failed", "sent_at": now, "error": storable_text(error), **UNCLAIMED}
    c.execute(update(outbox).where(_OUR_CLAIM).values(**values), _token(outgoing))


def give_back(c: Connection, outgoing: Sequence[Outgoing]) -> None:
    """Let go of replies that were not tried, so that they can be claimed again at once. Lost claims are left alone."""
    if outgoing:
        statement = update(outbox).where(_OUR_CLAIM).values(state="pending", **UNCLAIMED)
        c.execute(statement, [_token(item) for item in outgoing])


def give_all_back(c: Connection, platform: str, worker: str) -> None:
    """Let go of all that a worker has claimed on a platform, when it stops."""
    claimed = (outbox.c.platform == platform) & (outbox.c.claimed_by == worker) & (outbox.c.state == "claimed")
    c.execute(update(outbox).where(OUTBOX_LIVE, claimed).values(state="pending", **UNCLAIMED))


def _token(outgoing: Outgoing) -> dict[str, int]:
    return {"row": outgoing.id, "token": outgoing.attempts}


def prune(c: Connection, before: float) -> int:
    """Delete what was queued before this time and is of no more use, with the memory of its keys. Returns how many.

    That is what was superseded, and reactions and questions about rights that were sent or given up; posts stay.
    """
    return c.execute(delete(outbox).where(OUTBOX_SPENT, outbox.c.created_at < before)).rowcount


# ── look up what was posted ─────────────────────────────────────────────────────────────────────────


def is_known(c: Connection, key: str) -> bool:
    """Whether there ever was a reply under this key."""
    return c.execute(select(outbox.c.id).where(outbox.c.key == key)).first() is not None


def subject(c: Connection, key: str) -> str | None:
    """What the reply under this key is about: for a reaction the key of its message."""
    return c.execute(select(outbox.c.subject).where(outbox.c.key == key)).scalar()


def find_post(c: Connection, chat: ChatRef, message_id: str) -> str | None:
    """The outbox key of the post that has this id on its platform, such as the one whose button was pressed."""
    # A label that was shown in words stands in the lane of emoji.
    statement = select(outbox.c.key).where(outbox.c.chat.in_(lanes(chat)), outbox.c.message_id == message_id)
    return c.execute(statement.order_by(outbox.c.id.desc()).limit(1)).scalar()


def reader(c: Connection, key: str) -> str | None:
    """The id of the one person to whom the post under this key was said; None where it was said to all."""
    row = c.execute(select(outbox.c.reply).where(outbox.c.key == key, outbox.c.reply.is_not(None))).first()
    reply = REPLY.validate_json(row.reply) if row else None
    return reply.to if isinstance(reply, Post | Picture) else None

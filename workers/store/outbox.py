"""Replies that wait to be sent, in order within each chat. A row is committed with the decision it follows from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, bindparam, func, not_, select, update

from workers.contracts import REPLY, ChatRef, Document, EditPost, React, Reply, storable
from workers.store.columns import AnyRow
from workers.store.counters import add_new, exclusive
from workers.store.tables import OUTBOX_LIVE, outbox

_MINE = (outbox.c.id == bindparam("row")) & (outbox.c.attempts == bindparam("tries")) & (outbox.c.state == "claimed")
_OVER = {"claimed_by": None, "lease_until": None}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A reply that is ours to send until the lease ends. `post_id`: the platform's id of the post to edit."""

    id: int
    key: str
    reply: Reply
    attempts: int
    post_id: str | None


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


def claim(c: Connection, platform: str, limit: int, lease: float, worker: str, now: float) -> list[Outgoing]:
    """Take up to `limit` replies for `lease` seconds, oldest first, never past an earlier one that must wait.

    Several of one chat may come at once: send them in order, and give the rest back when one has to wait.
    Older edits of a post and older reactions to a message give way to the newest and are never sent.
    """
    exclusive(c, f"outbox {platform}")
    ready = _ready(c, platform, limit, now)
    if not ready:
        return []
    newest = _newest(c, [row.subject for row in ready if row.subject])
    _supersede(c, [row.id for row in ready if row.subject and newest[row.kind, row.subject] > row.id])
    chosen = _in_order([row for row in ready if not row.subject or newest[row.kind, row.subject] == row.id])
    rows = _take(c, chosen, {"claimed_by": worker, "lease_until": now + lease})
    posts = _post_ids(c, [row.subject for row in rows if row.kind == "edit_post"])
    outgoing = [_decode(c, row, posts) for row in rows]
    return [item for item in outgoing if item is not None]


def _blocked() -> ColumnElement[bool]:
    """Rows that must wait: paused until later, or in the hands of somebody whose lease still runs."""
    paused = (outbox.c.state == "pending") & (outbox.c.available_at > bindparam("now"))
    return paused | ((outbox.c.state == "claimed") & (outbox.c.lease_until > bindparam("now")))


def _ready(c: Connection, platform: str, limit: int, now: float) -> Sequence[AnyRow]:
    live = (OUTBOX_LIVE, outbox.c.platform == platform)
    # The blocked rows are few: finding where each chat stops first is quicker than asking at every waiting row.
    stop = select(outbox.c.chat, func.min(outbox.c.id).label("id")).where(*live, _blocked()).group_by(outbox.c.chat)
    stops = stop.subquery("stops")
    statement = (
        select(outbox.c.id, outbox.c.key, outbox.c.chat, outbox.c.kind, outbox.c.subject)
        .outerjoin(stops, stops.c.chat == outbox.c.chat)
        .where(*live, not_(_blocked()), stops.c.id.is_(None) | (outbox.c.id < stops.c.id))
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return c.execute(statement, {"now": now}).all()


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
        c.execute(update(outbox).where(outbox.c.id.in_(ids)).values(state="superseded", reply=None, **_OVER))


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


def _decode(c: Connection, row: AnyRow, posts: dict[str, str]) -> Outgoing | None:
    try:
        reply = REPLY.validate_json(row.reply)
    except ValidationError as error:
        why = f"The stored reply cannot be read: {error.errors(include_input=False)[0]['msg']}"
        c.execute(update(outbox).where(outbox.c.id == row.id).values(state="failed", error=why, **_OVER))
        return None
    post = posts.get(row.subject) if row.kind == "edit_post" else None
    return Outgoing(row.id, row.key, reply, row.attempts, post)


def sent(c: Connection, outgoing: Outgoing, message_id: str | None, now: float) -> None:
    """Mark a reply as sent and keep the id that the platform gave it, even when the claim was lost meanwhile."""
    values: dict[str, Any] = {"state": "sent", "message_id": message_id, "sent_at": now, "error": None, **_OVER}
    if not isinstance(outgoing.reply, EditPost):
        values["reply"] = _kept(outgoing.reply)
    done = c.execute(update(outbox).where(_MINE).values(**values), _token(outgoing)).rowcount
    if not done and message_id is not None:
        empty = (outbox.c.id == outgoing.id) & outbox.c.message_id.is_(None)
        c.execute(update(outbox).where(empty).values(message_id=message_id))


def _kept(reply: Reply) -> str | None:
    """What stays of a sent reply: posts, which people scroll back to, but no files and nothing about others' text."""
    if isinstance(reply, Document):
        return reply.model_copy(update={"content": ""}).model_dump_json()
    return reply.model_dump_json() if reply.kind in ("post", "edit_post") else None


def sent_all(c: Connection, outgoing: Sequence[Outgoing], now: float) -> None:
    """Mark many replies that got no id of their own, such as reactions, as sent."""
    statement = (
        update(outbox).where(_MINE).values(state="sent", sent_at=now, error=None, reply=bindparam("kept"), **_OVER)
    )
    if outgoing:
        c.execute(statement, [{**_token(item), "kept": _kept(item.reply)} for item in outgoing])


def retry(c: Connection, outgoing: Outgoing, after: float, error: str, now: float) -> None:
    """Give a reply back, to be sent in `after` seconds; its chat waits behind it. A lost claim is left alone."""
    values = {"state": "pending", "available_at": now + after, "error": storable(error), **_OVER}
    c.execute(update(outbox).where(_MINE).values(**values), _token(outgoing))


def fail(c: Connection, outgoing: Outgoing, error: str, now: float) -> None:
    """Give a reply up, with the reason; its chat goes on. A lost claim is left alone."""
    values = {"state": "failed", "sent_at": now, "error": storable(error), **_OVER}
    c.execute(update(outbox).where(_MINE).values(**values), _token(outgoing))


def _token(outgoing: Outgoing) -> dict[str, int]:
    return {"row": outgoing.id, "tries": outgoing.attempts}


def pending(c: Connection, platform: str | None = None) -> int:
    """How many replies are not sent yet, on one platform or on all."""
    statement = select(func.count()).select_from(outbox).where(OUTBOX_LIVE)
    return c.execute(statement if platform is None else statement.where(outbox.c.platform == platform)).scalar_one()


def find_post(c: Connection, chat: ChatRef, message_id: str) -> str | None:
    """The outbox key of the post that has this id on its platform, such as the one whose button was pressed."""
    statement = select(outbox.c.key).where(outbox.c.chat == chat.key, outbox.c.message_id == message_id)
    return c.execute(statement.order_by(outbox.c.id.desc()).limit(1)).scalar()

"""Replies that wait to be sent, in order within each chat. A row is committed with the decision it follows from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from workers.contracts import ChatRef, Document, EditPost, Picture, React, Reply, storable
from workers.store.counters import add_new
from workers.store.outgoing import (
    GONE,
    OVER,
)
from workers.store.outgoing import (
    Outgoing as Outgoing,
)
from workers.store.outgoing import (
    claim as claim,
)
from workers.store.outgoing import (
    has_work as has_work,
)
from workers.store.tables import OUTBOX_EDITS, OUTBOX_LIVE, OUTBOX_SPENT, outbox

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


def sent_all(c: Connection, outgoing: Sequence[Outgoing], now: float) -> None:
    """Mark many replies that got no id of their own, such as reactions, as sent."""
    statement = (
        update(outbox).where(_MINE).values(state="sent", sent_at=now, error=None, reply=bindparam("kept"), **OVER)
    )
    if outgoing:
        c.execute(statement, [{**_token(item), "kept": _kept(item.reply)} for item in outgoing])


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


def pending(c: Connection, platform: str | None = None) -> int:
    """How many replies are not sent yet, on one platform or on all."""
    statement = select(func.count()).select_from(outbox).where(OUTBOX_LIVE)
    return c.execute(statement if platform is None else statement.where(outbox.c.platform == platform)).scalar_one()


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

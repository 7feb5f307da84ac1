"""What waits in the inbox and in the outbox, what was given up there, and what becomes of that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Table, func, select, update

from workers.core.errors import BackchannelError
from workers.store.sql import UNCLAIMED, AnySelect, among
from workers.store.tables import INBOX_FAILED, INBOX_LIVE, OUTBOX_FAILED, OUTBOX_LIVE, inbox, outbox

Direction = Literal["in", "out"]
NUMBER = re.compile(r"(in|out)([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits in a queue or for a platform, and how many seconds the oldest of it has waited."""

    direction: Direction
    name: str
    count: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Failed:
    """An event or a reply that was given up. `number` names it for people, as in in12 or out7."""

    number: str
    at: float
    where: str
    why: str


def waiting(c: Connection, now: float) -> list[Backlog]:
    """What is not done yet, in the inbox by queue and in the outbox by platform."""
    came_in = select(inbox.c.queue, func.count(), func.min(inbox.c.received_at)).where(INBOX_LIVE)
    going_out = select(outbox.c.platform, func.count(), func.min(outbox.c.created_at))
    # What is to be taken back later is of a later time.
    going_out = going_out.where(OUTBOX_LIVE, outbox.c.created_at <= now)
    parts: tuple[tuple[Direction, AnySelect], ...] = (
        ("in", came_in.group_by(inbox.c.queue).order_by(inbox.c.queue)),
        ("out", going_out.group_by(outbox.c.platform).order_by(outbox.c.platform)),
    )
    return [
        Backlog(direction, name, count, max(0.0, now - oldest))
        for direction, statement in parts
        for name, count, oldest in c.execute(statement)
    ]


def oldest_reply(c: Connection, platform: str, now: float) -> float:
    """How many seconds the oldest reply to a platform has waited; 0 where none waits."""
    oldest = select(func.min(outbox.c.created_at)).where(OUTBOX_LIVE, outbox.c.platform == platform)
    created_at = c.execute(oldest).scalar()
    return 0.0 if created_at is None else max(0.0, now - created_at)


def failed_count(c: Connection) -> int:
    """How many events and replies were given up."""
    events = select(func.count()).select_from(inbox).where(INBOX_FAILED)
    replies = select(func.count()).select_from(outbox).where(OUTBOX_FAILED)
    return c.execute(events).scalar_one() + c.execute(replies).scalar_one()


def failed(c: Connection, most: int) -> list[Failed]:
    """The newest of what was given up, the oldest first; never what people wrote."""
    events = select(inbox.c.id, inbox.c.received_at, inbox.c.chat, inbox.c.error).where(INBOX_FAILED)
    replies = select(outbox.c.id, outbox.c.created_at, outbox.c.chat, outbox.c.error).where(OUTBOX_FAILED)
    parts: tuple[tuple[Direction, AnySelect], ...] = (
        ("in", events.order_by(inbox.c.id.desc()).limit(most)),
        ("out", replies.order_by(outbox.c.id.desc()).limit(most)),
    )
    rows = [
        Failed(f"{direction}{id}", at, chat, error or "")
        for direction, statement in parts
        for id, at, chat, error in reversed(c.execute(statement).all())
    ]
    return sorted(rows, key=lambda row: row.at)[-most:]


def retry(c: Connection, numbers: Sequence[str], now: float) -> int:
    """Let failed events and replies be tried again from their first try. Returns how many.

    Without a number, all of them. Raises BackchannelError for a number that is none.
    """
    anew: dict[str, Any] = {"attempts": 0, "available_at": now, "error": None, **UNCLAIMED}
    return _change(c, numbers, {"state": "new", **anew}, {"state": "pending", "sent_at": None, **anew})


def drop(c: Connection, numbers: Sequence[str]) -> int:
    """Empty failed events and replies, whose keys are kept: delivered again, they do not come back. Returns how many.

    Without a number, all of them. Raises BackchannelError for a number that is none.
    """
    return _change(c, numbers, {"state": "done", "event": None}, {"state": "superseded", "reply": None})


def _change(c: Connection, numbers: Sequence[str], event: dict[str, Any], reply: dict[str, Any]) -> int:
    ids = _ids(numbers)
    changed = 0
    changes: tuple[tuple[Direction, Table, Any, dict[str, Any]], ...] = (
        ("in", inbox, INBOX_FAILED, event),
        ("out", outbox, OUTBOX_FAILED, reply),
    )
    for direction, table, is_failed, values in changes:
        statement = update(table).where(is_failed)
        statement = statement.where(among(c, table.c.id, ids[direction])) if numbers else statement
        changed += c.execute(statement.values(**values)).rowcount
    return changed


def _ids(numbers: Sequence[str]) -> dict[Direction, list[int]]:
    ids: dict[Direction, list[int]] = {"in": [], "out": []}
    for number in numbers:
        match = NUMBER.fullmatch(number)
        if match is None:
            raise BackchannelError(f"{number!r} is no number of what failed; `backchannel failed list` shows them.")
        ids["in" if match[1] == "in" else "out"].append(int(match[2]))
    return ids

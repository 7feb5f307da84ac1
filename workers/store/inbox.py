"""Events that came in and wait to be worked on. A row is committed before the platform is told "received"."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, delete, func, select, update

from workers.core.errors import BackchannelError
from workers.core.events import CLASSIFY, EVENT, LABELS, Event, Message, MessageRef, chat_of, storable_text
from workers.store.sql import UNCLAIMED, AnyRow, AnySelect, advisory_lock, chunks, claimable, insert_new, our_claim
from workers.store.tables import EARLIER, INBOX_EARLIER_CLAIMED, INBOX_FAILED, INBOX_LIVE, INBOX_OVER, inbox

# With pauses that double from two seconds, an event that fails is given up after about four minutes.
MAX_ATTEMPTS = 8
ALONE = 2
"""A row that was claimed so often without coming to an end may be what kills its workers: it is claimed alone."""

_FREE, _OUR_CLAIM = claimable(inbox, "new"), our_claim(inbox)
_EARLIER = inbox.alias(EARLIER)
# A later event of the same chat and queue must wait while an earlier one is being worked on. Among the few claimed
# rows alone: to look through all earlier ones would cost more with every event that came in.
_BEHIND_CLAIMED = (
    select(_EARLIER.c.id)
    .where(INBOX_EARLIER_CLAIMED, _EARLIER.c.lease_until > bindparam("now"))
    .where(_EARLIER.c.queue == inbox.c.queue, _EARLIER.c.chat == inbox.c.chat, _EARLIER.c.id < inbox.c.id)
    .exists()
)


class LostClaim(BackchannelError):
    """Our lease ran out and somebody else took the rows; what we did with them must be rolled back."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that is ours until the lease ends. `attempts` names this very claim: it grows with each one."""

    id: int
    event: Event
    attempts: int
    received_at: float


def add(c: Connection, events: Sequence[Event], now: float) -> int:
    """Store events; one whose key is there already is ignored. Returns how many were new."""
    rows = [
        {
            "key": event.key,
            "queue": event.queue,
            "chat": chat_of(event).key,
            "event": event.model_dump_json(),
            "available_at": now,
            "received_at": now,
        }
        for event in events
    ]
    return insert_new(c, inbox, rows)


def claim(c: Connection, queue: str, limit: int, lease: float, worker: str, now: float) -> list[Claimed]:
    """Take up to `limit` events of a queue for `lease` seconds, oldest first.

    A row whose lease ran out is handed out again; from the third time on it comes alone, and one that took
    MAX_ATTEMPTS workers down is set to failed. What people type in one chat is worked on in its order: while a worker
    has claimed events of a chat's `labels`, nobody else gets later ones.
    """
    if queue == LABELS:
        # Two claims at once would each take events of one chat, not seeing that the other's come first.
        advisory_lock(c, "inbox labels")
    while ids := _together(c.execute(_due(queue, limit), {"now": now}).all()):
        statement = (
            update(inbox)
            .where(inbox.c.id.in_(ids))
            .values(state="claimed", attempts=inbox.c.attempts + 1, claimed_by=worker, lease_until=now + lease)
            .returning(inbox.c.id, inbox.c.event, inbox.c.attempts, inbox.c.received_at)
        )
        rows = sorted(c.execute(statement).all(), key=lambda row: row.id)
        if claimed := [item for row in rows if (item := _decode(c, row))]:
            return claimed
    return []


def _together(due: Sequence[AnyRow]) -> list[int]:
    """The oldest row if it is under suspicion, or else all that are not: one poisoned event must not spoil others."""
    if due and due[0].attempts >= ALONE:
        return [due[0].id]
    return [row.id for row in due if row.attempts < ALONE]


def _due(queue: str, limit: int) -> AnySelect:
    return _ready(queue).order_by(inbox.c.id).limit(limit).with_for_update(skip_locked=True)


def _ready(queue: str) -> AnySelect:
    ready = select(inbox.c.id, inbox.c.attempts).where(INBOX_LIVE, inbox.c.queue == queue, _FREE)
    return ready.where(~_BEHIND_CLAIMED) if queue == LABELS else ready


def _decode(c: Connection, row: AnyRow) -> Claimed | None:
    if row.attempts > MAX_ATTEMPTS:
        _fail(c, row.id, "Whoever worked on this event stopped before its end, every time.")
        return None
    try:
        # A stored event may be another release's.
        return Claimed(row.id, EVENT.validate_json(row.event), row.attempts, row.received_at)
    except ValidationError as error:
        # Without the input, which is what somebody wrote.
        _fail(c, row.id, f"The stored event cannot be read: {error.errors(include_input=False)[0]['msg']}")
        return None


def _fail(c: Connection, row: int, error: str) -> None:
    statement = update(inbox).where(inbox.c.id == row)
    c.execute(statement.values(state="failed", error=storable_text(error), **UNCLAIMED))


def finish(c: Connection, claimed: Sequence[Claimed]) -> None:
    """Mark events as done and drop what they said.

    Raises LostClaim if any of them is no longer ours; let it roll the transaction back. Postgres: waits until nobody
    else handles events, as SQLite does anyway.
    """
    if not claimed:
        return
    # Taken first, here, by everybody who goes on to messages and labels: nobody can wait for another in a circle,
    # and what `forget` finds in the inbox is not at the same time on its way into the messages.
    advisory_lock(c, "labels")
    emptied = {"event": None, "error": None, **UNCLAIMED}
    statement = update(inbox).where(_OUR_CLAIM).values(state="done", **emptied)
    rows = [{"row": item.id, "token": item.attempts} for item in sorted(claimed, key=lambda item: item.id)]
    # `_OUR_CLAIM` names id and attempts: a row that was claimed again meanwhile has another number and is not counted.
    finished = c.execute(statement, rows).rowcount
    if finished != len(rows):
        raise LostClaim(
            f"{len(rows) - finished} of {len(rows)} events were taken over by another worker; they are redone."
        )


def retry(c: Connection, claimed: Claimed, after: float, error: str, now: float) -> None:
    """Give an event back, to be claimed again in `after` seconds; after MAX_ATTEMPTS it fails with its error.

    A claim that is no longer ours is left alone.
    """
    over = claimed.attempts >= MAX_ATTEMPTS
    change = {"state": "failed" if over else "new", "available_at": now + after, "error": storable_text(error)}
    statement = update(inbox).where(_OUR_CLAIM).values(**change, **UNCLAIMED)
    c.execute(statement, {"row": claimed.id, "token": claimed.attempts})


def has_work(c: Connection, queue: str, now: float) -> bool:
    """Whether anything of a queue could be claimed now."""
    return c.execute(_ready(queue).limit(1), {"now": now}).first() is not None


def waiting_message(c: Connection, ref: MessageRef) -> Message | None:
    """The message with this ref, if it waits here for its worker."""
    # Saves decoding what waits: the id in quotes, as pydantic writes it.
    names_it = inbox.c.event.contains(json.dumps(ref.message_id, ensure_ascii=False), autoescape=True)
    of_chat = (inbox.c.queue == CLASSIFY) & (inbox.c.chat == ref.chat.key)
    for text in c.execute(select(inbox.c.event).where(INBOX_LIVE, of_chat, names_it)).scalars():
        event = EVENT.validate_json(text)
        if isinstance(event, Message) and event.ref == ref:
            return event
    return None


def is_waiting(c: Connection, key: str) -> bool:
    """Whether the event with this key is not yet worked on to its end."""
    return c.execute(select(inbox.c.id).where(INBOX_LIVE, inbox.c.key == key)).first() is not None


def over(c: Connection, keys: Iterable[str]) -> set[str]:
    """Those of these events that are done or were given up."""
    return {
        key
        for piece in chunks(sorted(keys))
        for key in c.execute(select(inbox.c.key).where(inbox.c.key.in_(piece), INBOX_OVER)).scalars()
    }


def waiting(c: Connection, now: float) -> dict[str, int]:
    """How many events could be claimed now, per queue; queues without any are left out."""
    statement = select(inbox.c.queue, func.count()).where(INBOX_LIVE, _FREE).group_by(inbox.c.queue)
    return dict(c.execute(statement, {"now": now}).all())


def failed(c: Connection) -> int:
    """How many events were given up."""
    return c.execute(select(func.count()).select_from(inbox).where(INBOX_FAILED)).scalar_one()


def prune(c: Connection, before: float) -> int:
    """Delete done and failed rows received before this time, and the memory of their keys. Returns how many."""
    return c.execute(delete(inbox).where(INBOX_OVER, inbox.c.received_at < before)).rowcount

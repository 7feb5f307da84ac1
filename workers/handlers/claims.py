"""Claim what waits, work on it, and see that one bad event holds up nobody else.

All of it is safe to be killed at any point: what was claimed and not finished is claimed again once its lease
is over, and what was half done was never committed.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from workers.core.events import Button, Command, asker_of, chat_of
from workers.core.i18n import say
from workers.core.replies import Post
from workers.store import chats, inbox, outbox
from workers.store.database import Database, DatabaseAway, Stale
from workers.store.inbox import Claimed, LostClaim

log = logging.getLogger(__name__)

TRIES = 3
Work = Callable[[Sequence[Claimed]], None]
"""Handle claimed events and finish them, in one transaction."""
Split = Callable[[Sequence[Claimed]], Sequence[Sequence[Claimed]]]
"""A claimed batch in parts that are worked on one after another, each with transactions of its own."""


@dataclass(frozen=True, slots=True)
class ClaimContext:
    """Who claims: `worker` names the process, `lease` is in seconds, `most` events are taken at a time."""

    database: Database
    worker: str
    lease: float
    most: int
    language: str = "en"


def all_together(claimed: Sequence[Claimed]) -> Sequence[Sequence[Claimed]]:
    """The whole batch as one part."""
    return [claimed]


def drain(context: ClaimContext, queue: str, work: Work, split: Split = all_together) -> int:
    """Claim and work until nothing waits. Returns how many events were handled."""
    handled = 0
    while claimed := claim(context, queue):
        for part in split(claimed):
            one_by_one_on_failure(context, part, work)
        handled += len(claimed)
    return handled


def claim(context: ClaimContext, queue: str) -> list[Claimed]:
    """Take what waits. Looks without a write lock first: most hints come when the work is done already."""
    now = time.time()
    with context.database.read() as c:
        if not inbox.has_work(c, queue, now):
            return []
    with context.database.write() as c:
        return inbox.claim(c, queue, context.most, context.lease, context.worker, now)


def one_by_one_on_failure(context: ClaimContext, claimed: Sequence[Claimed], work: Work) -> None:
    """Do the work; what fails together is tried one by one, and what fails alone is put back.

    Raises DatabaseAway when the database stays away; the events are then claimed again later.
    """
    try:
        with_retry(work, claimed)
    # Nothing is wrong with the events: once their lease is over they are claimed again.
    except (DatabaseAway, OperationalError):
        raise
    except Exception as error:
        if len(claimed) > 1:
            for item in claimed:
                one_by_one_on_failure(context, [item], work)
        elif isinstance(error, LostClaim):
            log.info("Another worker took over an event, or it was forgotten; what was done here was undone.")
        else:
            log.error("The event %s can't be handled: %s", claimed[0].event.key, where(error))
            put_back(context, claimed[0], error)


@retry(
    retry=retry_if_exception_type((DatabaseAway, OperationalError, Stale)),
    stop=stop_after_attempt(TRIES),
    wait=wait_exponential(multiplier=0.1),
    reraise=True,
)
def with_retry(work: Work, claimed: Sequence[Claimed]) -> None:
    """Two transactions may stand in each other's way; the one that had to yield goes again, after a moment."""
    work(claimed)


def where(error: Exception) -> str:
    """The error's type and the functions that it came through; not its words, which may hold people's messages."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return f"{type(error).__name__} at " + " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))


def put_back(context: ClaimContext, item: Claimed, error: Exception) -> None:
    """Try the event again later; whoever typed or pressed something is told instead."""
    now = time.time()
    with context.database.write() as c:
        if isinstance(item.event, Command | Button):
            inbox.finish(c, [item])
            chat = chat_of(item.event)
            text = say(chats.language(c, chat, context.language), "failed_inside")
            outbox.add(c, [(f"{item.event.key}:failed", Post(chat=chat, text=text, to=asker_of(item.event).id))], now)
        else:
            inbox.retry(c, item, 2.0**item.attempts, type(error).__name__, now)

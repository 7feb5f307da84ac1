"""The heart of a worker: claim what waits, work, and see that one bad event holds up nobody else.

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

from workers.core.events import Button, Command, chat_of
from workers.core.i18n import say
from workers.core.replies import Post
from workers.store import chats, inbox, outbox
from workers.store.database import Database, DatabaseAway
from workers.store.inbox import Claimed, LostClaim

log = logging.getLogger(__name__)

TRIES = 3
Work = Callable[[Sequence[Claimed]], None]
"""Handle a claimed batch and finish it, in one transaction."""


@dataclass(frozen=True, slots=True)
class ClaimContext:
    """Who claims: `worker` names the process, `lease` is in seconds, `most` events are taken at a time."""

    database: Database
    worker: str
    lease: float
    most: int
    language: str = "en"


def drain(hands: ClaimContext, queue: str, work: Work) -> int:
    """Claim and work until nothing waits. Returns how many events were handled."""
    handled = 0
    while claimed := claim(hands, queue):
        one_by_one_on_failure(hands, claimed, work)
        handled += len(claimed)
    return handled


def claim(hands: ClaimContext, queue: str) -> list[Claimed]:
    """Take what waits. Looks without a write lock first: most hints come when the work is done already."""
    now = time.time()
    with hands.database.read() as c:
        if not inbox.has_work(c, queue, now):
            return []
    with hands.database.write() as c:
        return inbox.claim(c, queue, hands.most, hands.lease, hands.worker, now)


def one_by_one_on_failure(hands: ClaimContext, claimed: Sequence[Claimed], work: Work) -> None:
    """Do the work; what fails together is tried one by one, and what fails alone is put back.

    Raises DatabaseAway when the database stays away; the events are then claimed again later.
    """
    try:
        with_retry(work, claimed)
    except (DatabaseAway, OperationalError):
        raise
    except Exception as error:
        if len(claimed) > 1:
            for one in claimed:
                one_by_one_on_failure(hands, [one], work)
        elif isinstance(error, LostClaim):
            log.info("Another worker took over an event, or it was forgotten; what was done here was undone.")
        else:
            log.error("The event %s can't be handled: %s", claimed[0].event.key, where(error))
            put_back(hands, claimed[0], error)


def with_retry(work: Work, claimed: Sequence[Claimed]) -> None:
    """Two transactions may stand in each other's way; the one that had to yield simply goes again."""
    for patience in range(TRIES):
        try:
            work(claimed)
            return
        except (DatabaseAway, OperationalError):
            if patience == TRIES - 1:
                raise
            time.sleep(0.1 * 2**patience)


def where(error: Exception) -> str:
    """The error's type and the places that it came through; not its words, which may hold people's messages."""
    places = traceback.extract_tb(error.__traceback__)[-4:]
    return f"{type(error).__name__} at " + " < ".join(f"{place.name}:{place.lineno}" for place in reversed(places))


def put_back(hands: ClaimContext, one: Claimed, error: Exception) -> None:
    """Try the event again later; whoever typed or pressed something is told instead."""
    now = time.time()
    with hands.database.write() as c:
        if isinstance(one.event, Command | Button):
            inbox.finish(c, [one])
            chat = chats.get(c, chat_of(one.event))
            text = say(chat.language if chat else hands.language, "failed_inside")
            outbox.add(c, [(f"{one.event.key}:failed", Post(chat=chat_of(one.event), text=text))], now)
        else:
            inbox.retry(c, one, 2.0**one.attempts, type(error).__name__, now)

"""Event -> inbox row -> acknowledge -> hint.

Many events that arrive together are committed together: one thread takes what waits, writes it in one
transaction, and only then lets the platforms acknowledge. While the database can't be written, nothing is
acknowledged and the thread tries again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from sqlalchemy.exc import OperationalError

from workers.contracts import Button, Command, Event, chat_of
from workers.store import chats, inbox
from workers.store.database import Database, DatabaseAway

log = logging.getLogger(__name__)

MOST = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event whose platform waits for the word that it is stored."""

    event: Event
    stored: asyncio.Future[bool]

    def tell(self, outcome: bool | Exception) -> None:
        """Wake the platform, from any thread: it was stored, it was not wanted, or why it can't be stored."""
        self.stored.get_loop().call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: bool | Exception) -> None:
        if self.stored.done():  # the platform has stopped waiting
            return
        if isinstance(outcome, Exception):
            self.stored.set_exception(outcome)
        else:
            self.stored.set_result(outcome)


def nobody(platform: str, person: str) -> bool:
    """No admin is named in the settings."""
    return False


class Intake:
    """Commits events; `accept` is what platforms are given."""

    def __init__(
        self, database: Database, hint: Callable[..., None], is_admin: Callable[[str, str], bool] = nobody
    ) -> None:
        self._database = database
        self._hint = hint
        self._is_admin = is_admin
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    async def accept(self, event: Event) -> bool:
        """Commit one event. True once it is stored (or was before); False where nobody enabled the chat."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.put(Waiting(self._known_admin(event), stored))
        return await stored

    def stop(self) -> None:
        """End the thread after what already waits is committed."""
        self._queue.put(None)
        self._thread.join(timeout=10)

    def _known_admin(self, event: Event) -> Event:
        if isinstance(event, Command | Button) and event.admin is None:
            person = event.caller if isinstance(event, Command) else event.presser
            if self._is_admin(chat_of(event).platform, person.id):
                return event.model_copy(update={"admin": True})
        return event

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < MOST and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)
                    break
                batch.append(following)
            self._commit(batch)

    def _commit(self, batch: list[Waiting]) -> None:
        try:
            wanted = patiently(self._database, [waiting.event for waiting in batch])
        except Exception as error:  # one bad event must not hold up, or take along, the others
            if len(batch) > 1:
                for waiting in batch:
                    self._commit([waiting])
            else:
                log.exception("The event %s can't be stored.", batch[0].event.key)
                batch[0].tell(error)
            return
        for waiting, stored in zip(batch, wanted, strict=True):
            waiting.tell(stored)
        self._hint(*{waiting.event.queue for waiting, stored in zip(batch, wanted, strict=True) if stored})


def patiently(database: Database, events: list[Event]) -> list[bool]:
    """`store`, tried again for as long as the database is away; nothing is acknowledged meanwhile."""
    pause = 0.05
    while True:
        try:
            return store(database, events)
        except (DatabaseAway, OperationalError) as error:
            log.error("The inbox can't be written; trying again in %.1f s. %s", pause, error)
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


def store(database: Database, events: list[Event]) -> list[bool]:
    """Write the events of enabled chats, and commands of any chat, in one transaction; say which were kept."""
    refs = {chat_of(event).key: chat_of(event) for event in events}
    with database.write() as c:
        enabled = chats.enabled(c, list(refs.values()))
        kept = [isinstance(event, Command) or chat_of(event).key in enabled for event in events]
        inbox.add(c, [event for event, keep in zip(events, kept, strict=True) if keep], time.time())
    return kept

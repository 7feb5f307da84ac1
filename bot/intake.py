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

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from workers.core.command_table import find
from workers.core.events import Button, Command, Edit, Event, Message, Moved, Presence, chat_of
from workers.store import chat_migration, chats, inbox
from workers.store.chats import Chat
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
            wanted = with_retry(self._database, [waiting.event for waiting in batch])
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


def with_retry(database: Database, events: list[Event]) -> list[bool]:
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
    """Write what is wanted into the inbox, in one transaction; say which events those were."""
    with database.write() as c:
        for event in events:
            if isinstance(event, Moved):
                chat_migration.migrate(c, event.chat, event.into)
        events, known = followed(c, events)
        kept = [wanted(event, known.get(chat_of(event).key)) for event in events]
        stay = [event for event, keep in zip(events, kept, strict=True) if keep and not isinstance(event, Moved)]
        inbox.add(c, stay, time.time())
    return kept


def followed(c: Connection, events: list[Event]) -> tuple[list[Event], dict[str, Chat]]:
    """Events, those of chats that have moved as events of the new ones, and the chats that anybody ever enabled."""
    known = chats.by_key(c, (chat_of(event).key for event in events))
    moved = {key: chat.moved_to for key, chat in known.items() if chat.moved_to}
    if not moved:
        return events, known
    known |= chats.by_key(c, moved.values())
    return [
        chat_migration.migrate_event(event, known[into].ref)
        if (into := moved.get(chat_of(event).key)) and not isinstance(event, Moved)
        else event
        for event in events
    ], known


def wanted(event: Event, chat: Chat | None) -> bool:
    """Whether an event may be stored: people's words only where somebody enabled the chat."""
    if isinstance(event, Presence | Moved):
        return True
    enabled = chat is not None and chat.enabled
    if isinstance(event, Command):
        verb, _ = find(event.text)
        return enabled or event.private or (verb is not None and verb.anywhere)
    if isinstance(event, Message | Edit) and event.bot:
        return enabled and chat is not None and chat.bots
    return enabled or (isinstance(event, Button) and event.private)

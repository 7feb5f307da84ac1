"""Event to inbox row, then the acknowledgement, then the hint.

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
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_exponential

from workers.core.command_table import find
from workers.core.events import Button, Command, Edit, Event, Message, Moved, Presence, chat_of
from workers.store import chat_migration, chats, inbox
from workers.store.chats import Chat
from workers.store.database import Database, DatabaseAway

log = logging.getLogger(__name__)

BATCH = 500
"""Events in one transaction."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event whose platform waits until it is stored."""

    event: Event
    stored: asyncio.Future[bool]

    def resolve(self, outcome: bool | Exception) -> None:
        """Wake the platform, from any thread: it was stored, it was not wanted, or why it can't be stored."""
        self.stored.get_loop().call_soon_threadsafe(self._resolve, outcome)

    def _resolve(self, outcome: bool | Exception) -> None:
        if self.stored.done():  # the platform has stopped waiting
            return
        if isinstance(outcome, Exception):
            self.stored.set_exception(outcome)
        else:
            self.stored.set_result(outcome)


def no_operators(platform: str, person: str) -> bool:
    """Nobody is named in the settings."""
    return False


class Intake:
    """Commits events; `accept` is what platforms are given."""

    def __init__(
        self, database: Database, hint: Callable[..., None], is_operator: Callable[[str, str], bool] = no_operators
    ) -> None:
        self._database = database
        self._hint = hint
        self._is_operator = is_operator
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        # A daemon: while the database is away the thread tries for ever, and must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    async def accept(self, event: Event) -> bool:
        """Commit one event. True once it is stored (or was before); False where nobody enabled the chat."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.put(Waiting(self._with_rights(event), stored))
        return await stored

    def stop(self) -> None:
        """End the thread after what already waits is committed."""
        self._queue.put(None)
        self._thread.join(timeout=10)

    def _with_rights(self, event: Event) -> Event:
        """The settings name operators, who are admins everywhere."""
        if isinstance(event, Command | Button) and not event.operator:
            person = event.caller if isinstance(event, Command) else event.presser
            if self._is_operator(chat_of(event).platform, person.id):
                return event.model_copy(update={"admin": True, "operator": True})
        return event

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < BATCH and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    # Put back, to be found after this batch: it is committed first.
                    self._queue.put(None)
                    break
                batch.append(following)
            self._commit(batch)

    def _commit(self, batch: list[Waiting]) -> None:
        try:
            stored = store(self._database, [waiting.event for waiting in batch])
        except Exception as error:  # one bad event must not hold up, or take along, the others
            if len(batch) > 1:
                for waiting in batch:
                    self._commit([waiting])
            else:
                log.exception("The event %s can't be stored.", batch[0].event.key)
                batch[0].resolve(error)
            return
        for waiting, was_stored in zip(batch, stored, strict=True):
            waiting.resolve(was_stored)
        # Last, and once for the batch: a hint that is lost is sent again by the sweep.
        self._hint(*{waiting.event.queue for waiting, was_stored in zip(batch, stored, strict=True) if was_stored})


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.error("The inbox can't be written; trying again in %.1f s. %s", state.upcoming_sleep, error)


@retry(
    retry=retry_if_exception_type((DatabaseAway, OperationalError)),
    wait=wait_exponential(multiplier=0.05, max=5),
    before_sleep=_log_retry,
)
def store(database: Database, events: list[Event]) -> list[bool]:
    """Write what is wanted into the inbox, in one transaction; say which events those were.

    Tried again for as long as the database is away: nothing is acknowledged meanwhile.
    """
    with database.write() as c:
        for event in events:
            if isinstance(event, Moved):
                chat_migration.migrate(c, event.chat, event.into)
        # After the moves: an event of the same batch may still name the old chat.
        events, by_key = relocated(c, events)
        stored = [wanted(event, by_key.get(chat_of(event).key)) for event in events]
        # A move is done by now, so no worker has to hear of it.
        rows = [event for event, keep in zip(events, stored, strict=True) if keep and not isinstance(event, Moved)]
        inbox.add(c, rows, time.time())
    return stored


def relocated(c: Connection, events: list[Event]) -> tuple[list[Event], dict[str, Chat]]:
    """Events, those of chats that moved as events of the new ones; and by key the chats that anybody ever enabled."""
    by_key = chats.by_key(c, (chat_of(event).key for event in events))
    moved = {key: chat.moved_to for key, chat in by_key.items() if chat.moved_to}
    if not moved:
        return events, by_key
    # Whether an event is wanted is asked of the chat that goes on.
    by_key |= chats.by_key(c, moved.values())
    return [
        chat_migration.migrate_event(event, by_key[into].ref)
        if (into := moved.get(chat_of(event).key)) and not isinstance(event, Moved)
        else event
        for event in events
    ], by_key


def wanted(event: Event, chat: Chat | None) -> bool:
    """Whether an event may be stored: people's words only where somebody enabled the chat."""
    # Nobody's words; by them the bot knows where it is, and what became of a chat.
    if isinstance(event, Presence | Moved):
        return True
    enabled = chat is not None and chat.enabled
    if isinstance(event, Command):
        verb, _ = find(event.text)
        # Some verbs have to work before anybody enabled the chat: `here`, which enables it, and `help`.
        return enabled or event.private or (verb is not None and verb.anywhere)
    if isinstance(event, Message | Edit) and event.bot:
        return enabled and chat is not None and chat.bots
    return enabled or (isinstance(event, Button) and event.private)

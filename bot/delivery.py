"""Outbox row to platform, then marked as sent. One lane of a chat in order, lanes and chats beside each other.

The outbox is looked at twenty times a second: no broker stands in this path. Each chat that has something to say
gets a task of its own, for a short batch; a reply whose platform asks for a pause goes back with that pause, and
what follows it in its chat waits behind it. What became of replies is written down for all chats together, in the
transaction that claims the next ones: many busy chats make no more transactions than one. A reply may be sent twice
(where we are stopped between the sending and the writing down), and is never lost.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_fixed

from bot.platforms.base import Accept, Later, Platform, Refused, Unreachable
from workers.core.events import Command, asker_of
from workers.core.i18n import both, say
from workers.core.replies import CheckAdmin, Document, EditPost, Picture, Post, Reply
from workers.store import chats, outbox
from workers.store.database import Database, DatabaseAway
from workers.store.outbox import Outgoing

log = logging.getLogger(__name__)

POLL = 0.05
BATCH = 128
# Of one chat in a batch, so that its many replies leave room for other chats.
PER_CHAT = 20
TURN, SEND_TIMEOUT, LEASE = 20.0, 30.0, 60.0
"""Seconds: what is not sent by the end of a turn is given back, the last send of a turn may take another timeout, and
the lease outlives both."""
# Seconds; what was sent and is not written down yet would be sent again if the process died.
NOTES_EVERY = 0.1
TRIES = 12
LONGEST_PAUSE = 60.0
DATABASE_PAUSE = 1.0

AWAY = (DatabaseAway, SQLAlchemyError)
OUTAGE = (OSError, *AWAY)
"""What says nothing about the reply (timeouts are OSErrors, too): it is tried for as long as it takes."""

T = TypeVar("T")
Note = Callable[[Connection], object]
"""What became of a reply, to be written down in the outbox."""


async def deliver(database: Database, platform: Platform, accept: Accept, language: str = "en") -> None:
    """Carry out this platform's replies until cancelled; what was claimed and not sent is given back then.

    `language` is the one to speak in a chat that nobody enabled.
    """
    await _Delivery(database, platform, accept, language).run()


def instead_of(reply: Reply, refusal: Refused, language: str, reader: str | None) -> Post | None:
    """What whoever waits for a reply is told where the platform refused it; None if there is nothing more to say.

    Nobody waits for an emoji, and what shows progress is followed by more. What was for one person stays so: `reader`
    is who saw the post that was to be changed.
    """
    why = refusal.sentence.text(language)
    match reply:
        case Post(to=None, asker=str() as asker):
            # Even where nothing can be said to all: a platform may have a way to one person alone.
            text = say(language, "refused_post", text=reply.text, why=why)
            return Post(chat=reply.chat, text=text, reply_to=reply.reply_to, to=asker)
        case CheckAdmin(event=event):
            verb = event.verb if isinstance(event, Command) else "cancel"
            thread = event.thread if isinstance(event, Command) else None
            text = say(language, "refused_rights", verb=verb, why=why)
            return Post(chat=reply.chat, text=text, reply_to=thread, to=asker_of(event).id)
        case _ if isinstance(refusal, Unreachable):
            return None
        case Picture():
            text = say(language, "refused_picture", words=reply.text or reply.alt, why=why)
            return Post(chat=reply.chat, text=text, reply_to=reply.reply_to, to=reply.to)
        case Document():
            text = say(language, "refused_file", filename=reply.filename, why=why)
            return Post(chat=reply.chat, text=text, reply_to=reply.reply_to, to=reply.to)
        case EditPost(progress=None):
            return Post(chat=reply.chat, text=reply.text, choices=reply.choices, to=reader)
        case _:
            return None


@dataclass
class _Trouble:
    """How often in a row a chat's first reply (row `row`) could not be sent, and how often that was its own doing."""

    row: int
    times: int = 0
    own_faults: int = 0


class _Delivery:
    """The chats at work. `notes` holds what the outbox does not know yet, `troubles` chats that have to pause."""

    def __init__(self, database: Database, platform: Platform, accept: Accept, language: str) -> None:
        self._database, self._platform, self._accept, self._language = database, platform, accept, language
        self._worker = f"delivery-{os.getpid()}-{secrets.token_hex(4)}"
        self._chats: dict[str, asyncio.Task[None]] = {}
        self._notes: dict[str, list[Note]] = defaultdict(list)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._troubles: dict[str, _Trouble] = {}
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        try:
            while True:
                # Before the look, so that a wish that comes during it brings the next one.
                self._wanted.clear()
                for chat, group in groupby(await self._exchange(), key=_lane):
                    self._chats[chat] = asyncio.create_task(self._turn(chat, list(group)))
                await _at_most(POLL, self._wanted)
        finally:
            await self._stop()

    async def _exchange(self) -> list[Outgoing]:
        """Write down the notes of the waiting chats, and claim what can be sent now, chat by chat."""
        # A chat that begins to wait during the commit has notes that are not in it: it waits for the next.
        waiting, self._waiting = self._waiting, {}
        notes, busy = [note for chat in waiting for note in self._notes[chat]], list(self._chats)
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(AWAY), wait=wait_fixed(DATABASE_PAUSE), before_sleep=_log_first_retry
        )
        claimed: list[Outgoing] = await retrying(_to_its_end, lambda: self._commit(notes, busy))
        for written in waiting.values():
            if not written.done():
                written.set_result(None)
        # `groupby` wants a chat's rows side by side, and within a chat the oldest goes first.
        return sorted(claimed, key=lambda outgoing: (_lane(outgoing), outgoing.id))

    def _commit(self, notes: Sequence[Note], busy: Sequence[str]) -> list[Outgoing]:
        """Looks without a write lock first, since mostly there is nothing to write and nothing waits."""
        name = self._platform.name
        if not notes:
            with self._database.read() as c:
                if not outbox.has_work(c, name, time.time(), busy):
                    return []
        with self._database.write() as c:
            for note in notes:
                note(c)
            return outbox.claim(c, name, BATCH, LEASE, self._worker, time.time(), PER_CHAT, busy)

    def _write(self, notes: Sequence[Note]) -> None:
        with self._database.write() as c:
            for note in notes:
                note(c)

    async def _turn(self, chat: str, group: Sequence[Outgoing]) -> None:
        """Send one chat's replies in order, up to the first that has to wait, and give the rest back."""
        began = noted = time.monotonic()
        left = list(group)
        try:
            while left and time.monotonic() - began < TURN and await self._deliver_one(chat, left[0]):
                del left[0]
                if time.monotonic() - noted >= NOTES_EVERY:
                    await self._write_down(chat)
                    noted = time.monotonic()
            if left:
                self._notes[chat].append(lambda c: outbox.give_back(c, left))
            await self._write_down(chat)
        finally:
            # From here on its rows may be claimed again.
            del self._chats[chat]
            self._wanted.set()

    async def _deliver_one(self, chat: str, outgoing: Outgoing) -> bool:
        """Send one reply and note what came of it. False: it is to be tried again, and its chat waits behind it."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                message_id = await _send(self._platform, self._accept, outgoing)
        except Later as later:
            # No failure: a platform may ask for as many pauses as it likes, and nothing is given up for it.
            self._note(outbox.retry, outgoing, later.seconds, str(later))
            return False
        except Refused as refused:
            log.warning("%s refused a %s: %s", self._platform.name, outgoing.reply.kind, refused)
            # Refused once is refused for ever: what follows in this chat need not wait behind it.
            self._note(self._give_up, outgoing, refused, str(refused))
        except Exception as error:
            return self._failed(chat, outgoing, error)
        else:
            self._note(outbox.sent, outgoing, message_id)
        self._troubles.pop(chat, None)
        return True

    def _failed(self, chat: str, outgoing: Outgoing, error: Exception) -> bool:
        """A reply that fails by its own doing is dropped in the end; until then it is tried more and more slowly."""
        why, outage, what = repr(error), isinstance(error, OUTAGE), f"A {outgoing.reply.kind} to {self._platform.name}"
        trouble = self._troubles.setdefault(chat, _Trouble(outgoing.id))
        if trouble.row != outgoing.id:
            trouble.row, trouble.own_faults = outgoing.id, 0
        trouble.times += 1
        trouble.own_faults += not outage
        if trouble.times == 1:
            log.warning("%s can't be sent (%s); trying again.", what, type(error).__name__, exc_info=not outage)
        if trouble.own_faults >= TRIES:
            log.error("%s is given up after %d tries (%s).", what, TRIES, type(error).__name__)
            self._note(self._give_up, outgoing, Refused(both("refused_inside")), why)
            del self._troubles[chat]
            return True
        # An outage has no last try, and after a thousand of them 2 ** times would be no float any more.
        pause = min(LONGEST_PAUSE, 0.5 * 2 ** min(trouble.times, 10))
        self._note(outbox.retry, outgoing, pause, why)
        return False

    def _give_up(self, c: Connection, outgoing: Outgoing, refusal: Refused, error: str, now: float) -> None:
        """Mark a reply as failed, and say in its place what can be said without it."""
        outbox.fail(c, outgoing, error, now)
        language = chats.language(c, outgoing.reply.chat, self._language)
        reply = outgoing.reply
        reader = outbox.reader(c, reply.post) if isinstance(reply, EditPost) else None
        if words := instead_of(reply, refusal, language, reader):
            outbox.add(c, [(f"{outgoing.key}:words", words)], now)

    def _note(self, step: Callable[..., object], outgoing: Outgoing, *details: object) -> None:
        now = time.time()  # that of the event, not of the writing
        self._notes[_lane(outgoing)].append(lambda c: step(c, outgoing, *details, now))

    async def _write_down(self, chat: str) -> None:
        """Wait until the outbox knows about a chat's replies. To be written twice does no harm."""
        if self._notes[chat]:
            self._waiting[chat] = asyncio.get_running_loop().create_future()
            self._wanted.set()
            await self._waiting[chat]
        # Only now: of whoever is cancelled while it waits above, `_stop` writes the notes.
        del self._notes[chat]

    async def _stop(self) -> None:
        """End the chats' tasks, write down what was sent, and let go of the rest."""
        tasks = list(self._chats.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        notes = [note for notes in self._notes.values() for note in notes]
        # At the end: what was sent must be marked before the rest is given back.
        notes.append(lambda c: outbox.give_all_back(c, self._platform.name, self._worker))
        try:
            await _to_its_end(lambda: self._write(notes))
        except AWAY as error:
            _log_away(error)


def _lane(outgoing: Outgoing) -> str:
    """The lane of its chat: what stands in one is sent in order."""
    return outgoing.lane


def _log_first_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if error is not None and state.attempt_number == 1:
        _log_away(error)


def _log_away(error: BaseException) -> None:
    """Without the text of an error of SQL, which may hold people's messages."""
    why = str(error) if isinstance(error, DatabaseAway) else type(error).__name__
    log.error("The outbox can't be reached; trying again. %s", why)


async def _send(platform: Platform, accept: Accept, outgoing: Outgoing) -> str | None:
    """One reply; a question about admin rights is answered by letting its event in again, with the answer."""
    reply = outgoing.reply
    if not isinstance(reply, CheckAdmin):
        return await platform.send(reply, outgoing.key, outgoing.handle)
    person = reply.event.presser if reply.event.kind == "button" else reply.event.caller
    verb = reply.event.verb if isinstance(reply.event, Command) else ""
    standing = await platform.standing(reply.chat, person, verb)
    # A key of its own: by the old one the inbox would take the answered event for a second delivery.
    answer = {"admin": standing.admin, "why": standing.why, "key": f"{reply.event.key}#admin"}
    await accept(reply.event.model_copy(update=answer))
    return None


async def _to_its_end(call: Callable[[], T]) -> T:
    """Run in a thread. Whoever is cancelled still waits for the end: a transaction can't be called back."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    """Wait for the event, but not for longer than this."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass

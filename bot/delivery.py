"""Outbox row -> platform -> mark sent. One chat at a time in order, chats beside each other.

The outbox is looked at twenty times a second: no broker stands in this path. A reply whose platform asks for
a pause goes back with that pause, and what follows it in its chat waits behind it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from bot.platforms.base import Accept, Later, Platform, Refused
from workers.contracts import CheckAdmin, React
from workers.store import outbox
from workers.store.database import Database
from workers.store.outbox import Outgoing

log = logging.getLogger(__name__)

LOOK = 0.05
LEASE = 30.0
MOST = 128
TRIES = 12

T = TypeVar("T")


async def deliver(database: Database, platform: Platform, accept: Accept) -> None:
    """Carry out this platform's replies until cancelled."""
    worker = f"delivery-{os.getpid()}"
    while True:
        try:
            claimed = await asyncio.to_thread(claim, database, platform.name, worker)
        except SQLAlchemyError as error:
            log.error("The outbox can't be read (%s); trying again.", type(error).__name__)
            claimed = []
            await asyncio.sleep(1.0)
        chats = [
            list(group) for _, group in groupby(sorted(claimed, key=chat_then_age), key=lambda o: o.reply.chat.key)
        ]
        await asyncio.gather(*(one_chat(database, platform, accept, group) for group in chats))
        if len(claimed) < MOST:
            await asyncio.sleep(LOOK)


def chat_then_age(outgoing: Outgoing) -> tuple[str, int]:
    """Sort key: chat by chat, oldest first."""
    return outgoing.reply.chat.key, outgoing.id


def claim(database: Database, platform: str, worker: str) -> list[Outgoing]:
    """Take what can be sent now. Looks without a write lock first, since mostly nothing waits."""
    with database.read() as c:
        if not outbox.pending(c, platform):
            return []
    with database.write() as c:
        return outbox.claim(c, platform, MOST, LEASE, worker, time.time())


async def one_chat(database: Database, platform: Platform, accept: Accept, group: Sequence[Outgoing]) -> None:
    """Send one chat's replies in order, and stop at the first that has to wait."""
    done: list[tuple[Outgoing, str | None]] = []
    for place, outgoing in enumerate(group):
        try:
            done.append((outgoing, await send(platform, accept, outgoing)))
        except Later as later:
            await in_thread(database, done, [(outbox.retry, (o, later.seconds, str(later))) for o in group[place:]])
            return
        except Refused as refused:
            log.warning("%s refused a %s: %s", platform.name, outgoing.reply.kind, refused)
            await in_thread(database, [], [(outbox.fail, (outgoing, str(refused)))])
        except Exception as error:
            log.exception("A %s to %s could not be sent.", outgoing.reply.kind, platform.name)
            await in_thread(database, done, given_up(group[place:], error))
            return
    await in_thread(database, done, [])


async def send(platform: Platform, accept: Accept, outgoing: Outgoing) -> str | None:
    """One reply; a question about admin rights is answered by letting its event in again, with the answer."""
    reply = outgoing.reply
    if not isinstance(reply, CheckAdmin):
        return await platform.send(reply, outgoing.key, outgoing.post_id)
    person = reply.event.presser if reply.event.kind == "button" else reply.event.caller
    allowed = await platform.is_admin(reply.chat, person)
    await accept(reply.event.model_copy(update={"admin": allowed, "key": f"{reply.event.key}#admin"}))
    return None


Step = tuple[Callable[..., object], tuple[object, ...]]


def given_up(group: Sequence[Outgoing], error: Exception) -> list[Step]:
    """The first of the group is tried again, more and more slowly, and dropped in the end; the others wait."""
    first = group[0]
    if first.attempts >= TRIES:
        return [(outbox.fail, (first, repr(error))), *((outbox.retry, (o, 0.0, "")) for o in group[1:])]
    return [(outbox.retry, (o, min(60.0, 0.5 * 2**first.attempts), repr(error))) for o in group]


async def in_thread(database: Database, done: list[tuple[Outgoing, str | None]], steps: list[Step]) -> None:
    """Write down what was sent and what has to wait, in one transaction, off the event loop."""
    sent, done[:] = list(done), []
    if sent or steps:
        await asyncio.to_thread(write_down, database, sent, steps)


def write_down(database: Database, sent: list[tuple[Outgoing, str | None]], steps: list[Step]) -> None:
    """What was sent and what has to wait, in one transaction."""
    now = time.time()
    with database.write() as c:
        outbox.sent_all(c, [o for o, _ in sent if isinstance(o.reply, React)], now)
        for outgoing, message_id in sent:
            if not isinstance(outgoing.reply, React):
                outbox.sent(c, outgoing, message_id, now)
        for step, arguments in steps:
            step(c, *arguments, now)

"""A whole bot in this process, without a model: a platform, intake and delivery, and the `labels` worker's handler.

What people do goes over the platform's real protocol; what they see is what its far side shows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import update

from bot.delivery import deliver
from bot.intake import Intake
from bot.platforms.base import Accept, Platform
from tests.waiting import LOOK
from workers.core.events import CLASSIFY, LABELS, Command
from workers.handlers.claims import ClaimContext, drain
from workers.handlers.dispatch import handle, in_steps
from workers.serving.predictions import record_events
from workers.store import inbox, outbox, tables
from workers.store.database import Database
from workers.store.inbox import Claimed
from workers.store.outbox import READ_AFTER

LANGUAGE = "en"


def work(context: ClaimContext) -> int:
    """Handle all that waits, as the workers do; of messages only what they say is kept."""

    def act(step: Sequence[Claimed]) -> None:
        handle(context.database, step, LANGUAGE, step[0].received_at)

    def read(claimed: Sequence[Claimed]) -> None:
        with context.database.write() as c:
            inbox.finish(c, claimed)
            record_events(c, [item for item in claimed if not isinstance(item.event, Command)])

    return drain(context, LABELS, act, in_steps) + drain(context, CLASSIFY, read)


async def settled(database: Database) -> None:
    """Wait until nothing waits to be handled or sent."""
    quiet = 0
    while quiet < 3:
        await asyncio.sleep(LOOK)
        quiet = quiet + 1 if await asyncio.to_thread(is_quiet, database) else 0


def is_quiet(database: Database) -> bool:
    """Whether all came to its end, but for what has to wait for a later time."""
    # Answers are taken back some minutes later.
    soon = time.time() + READ_AFTER / 2
    with database.read() as c:
        return not inbox.waiting(c, 1e12) and not any(outbox.has_work(c, name, soon) for name in ("slack", "telegram"))


def later(database: Database) -> None:
    """Some minutes pass: what waited for a later time may go now."""
    with database.write() as c:
        c.execute(update(tables.outbox).values(available_at=0.0))


@asynccontextmanager
async def at_work(
    platform: Platform,
    database: Database,
    listening: Callable[[Accept], Any],
    is_operator: Callable[[str, str], bool],
) -> AsyncGenerator[None]:
    """The bot, until the block ends. `listening(accept)` is the context in which the platform listens."""
    intake = Intake(database, lambda *queues: None, is_operator)
    context = ClaimContext(database, "test", 30.0, 64, LANGUAGE)

    async def work_on() -> None:
        while True:
            await asyncio.to_thread(work, context)
            await asyncio.sleep(LOOK)

    async with listening(intake.accept):
        tasks = [
            asyncio.create_task(deliver(database, platform, intake.accept, LANGUAGE)),
            asyncio.create_task(work_on()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(intake.stop)

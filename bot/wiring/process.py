"""One bot process: a platform, its intake and its delivery, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from bot.delivery import deliver
from bot.intake import Intake
from bot.platforms.base import Platform
from bot.wiring.vitals import Vitals
from workers.queue.celery_app import app, publish
from workers.queue.hints import Hints
from workers.store.database import Database


async def run_bot(
    platform: Platform, database: Database, is_operator: Callable[[str, str], bool], language: str = "en"
) -> None:
    """Listen and deliver until SIGTERM or SIGINT, or until one of the two ends with an error, which is raised.

    `language` is the one to speak in a chat that nobody enabled.
    """
    platform.ailment = Vitals(database, platform.name).ailment
    hints = Hints(lambda queue: publish(app, queue))
    intake = Intake(database, hints, is_operator)
    listening = asyncio.create_task(platform.listen(intake.accept))
    delivering = asyncio.create_task(deliver(database, platform, intake.accept, language))
    # One of the two is enough: when it has ended, the other is ended below.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, listening.cancel)
    done, _ = await asyncio.wait([listening, delivering], return_when=asyncio.FIRST_COMPLETED)
    for task in (listening, delivering):
        task.cancel()
    await asyncio.wait([listening, delivering])
    # In this order: the platform may have handed over a last event, and its commit may have a last hint.
    intake.stop()
    hints.stop()
    for task in done:
        if not task.cancelled() and (error := task.exception()):
            raise error

"""Small things to be done beside the acknowledging of events: names, notes to one person, the App Home."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.platforms.slack.redact import redacted

log = logging.getLogger(__name__)

MOST, AT_ONCE, PATIENCE = 200, 4, 20.0


class BackgroundTasks:
    """Runs a few at a time. What comes when too many wait is left out: none of it is needed for the truth."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(AT_ONCE)

    def run(self, errand: Callable[[], Awaitable[object]]) -> bool:
        """Begin an errand soon. False: there are too many."""
        if len(self._tasks) >= MOST:
            return False
        task = asyncio.create_task(self._run(errand))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def stop(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, errand: Callable[[], Awaitable[object]]) -> None:
        try:
            async with self._free, asyncio.timeout(PATIENCE):
                await errand()
        except Exception as error:
            log.info("Left undone: %s (%s)", redacted(str(error)).splitlines()[:1], type(error).__name__)

"""Work beside the acknowledging of events: looking up names, notes to one person, the App Home."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.platforms.slack.redact import redacted

log = logging.getLogger(__name__)

LIMIT, CONCURRENT, TIMEOUT = 200, 4, 20.0
"""Tasks that may wait, tasks that run at the same time, and seconds for one task."""


class BackgroundTasks:
    """Runs a few tasks at a time and drops new ones when too many wait: nothing that must happen is run here."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENT)

    def start(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Run `work` soon. False: too many tasks wait, and it was dropped."""
        if len(self._tasks) >= LIMIT:
            return False
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def stop(self) -> None:
        """Cancel all tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            async with self._slots, asyncio.timeout(TIMEOUT):
                await work()
        except Exception as error:
            log.info("A task failed: %s (%s)", redacted(str(error)).splitlines()[:1], type(error).__name__)

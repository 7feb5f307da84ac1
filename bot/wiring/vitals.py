"""Whether a bot process can do its work: its database can be written, and its replies get out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from workers.core.errors import BackchannelError
from workers.store import backlog, heartbeats
from workers.store.database import Database

log = logging.getLogger(__name__)

FRESH = 5.0
"""Seconds for which an answer holds: whoever asks often must not make as many transactions."""
PATIENCE = 5.0
STUCK = 300.0
"""Seconds after which a reply that waits means that none gets out."""


class Vitals:
    """Asked by whoever watches over the process. A database that hangs is waited for once, not by every question."""

    def __init__(self, database: Database, platform: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._platform, self._clock = database, platform, clock
        self._looking: asyncio.Task[tuple[str, str]] | None = None
        self._looked_at = -FRESH
        self._ailment = ""

    async def ailment(self) -> str:
        """What is wrong in a few words for anybody to read, or nothing. The log has the details."""
        if self._looking is None:
            if self._clock() - self._looked_at < FRESH:
                return self._ailment
            self._looking = asyncio.create_task(asyncio.to_thread(self._look))
            self._looking.add_done_callback(self._looked)
        done, _ = await asyncio.wait([self._looking], timeout=PATIENCE)
        if not done:
            self._say("the database does not answer", "It may be that another process hangs while it writes.")
        return self._ailment

    def _looked(self, looking: asyncio.Task[tuple[str, str]]) -> None:
        self._looking, self._looked_at = None, self._clock()
        self._say(*looking.result())

    def _look(self) -> tuple[str, str]:
        """What is wrong, and the details. By writing: a full disk and a frozen writer can be read beside."""
        now = time.time()
        try:
            with self._database.write() as c:
                heartbeats.beat(c, heartbeats.process_name(), f"bot-{self._platform}", now)
            with self._database.read() as c:
                waited = backlog.oldest_reply(c, self._platform, now)
        except BackchannelError as error:
            return "the database can't be written", str(error)
        if waited > STUCK:
            return (
                f"replies have been waiting for {waited:.0f} s",
                "The lines above say why they can't be sent.",
            )
        return "", ""

    def _say(self, ailment: str, details: str) -> None:
        if bool(ailment) != bool(self._ailment):
            log.error("Not well: %s. %s", ailment, details) if ailment else log.info("Well again.")
        self._ailment = ailment

"""Staying below Slack's limits: about one post a second in a channel, and no call before the time that Slack names."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from cachetools import LRUCache, TLRUCache

from bot.platforms.base import Later

# Seconds; delivery breaks a send off after thirty, with its waiting.
LONGEST_SLEEP = 10.0
CACHE_SIZE = 5000


class RateLimit:
    """When a channel may be written in next, and until when a workspace's method is closed."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds`: at least so long between two posts in a channel."""
        self._seconds, self._clock = seconds, clock
        self._next: LRUCache[str, float] = LRUCache(CACHE_SIZE)
        self._closed_until: TLRUCache[tuple[str, str], float] = TLRUCache(CACHE_SIZE, lambda _, until, __: until, clock)

    async def turn(self, chat: str) -> None:
        """Wait until this channel (its key) may have another post. Raises `Later` where that would take long."""
        now = self._clock()
        at = max(now, self._next.get(chat, 0.0))
        if at - now > LONGEST_SLEEP:
            raise Later(at - now, "Many posts wait for this channel.")
        # Before the sleep, so that whoever comes meanwhile lines up behind.
        self._next[chat] = at + self._seconds
        await asyncio.sleep(at - now)

    def check(self, workspace: str, method: str) -> None:
        """Raises `Later` while Slack wants this method left alone. Slack counts per workspace and method."""
        until = self._closed_until.get((workspace, method))
        if until is not None:
            # Not all at the same moment: the first few would use up the allowance, always the same ones perhaps.
            raise Later(until - self._clock() + random.uniform(0.0, 0.5), "Slack asks us to slow down.")

    def close(self, workspace: str, method: str, seconds: float) -> None:
        """Slack has named a time."""
        self._closed_until[workspace, method] = self._clock() + seconds

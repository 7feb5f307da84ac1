"""Staying below Telegram's limits: one message a second in a chat, twenty a minute in a group, thirty a second in all.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cachetools import LRUCache

from bot.platforms.base import Later

# Seconds; delivery breaks a send off after thirty, with its waiting.
LONGEST_WAIT = 10.0
CACHE_SIZE = 10_000
"""Chats; one that was silent for so long has nothing to wait for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds between two calls in a chat, messages a minute in a group, calls a second in all."""

    apart: float = 1.0
    per_minute: int = 20
    overall: float = 30.0


@dataclass
class _Chat:
    """When the next call may be made, and when the last messages were sent."""

    free_at: float = 0.0
    sent: deque[float] = field(default_factory=deque[float])


class RateLimit:
    """Gives each call its time. Topics of a forum share their group's."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limits, self._clock, self._sleep = limits, clock, sleep
        self._chats: LRUCache[int, _Chat] = LRUCache(CACHE_SIZE)
        self._overall = 0.0

    async def turn(self, chat: int, messages: int = 1) -> None:
        """Wait until this chat may be called again; `messages`: how many will be sent in a row (0: a mere emoji).

        Raises Later where that would take longer than a send may.
        """
        state, now = self._chat(chat), self._clock()
        at = max(now, state.free_at, self._after_window(chat, state, messages))
        if at - now > LONGEST_WAIT:
            raise Later(at - now, f"Telegram takes {self._limits.per_minute} messages a minute in a group.")
        state.free_at = at + self._limits.apart * max(1, messages)
        if chat < 0:
            state.sent.extend([at] * messages)
        if at > now:
            await self._sleep(at - now)
        await self.overall()

    async def gap(self) -> None:
        """Wait between two messages of one turn."""
        await self._sleep(self._limits.apart)
        await self.overall()

    async def overall(self) -> None:
        """Wait for the limit over all chats; a third of a second's worth may come at once."""
        step, now = 1 / self._limits.overall, self._clock()
        self._overall = max(self._overall, now - 1 / 3) + step
        if self._overall > now:
            await self._sleep(self._overall - now)

    def pause(self, chat: int, seconds: float) -> None:
        """Telegram asked for a pause in this chat, whose topics all keep it."""
        state = self._chat(chat)
        state.free_at = max(state.free_at, self._clock() + seconds)

    def _chat(self, chat: int) -> _Chat:
        return self._chats.setdefault(chat, _Chat())

    def _after_window(self, chat: int, state: _Chat, messages: int) -> float:
        """When a group's last minute has room for so many."""
        while state.sent and state.sent[0] <= self._clock() - 60:
            state.sent.popleft()
        over = len(state.sent) + messages - self._limits.per_minute
        if chat > 0 or not messages or over <= 0:
            return 0.0
        return state.sent[min(over, len(state.sent)) - 1] + 60

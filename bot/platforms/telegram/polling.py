"""Long polling: an update is confirmed only after it is stored, and only one process asks for updates at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, cast

from aiogram.methods import DeleteWebhook, GetUpdates

from bot.platforms.base import Later, Refused
from bot.platforms.telegram.client import Client
from bot.platforms.telegram.errors import Conflict, TokenRefused
from bot.platforms.telegram.updates import ASKED_FOR
from workers.core.errors import BackchannelError

log = logging.getLogger(__name__)

Json = dict[str, Any]
StoreUpdate = Callable[[Json], Coroutine[Any, Any, None]]
"""Store all that an update says; returns once that is done."""

WAIT = 25
"""Seconds for which Telegram holds a request while there is nothing new."""
BATCH = 100
STANDBY_PAUSE = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class PollingLease(Protocol):
    """The right to ask for updates, which one process has at a time."""

    async def acquire(self) -> bool:
        """Whether the lease is ours now."""
        ...

    async def hold(self) -> None:
        """Hold on to it. Returns only when it is lost."""
        ...

    async def release(self) -> None:
        """Let the next one have it."""
        ...


class Health:
    """Whether Telegram answers; a standby that waits for the lease is healthy."""

    connected = False


async def poll(client: Client, lease: PollingLease, store: StoreUpdate, health: Health) -> None:
    """Ask for updates whenever the lease is ours, until cancelled. Raises TokenRefused."""
    while True:
        while not await lease.acquire():
            health.connected = True
            await asyncio.sleep(STANDBY_PAUSE)
        asking, keeping = asyncio.create_task(_ask(client, store, health)), asyncio.create_task(lease.hold())
        try:
            done, _ = await asyncio.wait([asking, keeping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (asking, keeping):
                task.cancel()
            await asyncio.wait([asking, keeping])
            # Only when nobody here asks any more: of two who ask, Telegram refuses one with 409.
            await lease.release()
        for task in done:
            task.result()


async def _ask(client: Client, store: StoreUpdate, health: Health) -> None:
    """Ask for updates, store them, and only then ask for what follows, which confirms them."""
    offset: int | None = None
    pause = FIRST_PAUSE
    webhook = True
    while True:
        try:
            # While one is set, whoever polls gets nothing but 409.
            if webhook:
                with suppress(Refused):
                    await client(DeleteWebhook(drop_pending_updates=False))
                webhook = False
            request = GetUpdates(offset=offset, timeout=WAIT, limit=BATCH, allowed_updates=list(ASKED_FOR))
            # Longer than Telegram holds the request.
            updates: list[Json] = await client(request, seconds=WAIT + 10)
            health.connected, pause = True, FIRST_PAUSE
        except TokenRefused:
            raise
        except (OSError, BackchannelError) as error:
            webhook = webhook or isinstance(error, Conflict)
            # Once an outage, not with every try.
            if health.connected or pause == FIRST_PAUSE:
                log.warning("%s Trying again.", error)
            health.connected = False
            await asyncio.sleep(error.seconds if isinstance(error, Later) else pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        await asyncio.gather(*(store(update) for update in updates))
        numbers = [number for update in updates if (number := number_of(update)) is not None]
        if numbers:
            offset = max(numbers) + 1
        elif updates:  # nothing that could be confirmed: Telegram will say the same again
            await asyncio.sleep(LONGEST_PAUSE)


def number_of(update: Any) -> int | None:
    """The number of an update, by which it is confirmed."""
    number = cast(Json, update).get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) else None

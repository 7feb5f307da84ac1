"""A running platform against a far side, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from pydantic import SecretStr

from bot.platforms.base import Accept
from bot.platforms.telegram.platform import TelegramPlatform
from bot.platforms.telegram.rate_limit import Limits
from bot.settings import TelegramSettings
from tests.fakes.telegram.server import FarSide

FAST = Limits(apart=0.0, per_minute=100_000, overall=10_000.0)
SECRET = "canary-secret_of-the-webhook"


class AlwaysHeld:
    """A lease that nobody else wants."""

    async def acquire(self) -> bool:
        return True

    async def hold(self) -> None:
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Nobody waits for it."""


async def nowhere(group: int, message: int) -> int | None:
    """No topic is known from before."""
    return None


def settings(far: FarSide, **more: Any) -> TelegramSettings:
    return TelegramSettings(token=SecretStr(far.token), api_url=far.url, port=0, **more)


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def by_webhook(far: FarSide) -> TelegramSettings:
    port = free_port()
    values = {"mode": "webhook", "secret": SecretStr(SECRET), "public_url": f"http://127.0.0.1:{port}"}
    return settings(far).model_copy(update={**values, "port": port})


def platform_of(chosen: TelegramSettings, limits: Limits = FAST, lease: Any = None) -> TelegramPlatform:
    return TelegramPlatform(chosen, lease or AlwaysHeld(), nowhere, limits)


@asynccontextmanager
async def listening(platform: TelegramPlatform, far: FarSide, accept: Accept) -> AsyncIterator[asyncio.Task[None]]:
    """The platform at work, once Telegram knows what it wants to hear of."""
    task = asyncio.create_task(platform.listen(accept))
    try:
        while far.world.allowed is None and not task.done():
            await asyncio.sleep(0.005)
        yield task
    finally:
        if not task.done():  # one that ended by itself is what the test is about
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

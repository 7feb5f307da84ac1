"""The page's side of the wire, for tests: a socket that behaves as the page does."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

from bot.platforms.web.platform import WebPlatform


def url(platform: WebPlatform, path: str = "/", host: str = "127.0.0.1") -> str:
    return f"http://{host}:{platform.port}{path}"


@asynccontextmanager
async def page(platform: WebPlatform, **headers: str):
    """A socket with the headers that our own page would send, after its hello."""
    origin = headers.pop("origin", f"http://127.0.0.1:{platform.port}")
    async with connect(
        f"ws://127.0.0.1:{platform.port}/ws", origin=origin, additional_headers=headers, max_size=None
    ) as it:
        yield it


async def hear(it: ClientConnection, kind: str) -> dict[str, Any]:
    """The next thing of a kind; what else is said in between is skipped."""
    async with asyncio.timeout(5):
        while True:
            heard = json.loads(await it.recv())
            if heard["kind"] == kind:
                return heard


def say(text: str, number: int = 1, **more: object) -> str:
    return json.dumps({"kind": "say", "id": f"mabcdefg-{number:010d}", "name": "Ada", "text": text, **more})


async def refused(platform: WebPlatform, **headers: str) -> int:
    """The HTTP status with which a socket is turned away; 101 if it is not."""
    try:
        async with page(platform, **headers):
            return 101
    except websockets.InvalidStatus as error:
        return error.response.status_code

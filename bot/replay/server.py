"""The server that the replay platform connects to: what Slack is to the Slack platform.

It keeps an event until the bot acknowledged it, sends it again over a new connection, and carries out replies:
a post gets an id that depends on its key alone, so a reply that comes twice has the effect of one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.platforms.replay import LINE_LIMIT
from bot.replay.patience import Patience
from workers.core.events import EVENT, Event
from workers.core.replies import REPLY, React, Reply


@dataclass(slots=True)
class ReplayServer:
    """A server for one bot: the chats of a replay. Times are seconds since the epoch."""

    on_reply: Callable[[str, Reply, float], None] | None = None
    patience: Patience = field(default_factory=Patience)
    connections: int = 0
    deliveries: Counter[str] = field(default_factory=Counter[str])
    reactions: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    acknowledged: dict[str, float] = field(default_factory=dict[str, float])
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _open: dict[int, tuple[Event, asyncio.Future[bool]]] = field(
        default_factory=dict[int, tuple[Event, asyncio.Future[bool]]]
    )
    _writer: asyncio.StreamWriter | None = None
    _server: asyncio.Server | None = None

    async def start(self, socket: Path) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(socket), limit=LINE_LIMIT)

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        if self._writer:
            self._writer.close()

    async def deliver(self, event: Event) -> bool:
        """Send one event and wait until the bot has acknowledged it. Returns whether it was stored."""
        number = next(self._numbers)
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._open[number] = (event, future)
        self._send(number, event)
        stored = await future
        self.acknowledged.setdefault(event.key, time.time())
        return stored

    def _send(self, number: int, event: Event) -> None:
        self._write({"number": number, "event": json.loads(EVENT.dump_json(event))})

    def _write(self, message: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connections += 1
        for number, (event, _) in list(self._open.items()):
            self._send(number, event)
        with suppress(OSError, ValueError, asyncio.CancelledError):
            while line := await reader.readline():
                self._on_message(json.loads(line))
        if self._writer is writer:
            self._writer = None

    def _on_message(self, message: dict[str, Any]) -> None:
        if "ack" in message:
            _, future = self._open.pop(message["ack"], (None, None))
            if future is not None and not future.done():
                self.patience.renew()
                future.set_result(message["stored"])
            return
        key, reply, now = message["key"], REPLY.validate_python(message["reply"]), time.time()
        self.deliveries[key] += 1
        if self.deliveries[key] == 1:
            self.patience.renew()
            if isinstance(reply, React):
                self.reactions.setdefault(reply.ref.key, []).append(key)
            if self.on_reply is not None:
                self.on_reply(key, reply, now)
        self._write({"sent": message["number"], "message_id": f"bot:{key}"})

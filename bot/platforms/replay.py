"""The replay platform: a chat whose server is a program that plays a file (`bot.replay.server`).

It speaks JSON lines over a unix socket and behaves as a real platform: the server sends an event again until it was
acknowledged, over a new connection if need be, and answers each reply that it carried out.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.platforms.base import Accept, Ailment, Later, Standing, well
from workers.core.events import EVENT, ChatRef, Person
from workers.core.replies import Reply

log = logging.getLogger(__name__)

LINE_LIMIT = 64 * 1024 * 1024


class ReplayPlatform:
    """Connects to the server at `socket`, again and again until it is cancelled."""

    name = "replay"

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.ailment: Ailment = well
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[str | None]] = {}
        self._receiving: set[asyncio.Task[None]] = set()

    async def listen(self, accept: Accept) -> None:
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(str(self._socket), limit=LINE_LIMIT)
                await self._read(reader, accept)
            except (OSError, ValueError) as error:
                log.info("The server of the replay is away (%s).", error)
            finally:
                self._disconnect()
            await asyncio.sleep(0.1)

    async def _read(self, reader: asyncio.StreamReader, accept: Accept) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if "event" in message:
                task = asyncio.create_task(self._receive(message, accept))
                self._receiving.add(task)
                task.add_done_callback(self._receiving.discard)
            elif (waiting := self._waiting.pop(message["sent"], None)) and not waiting.done():
                waiting.set_result(message["message_id"])

    async def _receive(self, message: dict[str, Any], accept: Accept) -> None:
        try:
            stored = await accept(EVENT.validate_python(message["event"]))
        except Exception:  # another try would fail, too, and the server must not wait for ever
            log.exception("An event of the replay can't be stored.")
            stored = False
        with suppress(Later):  # unacknowledged, it comes again, and is recognised by its key
            self._write({"ack": message["number"], "stored": stored})

    async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
        """Hand a reply over and wait until the server has carried it out. Raises Later while it is away."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._write({"number": number, "key": key, "reply": reply.model_dump(mode="json"), "handle": handle})
        return await waiting

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        """In a replay the person called `admin` is one."""
        return Standing(person.id == "admin")

    def _write(self, message: dict[str, Any]) -> None:
        if self._writer is None:
            raise Later(0.2, "The server of the replay is away.")
        self._writer.write(json.dumps(message).encode() + b"\n")

    def _disconnect(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Later(0.2, "The server of the replay went away."))
        self._waiting.clear()

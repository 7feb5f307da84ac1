"""The replay platform: a chat whose far side is a program that plays a file.

It speaks JSON lines over a unix socket, with the manners of a real platform: the far side sends an event again
until it was acknowledged, over a new connection if need be, and answers each reply that it carried out.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.platforms.base import Accept, Later, Standing
from workers.core.events import EVENT, ChatRef, Person
from workers.core.replies import Reply

log = logging.getLogger(__name__)

LINE = 64 * 1024 * 1024


class ReplayPlatform:
    """Connects to the far side at `socket`, again and again until it is cancelled."""

    name = "replay"

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[str | None]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def listen(self, accept: Accept) -> None:
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(str(self._socket), limit=LINE)
                await self._read(reader, accept)
            except (OSError, ValueError) as error:
                log.info("The far side is away (%s).", error)
            finally:
                self._hang_up()
            await asyncio.sleep(0.1)

    async def _read(self, reader: asyncio.StreamReader, accept: Accept) -> None:
        while line := await reader.readline():
            said = json.loads(line)
            if "event" in said:
                task = asyncio.create_task(self._take(said, accept))
                self._working.add(task)
                task.add_done_callback(self._working.discard)
            elif (waiting := self._waiting.pop(said["sent"], None)) and not waiting.done():
                waiting.set_result(said["message_id"])

    async def _take(self, said: dict[str, Any], accept: Accept) -> None:
        try:
            stored = await accept(EVENT.validate_python(said["event"]))
        except Exception:  # no other try would end better, and whoever waits for the word must not wait for ever
            log.exception("An event of the replay can't be stored.")
            stored = False
        with suppress(Later):  # without the word it will send the event again, to whom it is known by its key
            self._write({"ack": said["number"], "stored": stored})

    async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
        """Hand a reply over and wait for the far side's word. Raises Later while nobody is there."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._write({"number": number, "key": key, "reply": reply.model_dump(mode="json"), "handle": handle})
        return await waiting

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        """In a replay the person called `admin` is one."""
        return Standing(person.id == "admin")

    def _write(self, said: dict[str, Any]) -> None:
        if self._writer is None:
            raise Later(0.2, "The far side of the replay is away.")
        self._writer.write(json.dumps(said).encode() + b"\n")

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Later(0.2, "The far side of the replay went away."))
        self._waiting.clear()

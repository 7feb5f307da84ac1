"""The example of a platform keeps the contract of all platforms, and runs as a process beside a real database."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from examples.a_platform_in_one_file import ADMIN, BOT, CHAT, LinesPlatform
from tests.bot.platforms.contract import ContractWithDeletes, Gathered, Seen
from tests.databases import with_packaged_model
from tests.waiting import soon
from workers.core.events import LABELS, ChatRef, Person
from workers.core.replies import Choice
from workers.handlers.dispatch import handle, in_steps
from workers.store import inbox, ledger
from workers.store.database import Database

ROOT = Path(__file__).parents[2]


@dataclass
class Client:
    """Somebody at the other end of the connection, who sends a line again until it is acknowledged."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    acks: set[str] = field(default_factory=set[str])
    shown: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    last: dict[str, Any] = field(default_factory=dict[str, Any])
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def act(self, person: str, do: str, **more: object) -> str:
        id = f"c{next(self.numbers)}"
        self.last = {"id": id, "by": person, "do": do, **more}
        while id not in self.acks:
            await self.send(self.last)
            with contextlib.suppress(AssertionError):
                await soon_once(lambda: id in self.acks)
        return id

    async def send(self, line: object) -> None:
        self.writer.write(json.dumps(line).encode() + b"\n")
        await self.writer.drain()

    async def read(self) -> None:
        while line := await self.reader.readline():
            content = json.loads(line)
            if "ack" in content:
                self.acks.add(content["ack"])
            else:
                self.shown.append(content)


async def soon_once(ready: Any) -> None:
    """Wait half a second at most; then the line is sent again."""
    for _ in range(50):
        if ready():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024 * 1024)
    client = Client(reader, writer)
    reading = asyncio.create_task(client.read())
    yield client
    reading.cancel()
    writer.close()


@dataclass
class Room:
    """The far side that the contract asks for."""

    server: LinesPlatform
    gathered: Gathered
    client: Client
    chat: ChatRef = CHAT
    shows_any_emoji = True

    @property
    def platform(self) -> Room:
        return self

    async def send(self, *arguments: Any) -> str | None:
        """A reply is there once the client has read it."""
        count = len(self.client.shown)
        handle = await self.server.send(*arguments)
        await soon(lambda: len(self.client.shown) > count)
        return handle

    async def standing(self, *arguments: Any) -> Any:
        return await self.server.standing(*arguments)

    async def say(self, person: str, text: str) -> str:
        return await self.client.act(person, "say", text=text)

    async def edit(self, message_id: str, text: str) -> None:
        await self.client.act("Ana", "edit", about=message_id, text=text)

    async def delete(self, message_id: str) -> None:
        await self.client.act("Ana", "delete", about=message_id)

    async def react(self, person: str, message_id: str, emoji: str) -> None:
        await self.client.act(person, "react", about=message_id, emoji=emoji, added=True)

    async def unreact(self, person: str, message_id: str, emoji: str) -> None:
        await self.client.act(person, "react", about=message_id, emoji=emoji, added=False)

    async def command(self, person: str, text: str) -> None:
        await self.client.act(person, "say", text=f"/{text}")

    async def command_under(self, person: str, text: str, message_id: str) -> None:
        await self.client.act(person, "say", text=f"/{text}", about=message_id)

    async def press(self, person: str, post_id: str, value: str) -> None:
        await self.client.act(person, "press", about=post_id, value=value)

    async def again(self) -> None:
        await self.client.send(self.client.last)

    async def echo(self, text: str) -> None:
        await self.client.act(BOT, "say", text=text)

    def acknowledged(self) -> int:
        return len(self.client.acks)

    def person(self, name: str, admin: bool = False) -> Person:
        return Person(id=ADMIN if admin else name, name=name)

    def posts(self) -> list[Seen]:
        shown: dict[str, dict[str, Any]] = {}
        for line in self.client.shown:
            if line["show"] in ("post", "edit"):
                shown[line["id"]] = shown.get(line["id"], {}) | line
        return [
            Seen(id, line["text"], tuple(Choice(**button) for button in line["buttons"]), line["under"])
            for id, line in shown.items()
        ]

    def emoji(self, message_id: str) -> str | None:
        marks = [line for line in self.client.shown if line["show"] == "emoji" and line["on"] == message_id]
        return marks[-1]["emoji"] if marks else None

    def files(self) -> list[tuple[str, bytes, str]]:
        files = [line for line in self.client.shown if line["show"] == "file"]
        return [(line["name"], base64.b64decode(line["base64"]), line["text"]) for line in files]


class TestLines(ContractWithDeletes):
    @pytest.fixture
    async def far(self) -> AsyncIterator[Room]:
        gathered, server = Gathered(), LinesPlatform(0)
        listening = asyncio.create_task(server.listen(gathered.accept))
        await soon(lambda: server.port)
        async with connected(server.port) as client:
            yield Room(server, gathered, client)
        listening.cancel()

    async def test_a_line_that_is_not_in_the_form_gets_a_sentence(self, far: Room) -> None:
        for line in (
            [],
            {},
            {"id": "x", "by": "Ana", "do": "dance"},
            {"id": "x", "by": "Ana", "do": "edit", "text": "a"},
        ):
            await far.client.send(line)
        await soon(lambda: len(far.client.shown) == 4)
        assert all("cannot be understood" in line["error"] for line in far.client.shown)
        await far.say("Ana", "still there?")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with with_packaged_model(tmp_path) as database:
        yield database


def work(database: Database) -> None:
    """What the labels worker does with what waits."""
    now = time.time()
    with database.write() as c:
        claimed = inbox.claim(c, LABELS, 10, 30.0, "test", now)
    for step in in_steps(claimed):
        handle(database, step, "en", now)


async def labels_worker(database: Database) -> None:
    while True:
        await asyncio.to_thread(work, database)
        await asyncio.sleep(0.02)


async def test_it_runs_as_a_process_whose_events_and_replies_go_through_the_database(
    tmp_path: Path, database: Database
) -> None:
    environment = {**os.environ, "BACKCHANNEL_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = (sys.executable, str(ROOT / "examples" / "a_platform_in_one_file.py"), "0")
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=tmp_path, stdout=PIPE)
    working = asyncio.create_task(labels_worker(database))
    try:
        assert process.stdout
        port = int((await process.stdout.readline()).split()[-1])
        async with connected(port) as client:
            await client.act(ADMIN, "say", text="/here")
            await soon(lambda: [line for line in client.shown if "Backchannel is on" in line.get("text", "")])
            await client.act(ADMIN, "say", text="/labels add bug 🐞 something is broken")
            await soon(lambda: [line for line in client.shown if "Added 🐞 bug" in line.get("text", "")])
            id = await client.act("Ana", "say", text="It crashed again")
            await client.act("Bo", "react", about=id, emoji="🐞", added=True)
            [row] = await soon(lambda: rows(database))
    finally:
        working.cancel()
        process.terminate()
        await process.wait()
    assert (row.ref.platform, row.ref.message_id, row.annotator.id, row.emoji) == ("lines", id, "Bo", "🐞")


def rows(database: Database) -> list[ledger.LedgerRow]:
    with database.read() as c:
        return ledger.ledger(c)

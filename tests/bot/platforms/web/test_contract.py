"""The web page keeps the contract of all platforms."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from bot.platforms.web.platform import WebPlatform
from tests.bot.platforms.contract import ContractWithDeletes, Gathered, Seen
from tests.fakes.web.browser import FarSide, open_page
from tests.fakes.web.client import page
from tests.waiting import soon
from workers.core.events import ChatRef, Person
from workers.core.replies import Choice


@dataclass
class WebFar:
    """A page on which several people act, and which shows what any page shows."""

    platform: WebPlatform
    gathered: Gathered
    socket: ClientConnection
    shown: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    marks: dict[str, str | None] = field(default_factory=dict[str, str | None])
    acks: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    last: dict[str, Any] = field(default_factory=dict[str, Any])
    heard: int = 0
    shows_any_emoji = True

    @property
    def chat(self) -> ChatRef:
        return self.platform.chat

    async def act(self, person: str, kind: str, **more: object) -> str:
        id = f"mabcdefg-{len(self.acks):010d}"
        self.last = {"kind": kind, "id": id, "name": person, **more}
        self.acks[id] = asyncio.Event()
        while not self.acks[id].is_set():  # as the page does, until it is told that it was stored
            await self.again()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.acks[id].wait(), 0.5)
        return id

    async def again(self) -> None:
        await self.socket.send(json.dumps(self.last))

    async def say(self, person: str, text: str) -> str:
        return await self.act(person, "say", text=text)

    async def edit(self, message_id: str, text: str) -> None:
        await self.act("Ana", "edit", message_id=message_id, text=text)

    async def delete(self, message_id: str) -> None:
        await self.act("Ana", "delete", message_id=message_id)

    async def react(self, person: str, message_id: str, emoji: str) -> None:
        await self.act(person, "react", message_id=message_id, emoji=emoji, added=True)

    async def unreact(self, person: str, message_id: str, emoji: str) -> None:
        await self.act(person, "react", message_id=message_id, emoji=emoji, added=False)

    async def command(self, person: str, text: str) -> None:
        await self.act(person, "run", text=text)

    async def command_under(self, person: str, text: str, message_id: str) -> None:
        await self.act(person, "run", text=text, reply_to=message_id)

    async def press(self, person: str, post_id: str, value: str) -> None:
        await self.act(person, "press", message_id=post_id, value=value)

    async def echo(self, text: str) -> None:
        """What the bot says on the page is not said by anybody who acts there."""

    def acknowledged(self) -> int:
        return sum(ack.is_set() for ack in self.acks.values())

    def person(self, name: str, admin: bool = False) -> Person:
        return Person(id=name, name=name)

    def posts(self) -> list[Seen]:
        return [
            Seen(id, line["text"], tuple(Choice(**choice) for choice in line["choices"]), line["reply_to"])
            for id, line in self.shown.items()
            if not line.get("filename") and not line.get("picture")
        ]

    def emoji(self, message_id: str) -> str | None:
        return self.marks.get(message_id)

    def files(self) -> list[tuple[str, bytes, str]]:
        return [
            ("", base64.b64decode(line["picture"].partition(",")[2]), line["text"])
            if line.get("picture")
            else (line["filename"], line["content"].encode(), line["text"])
            for line in self.shown.values()
            if line.get("picture") or line.get("filename")
        ]

    async def watch(self) -> None:
        async for frame in self.socket:
            self.take(json.loads(frame))

    def take(self, heard: dict[str, Any]) -> None:
        self.heard += heard["kind"] in ("edit_post", "react") or (heard["kind"] == "line" and heard["line"]["bot"])
        if heard["kind"] == "ack":
            self.acks[heard["id"]].set()
        elif heard["kind"] == "line" and heard["line"]["bot"]:
            self.shown[heard["line"]["message_id"]] = heard["line"]
        elif heard["kind"] == "edit_post":
            self.shown[heard["message_id"]].update(heard)
        elif heard["kind"] == "react":
            self.marks[heard["message_id"]] = heard["emoji"]


@dataclass
class Patient:
    """Sends a reply and waits until the page has heard of it."""

    platform: WebPlatform
    far: WebFar

    def __getattr__(self, name: str) -> Any:
        return getattr(self.platform, name)

    async def send(self, *arguments: Any) -> str | None:
        before = self.far.heard
        handle = await self.platform.send(*arguments)
        await soon(lambda: self.far.heard > before)
        return handle


class TestWeb(ContractWithDeletes):
    @pytest.fixture
    async def far(self) -> AsyncIterator[WebFar]:
        gathered, behind = Gathered(), FarSide()
        behind.accept = gathered.accept  # type: ignore[method-assign]
        async with open_page(behind) as platform, page(platform) as socket:
            far = WebFar(platform, gathered, socket)
            far.platform = Patient(platform, far)  # type: ignore[assignment]
            watching = asyncio.create_task(far.watch())
            yield far
            watching.cancel()

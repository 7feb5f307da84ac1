"""Slack keeps the contract of all platforms, over Socket Mode and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.platforms.slack.emoji_names import name_of, neutral_of
from bot.platforms.slack.platform import SlackPlatform
from tests.bot.platforms.contract import ContractWithDeletes, Gathered, Seen
from tests.bot.platforms.slack.conftest import SCREENS, SECRET, running, settings
from tests.fakes.slack.people import FarPeople, HttpLine, Line, SocketLine
from tests.fakes.slack.rendering import choices, rendered, typed, words
from tests.fakes.slack.server import FarSlack, person
from workers.core.events import ChatRef, Person

IDS = {"Ana": "U1", "Bo": "U2", "Root": "U3"}
TONES = {"👍🏽": "+1::skin-tone-4", "👍": "+1", "👎": "-1"}


@dataclass
class SlackFar:
    """People in the channel C1."""

    slack: FarSlack
    platform: SlackPlatform
    gathered: Gathered
    people: FarPeople
    acks: int = 0
    before: set[str] = field(default_factory=set)
    shows_any_emoji = True
    chat = ChatRef(platform="slack", workspace="T1", chat_id="C1")

    async def say(self, person: str, text: str) -> str:
        ts = await self.people.say(IDS[person], typed(text))
        self.acks += 1
        return ts

    async def edit(self, message_id: str, text: str) -> None:
        await self.people.edit(message_id, typed(text))

    async def delete(self, message_id: str) -> None:
        await self.people.delete(message_id)

    async def react(self, person: str, message_id: str, emoji: str) -> None:
        await self.people.react(IDS[person], message_id, TONES.get(emoji) or str(name_of(emoji)))
        self.acks += 1

    async def unreact(self, person: str, message_id: str, emoji: str) -> None:
        await self.people.react(IDS[person], message_id, TONES[emoji], added=False)

    async def command(self, person: str, text: str) -> None:
        await self.people.slash(typed(text), IDS[person])

    async def command_under(self, person: str, text: str, message_id: str) -> None:
        await self.people.say(IDS[person], f"<@UBOT> {typed(text)}", thread_ts=message_id)

    async def press(self, person: str, post_id: str, value: str) -> None:
        await self.people.press(value, post_id, IDS[person])

    async def again(self) -> None:
        await self.people.again()

    async def echo(self, text: str) -> None:
        await self.people.own_message(text)

    def acknowledged(self) -> int:
        return self.acks

    def person(self, name: str, admin: bool = False) -> Person:
        self.slack.web.users[IDS[name]] = person(IDS[name], "T1", is_admin=admin)
        return Person(id=IDS[name], name=name)

    def posts(self) -> list[Seen]:
        said = self.slack.web.channels["C1"].messages.items()
        return [
            Seen(ts, words(message), choices(message), message.get("thread_ts"))
            for ts, message in said
            if message.get("bot_id") == "BBOT" and message.get("blocks")
        ]

    def emoji(self, message_id: str) -> str | None:
        names = self.slack.web.marks.get(("C1", message_id), [])
        assert len(names) <= 1
        return neutral_of(names[0]) if names else None

    def files(self) -> list[tuple[str, bytes, str]]:
        uploads = self.slack.web.uploads.values()
        return [(upload["filename"], upload["content"], rendered(upload["comment"])) for upload in uploads]


class OverSlack(ContractWithDeletes):
    mode = "socket"

    def line(self, slack: FarSlack, platform: SlackPlatform) -> Line:
        return SocketLine(slack)

    @pytest.fixture
    async def far(self) -> AsyncIterator[SlackFar]:
        gathered = Gathered()
        async with FarSlack().serving() as slack:
            slack.socket.patience = 0.4
            platform = SlackPlatform(settings(slack, self.mode), None, SCREENS, pause=0.0)
            async with running(platform, gathered.accept):
                yield SlackFar(slack, platform, gathered, FarPeople(slack, self.line(slack, platform)))


class TestSocketMode(OverSlack):
    """Envelopes over a WebSocket."""


class TestHttp(OverSlack):
    """Signed requests."""

    mode = "http"

    def line(self, slack: FarSlack, platform: SlackPlatform) -> Line:
        return HttpLine(f"http://127.0.0.1:{platform.port}/slack/events", SECRET)

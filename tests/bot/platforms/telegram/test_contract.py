"""Telegram keeps the contract of all platforms, by long polling and by webhook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bot.platforms.telegram.platform import TelegramPlatform
from tests.bot.platforms.contract import Contract, Gathered, Seen
from tests.bot.platforms.telegram.stage import by_webhook, listening, platform_of, settings
from tests.fakes.telegram.server import FarSide
from tests.fakes.telegram.world import ANA, BO, BOT, GROUP, Json, user
from workers.core.emoji import neutral
from workers.core.events import ChatRef, Person
from workers.core.replies import Choice

PEOPLE = {"Ana": ANA, "Bo": BO, "Root": user(99, "Root")}


@dataclass
class TelegramFar:
    """The support group, as its people see it."""

    platform: TelegramPlatform
    gathered: Gathered
    side: FarSide
    chat = ChatRef(platform="telegram", workspace=str(GROUP), chat_id=str(GROUP))
    shows_any_emoji = False

    async def say(self, person: str, text: str) -> str:
        return str(self.side.world.say(PEOPLE[person], text)["message_id"])

    async def edit(self, message_id: str, text: str) -> None:
        self.side.world.edit(int(message_id), text)

    async def react(self, person: str, message_id: str, emoji: str) -> None:
        self.side.world.react(PEOPLE[person], int(message_id), emoji)

    async def unreact(self, person: str, message_id: str, emoji: str) -> None:
        self.side.world.react(PEOPLE[person], int(message_id))

    async def command(self, person: str, text: str) -> None:
        self.side.world.say(PEOPLE[person], f"/{text}")

    async def command_under(self, person: str, text: str, message_id: str) -> None:
        self.side.world.say(PEOPLE[person], f"/{text}", to=message_id)

    async def press(self, person: str, post_id: str, value: str) -> None:
        self.side.world.press(PEOPLE[person], int(post_id), value)

    async def again(self) -> None:
        self.side.world.again()

    async def echo(self, text: str) -> None:
        self.side.world.say(BOT, text)

    def acknowledged(self) -> int:
        return len(self.side.confirmed)

    def person(self, name: str, admin: bool = False) -> Person:
        if admin:
            self.side.world.status[GROUP, PEOPLE[name]["id"]] = "administrator"
        return Person(id=str(PEOPLE[name]["id"]), name=name)

    def said(self) -> list[Json]:
        return [message for message in self.side.world.messages.values() if message.get("from") == BOT]

    def posts(self) -> list[Seen]:
        return [seen(message) for message in self.said() if "text" in message]

    def emoji(self, message_id: str) -> str | None:
        standing = self.side.world.reactions.get((GROUP, int(message_id)), {}).get(int(BOT["id"]), [])
        if standing:
            return neutral(standing[0]["emoji"])
        return next((post.text for post in self.posts() if post.under == message_id), None)

    def files(self) -> list[tuple[str, bytes, str]]:
        return [file(message) for message in self.said() if "photo" in message or "document" in message]


def seen(message: Json) -> Seen:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    choices = tuple(Choice(text=button["text"], value=button["callback_data"]) for row in rows for button in row)
    under = message.get("reply_to_message", {}).get("message_id")
    return Seen(str(message["message_id"]), message["text"], choices, str(under) if under else None)


def file(message: Json) -> tuple[str, bytes, str]:
    if "photo" in message:
        name, content = message["photo"][0]["content"]
    else:
        name, content = message["document"]["file_name"], message["document"]["content"]
    return name, content, message["caption"]


class TestTelegram(Contract):
    @pytest.fixture(params=[settings, by_webhook])
    async def far(self, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
        gathered = Gathered()
        async with FarSide().running() as side:
            platform = platform_of(request.param(side))
            async with listening(platform, side, gathered.accept):
                yield TelegramFar(platform, gathered, side)

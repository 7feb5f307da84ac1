"""The far side of a tour on Telegram: a group with its creator, a colleague, and whoever runs the bot."""

from __future__ import annotations

import contextlib

from tests.bot.platforms.telegram.stage import free_port
from tests.fakes.telegram.server import FarSide
from tests.fakes.telegram.world import BOT, GROUP, TOKEN, user
from workers.core.emoji import neutral

PEOPLE = {"Ada": user(11, "Ada"), "Bo": user(12, "Bo"), "Root": user(99, "Root")}


class TelegramTour:
    """Ada made the group; only Root is named in the settings."""

    platform, chat = "telegram", f"telegram:{GROUP}"
    bug, idea, opener = "👾", "⚡", "Root"
    off, refused = "", "Anybody can add me"

    def __init__(self) -> None:
        self.far = FarSide()
        self.world = self.far.world
        self.world.status[GROUP, PEOPLE["Ada"]["id"]] = "creator"
        self._stack = contextlib.AsyncExitStack()

    async def start(self) -> dict[str, str]:
        """Listen; what the bot has to be told."""
        await self._stack.enter_async_context(self.far.running())
        told = {"API_URL": self.far.url, "TOKEN": TOKEN, "PORT": str(free_port())}
        named = {"BACKCHANNEL_ADMINS": f"telegram:{PEOPLE['Root']['id']}"}
        return {f"BACKCHANNEL_TELEGRAM__{name}": value for name, value in told.items()} | named

    async def stop(self) -> None:
        await self._stack.aclose()

    async def invite(self) -> None:
        """Ada adds the bot to her group and makes it an administrator."""
        self.world.become("left")
        self.world.become("administrator", by=PEOPLE["Ada"])

    async def say(self, name: str, text: str) -> str:
        return str(self.world.say(PEOPLE[name], text)["message_id"])

    async def react(self, name: str, message_id: str, emoji: str) -> None:
        self.world.react(PEOPLE[name], int(message_id), emoji)

    async def type(self, name: str, text: str) -> str:
        """Type a command."""
        await self.say(name, f"/{text}")
        return ""

    def posts(self) -> list[tuple[str, str]]:
        """What the bot said in the group, as it reads now, and to one person alone, by id."""
        said = [(str(id), one) for (_, id), one in self.world.messages.items() if one.get("from") == BOT]
        alone = [(f"alone {number}", one) for (*_, number), one in self.world.whispers.items()]
        return [(id, one["text"]) for id, one in said + alone if "text" in one]

    def emoji(self, message_id: str) -> str | None:
        """The bot's emoji on a message."""
        standing = self.world.reactions.get((GROUP, int(message_id)), {}).get(BOT["id"], [])
        return neutral(standing[0]["emoji"]) if standing else None

"""Two groups: Ada made both, Bo and Cy are in them, Gus left, Ola is a stranger. Root is named in the settings."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.bot.platforms.telegram.stage import listening, platform_of, settings
from tests.fakes.telegram.server import FarSide
from tests.fakes.telegram.world import BOT, GROUP, user
from tests.places.bot import at_work, settled
from tests.waiting import soon
from workers.store.database import Database

SECRET, NEW = -1009, -1010
NAMES = ("Ada", "Bo", "Cy", "Gus", "Ola", "Root")
PEOPLE = {name: user(101 + number, name, username=f"{name.lower()}_") for number, name in enumerate(NAMES)}
WHERE = {"team": GROUP, "secret": SECRET, "new": NEW}
"""Groups; the bot is in all of them but "new"."""
AWAY = {"Gus": "left", "Ola": "unknown", "Root": "left"}


class TelegramPlace:
    """What people do in Telegram, and what each of them sees."""

    platform = "telegram"

    def __init__(self, database: Database) -> None:
        self.database, self.far = database, FarSide()
        self.world = self.far.world
        self.world.open({"id": SECRET, "type": "supergroup", "title": "Secret"})
        self.world.open({"id": NEW, "type": "supergroup", "title": "New"}, bot="left")
        for group in WHERE.values():
            self.world.status[group, PEOPLE["Ada"]["id"]] = "creator"
            for name, status in AWAY.items():
                self.world.status[group, PEOPLE[name]["id"]] = status
        for one in PEOPLE.values():
            self.world.private(one)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[TelegramPlace]:
        """The bot is at work until the block ends."""
        async with self.far.running():
            platform = platform_of(settings(self.far))
            is_operator = lambda platform, person: person == str(PEOPLE["Root"]["id"])  # noqa: E731
            listen = lambda accept: listening(platform, self.far, accept)  # noqa: E731
            async with at_work(platform, self.database, listen, is_operator):
                yield self

    # ── what people do ──────────────────────────────────────────────────────────────────────────────

    async def say(self, name: str, text: str, where: str = "team", **more: Any) -> str:
        """Write a message."""
        message = self.world.say(PEOPLE[name], text, self._chat(name, where), **more)
        await self._told()
        return str(message["message_id"])

    async def type(self, name: str, text: str, where: str = "team", to: str = "") -> None:
        """Type a verb, in answer to the message `to` if it is about one. `where`: "private" too."""
        await self.say(name, f"/{text}", where, **({"to": to} if to else {}))

    async def react(self, name: str, message: str, emoji: str, where: str = "team") -> None:
        """Put an emoji on a message."""
        self.world.react(PEOPLE[name], int(message), emoji, chat=WHERE[where])
        await self._told()

    async def edit(self, name: str, message: str, text: str, where: str = "team") -> None:
        """Change one's own message."""
        self.world.edit(int(message), text, WHERE[where])
        await self._told()

    async def press(self, name: str, button: str, where: str = "team") -> None:
        """Press the button of this text under the bot's latest post that has one."""
        chat = self._chat(name, where)
        seen = [one for (_, person, _), one in self.world.whispers.items() if person == PEOPLE[name]["id"]]
        posts = [one for one in (*self.world.messages.values(), *seen) if one["chat"]["id"] == chat]
        for message in reversed(posts):
            for row in message.get("reply_markup", {}).get("inline_keyboard", ()):
                for one in row:
                    if button in one["text"]:
                        self.world.press(PEOPLE[name], message, one["callback_data"], chat)
                        await self._told()
                        return
        raise AssertionError(f"no button {button}: {self.posts(where)}")

    async def _told(self) -> None:
        await soon(lambda: not self.world.pending)
        await settled(self.database)

    @staticmethod
    def _chat(name: str, where: str) -> int:
        return PEOPLE[name]["id"] if where == "private" else WHERE[where]

    async def invite(self, where: str) -> None:
        """Somebody adds the bot and makes it an administrator."""
        self.world.become("administrator", WHERE[where])
        await self._told()

    async def put_out(self, where: str) -> None:
        """Somebody takes the bot out."""
        self.world.become("left", WHERE[where])
        await self._told()

    def shut(self, name: str) -> None:
        """This person has never opened a chat with the bot."""
        del self.world.chats[PEOPLE[name]["id"]]

    # ── what they see ───────────────────────────────────────────────────────────────────────────────

    def called(self, name: str) -> str:
        """How commands name somebody."""
        return name

    def posts(self, where: str = "team") -> list[str]:
        """What the bot says there for everybody."""
        return self._said(WHERE[where])

    def private(self, name: str) -> list[str]:
        """What the bot says to one person alone, in that chat and where others talk."""
        whispered = [one for (_, person, _), one in self.world.whispers.items() if person == PEOPLE[name]["id"]]
        return self._said(PEOPLE[name]["id"]) + [one.get("text") or one.get("caption") or "" for one in whispered]

    def files(self, where: str = "team") -> list[str]:
        """The contents of the files that the bot handed over there."""
        return self._files(WHERE[where])

    def private_files(self, name: str) -> list[str]:
        """The contents of those that one person alone has."""
        return self._files(PEOPLE[name]["id"])

    def _mine(self, chat: int) -> list[dict[str, Any]]:
        return [one for (place, _), one in self.world.messages.items() if place == chat and one.get("from") == BOT]

    def _said(self, chat: int) -> list[str]:
        return [one.get("text") or one.get("caption") or "" for one in self._mine(chat)]

    def _files(self, chat: int) -> list[str]:
        files = [one["document"] for one in self._mine(chat) if "document" in one]
        return [file["content"].decode(errors="replace") for file in files]

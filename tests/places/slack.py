"""A workspace with a public channel and a private one: Ada administers it, Bo and Cy work there, Gus is a guest,
Ola works elsewhere, and Robo is a program. Root is named in the bot's settings."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from bot.platforms.slack.emoji_names import name_of
from bot.platforms.slack.platform import SlackPlatform
from bot.wiring.slack import SlackScreens
from tests.bot.platforms.slack.conftest import running, settings
from tests.fakes.slack import payloads
from tests.fakes.slack.people import FarPeople, SocketLine
from tests.fakes.slack.rendering import choices, rendered, typed, words
from tests.fakes.slack.server import FarSlack, person
from tests.fakes.slack.shapes import Trouble
from tests.fakes.slack.web_api import Channel
from tests.places.bot import at_work, settled
from workers.core.events import ChatRef
from workers.store import overview
from workers.store.database import Database

PEOPLE = {"Ada": "U1", "Bo": "U2", "Cy": "U3", "Gus": "U4", "Ola": "U5", "Robo": "U6", "Root": "U9"}
FLAGS: dict[str, dict[str, Any]] = {
    "Ada": {"is_admin": True},
    "Gus": {"is_restricted": True},
    "Ola": {"team_id": "T2"},
    "Robo": {"is_bot": True},
}
WHERE = {"team": "C1", "secret": "G1", "new": "C7"}
"""Channels; the bot is in all of them but "new"."""


class SlackPlace:
    """What people do in Slack, and what each of them sees."""

    platform = "slack"

    def __init__(self, database: Database) -> None:
        self.database, self.far = database, FarSlack()
        self.people = FarPeople(self.far, SocketLine(self.far))
        for name, id in PEOPLE.items():
            self.far.web.users[id] = person(id, "T1", **{"real_name": name, **FLAGS.get(name, {})})
            self.far.web.channels[f"D{id}"] = Channel(f"D{id}", {self.far.team.bot, id})
        for channel in WHERE.values():
            self.far.web.channels[channel] = Channel(channel, {self.far.team.bot, *PEOPLE.values()})
        self.far.web.channels[WHERE["new"]].members.remove(self.far.team.bot)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[SlackPlace]:
        """The bot is at work until the block ends."""

        def look(chat: ChatRef) -> overview.Overview:
            with self.database.read() as c:
                return overview.overview(c, chat)

        async with self.far.serving():
            platform = SlackPlatform(settings(self.far), None, SlackScreens(look, "en"), pause=0.0)
            is_operator = lambda platform, person: person == PEOPLE["Root"]  # noqa: E731
            listen = lambda accept: running(platform, accept)  # noqa: E731
            async with at_work(platform, self.database, listen, is_operator):
                yield self

    # ── what people do ──────────────────────────────────────────────────────────────────────────────

    async def say(self, name: str, text: str, where: str = "team", **more: Any) -> str:
        """Write a message."""
        ts = await self.people.say(PEOPLE[name], typed(text), WHERE[where], **more)
        await settled(self.database)
        return ts

    async def type(self, name: str, text: str, where: str = "team", to: str = "") -> None:
        """Type a verb: a slash command or, about the message `to`, a mention in its thread. `where`: "private" too."""
        if where == "private":
            await self.people.say(PEOPLE[name], typed(text), f"D{PEOPLE[name]}")
        elif to:
            mention = f"<@{self.far.team.bot}> {typed(text)}"
            await self.people.say(PEOPLE[name], mention, WHERE[where], thread_ts=to)
        else:
            await self.people.slash(typed(text), PEOPLE[name], WHERE[where])
        await settled(self.database)

    async def react(self, name: str, message: str, emoji: str, where: str = "team") -> None:
        """Put an emoji on a message."""
        await self.people.react(PEOPLE[name], message, str(name_of(emoji)), channel=WHERE[where])
        await settled(self.database)

    async def edit(self, name: str, message: str, text: str, where: str = "team") -> None:
        """Change one's own message."""
        await self.people.edit(message, typed(text), WHERE[where])
        await settled(self.database)

    async def delete(self, message: str, where: str = "team") -> None:
        """Delete a message."""
        await self.people.delete(message, WHERE[where])
        await settled(self.database)

    async def press(self, name: str, button: str, where: str = "team") -> None:
        """Press the button of this text under the bot's latest post that has one."""
        channel = f"D{PEOPLE[name]}" if where == "private" else WHERE[where]
        seen = [one for one in self.far.web.whispers if one.get("user") == PEOPLE[name] and one["channel"] == channel]
        posts = [*self.far.web.channels[channel].messages.items(), *((one["ts"], one) for one in seen)]
        for ts, message in reversed(posts):
            for choice in choices(message) if message.get("blocks") else ():
                if button in choice.text:
                    await self.people.press(choice.value, ts, PEOPLE[name], channel)
                    await settled(self.database)
                    return
        raise AssertionError(f"no button {button}: {self.posts(where)}")

    async def invite(self, where: str) -> None:
        """Somebody invites the bot."""
        await self.people.invite(WHERE[where])
        await settled(self.database)

    async def put_out(self, where: str) -> None:
        """Somebody takes the bot out."""
        self.far.web.channels[WHERE[where]].members.discard(self.far.team.bot)
        await self.people.emit(payloads.left(WHERE[where]))
        await settled(self.database)

    def shut(self, name: str) -> None:
        """The bot may not write to this person."""
        self.far.web.fail("conversations.open", Trouble("missing_scope", needed="im:write"))

    # ── what they see ───────────────────────────────────────────────────────────────────────────────

    def called(self, name: str) -> str:
        """How commands name somebody."""
        return f"name-{PEOPLE[name].lower()}"

    def posts(self, where: str = "team") -> list[str]:
        """What the bot says there for everybody."""
        return self._said(WHERE[where])

    def private(self, name: str) -> list[str]:
        """What the bot says to one person alone, in the DM and where others talk."""
        seen = [one for one in self.far.web.whispers if one.get("user") in (None, PEOPLE[name])]
        whispered = [words(one) if one.get("blocks") else one["text"] for one in seen]
        return [*self._said(f"D{PEOPLE[name]}"), *whispered]

    def files(self, where: str = "team") -> list[str]:
        """The contents of the files that the bot handed over there."""
        return self._files(WHERE[where])

    def private_files(self, name: str) -> list[str]:
        """The contents of those that one person alone has."""
        return self._files(f"D{PEOPLE[name]}")

    def _said(self, channel: str) -> list[str]:
        said = self.far.web.channels[channel].messages.values()
        spoken = [words(message) for message in said if message.get("bot_id") == "BBOT" and message.get("blocks")]
        return [*spoken, *(rendered(file["comment"] or "") for file in self._uploads(channel))]

    def _files(self, channel: str) -> list[str]:
        return [file["content"].decode(errors="replace") for file in self._uploads(channel)]

    def _uploads(self, channel: str) -> list[dict[str, Any]]:
        return [file for file in self.far.web.uploads.values() if file.get("channel") == channel]

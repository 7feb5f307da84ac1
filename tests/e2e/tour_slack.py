"""The far side of a tour on Slack: a workspace with one channel, an admin and a colleague."""

from __future__ import annotations

import contextlib
import socket

from bot.platforms.slack.emoji_names import name_of, neutral_of
from tests.fakes.slack.people import FarPeople, SocketLine
from tests.fakes.slack.rendering import typed, words
from tests.fakes.slack.server import TOKEN, FarSlack, person
from tests.fakes.slack.web_api import Channel

PEOPLE = {"Ada": "U1", "Bo": "U2"}
HERE = "C5"


class SlackTour:
    """Ada is an admin of the workspace, Bo is not."""

    platform, chat = "slack", f"slack:T1/{HERE}"
    bug, idea, opener = "🐞", "💡", "Ada"
    off, refused = "Backchannel is off", "is for admins"

    def __init__(self) -> None:
        self.far = FarSlack()
        self.people = FarPeople(self.far, SocketLine(self.far))
        self.far.web.channels[HERE] = Channel(HERE, set(PEOPLE.values()))
        for name, user in PEOPLE.items():
            self.far.web.users[user] = person(user, "T1", is_admin=name == "Ada", real_name=name)
        self._stack = contextlib.AsyncExitStack()

    async def start(self) -> dict[str, str]:
        """Listen; what the bot has to be told."""
        await self._stack.enter_async_context(self.far.serving())
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        told = {"API_URL": self.far.api_url, "BOT_TOKEN": TOKEN, "APP_TOKEN": self.far.socket.app_token, "PORT": port}
        return {f"BACKCHANNEL_SLACK__{name}": value for name, value in told.items()}

    async def stop(self) -> None:
        await self._stack.aclose()

    async def invite(self) -> None:
        """Somebody invites the bot."""
        await self.people.invite(HERE)

    async def say(self, name: str, text: str) -> str:
        return await self.people.say(PEOPLE[name], typed(text), HERE)

    async def react(self, name: str, message_id: str, emoji: str) -> None:
        await self.people.react(PEOPLE[name], message_id, str(name_of(emoji)), channel=HERE)

    async def type(self, name: str, text: str) -> str:
        """Type a slash command; what was answered to that person alone, if anything."""
        retrain = text.startswith("retrain")
        command, rest = ("/retrain", text.removeprefix("retrain").strip()) if retrain else ("/backchannel", text)
        answer = await self.people.slash(typed(rest), PEOPLE[name], HERE, command)
        return answer["text"] if isinstance(answer, dict) else ""

    def posts(self) -> list[tuple[str, str]]:
        """What the bot said in the channel, as it reads now, and to one person alone, by id."""
        said = [(ts, one) for ts, one in self.far.web.channels[HERE].messages.items() if one.get("bot_id")]
        alone = [(f"alone {number}", one) for number, one in enumerate(self.far.web.whispers) if one.get("blocks")]
        return [(id, words(one)) for id, one in said + alone]

    def emoji(self, message_id: str) -> str | None:
        """The bot's emoji on a message."""
        names = self.far.web.marks.get((HERE, message_id), [])
        return neutral_of(names[0]) if names else None

"""The far side of a storm on Slack: Socket Mode with connections that are cut."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from typing import Any

from tests.benchmarks.storm_truth import LABELS, PEOPLE, Act, Truth
from tests.fakes.slack import payloads
from tests.fakes.slack.people import FarPeople, SocketLine
from tests.fakes.slack.server import TOKEN, FarSlack, person
from tests.fakes.slack.web_api import Channel
from workers.core.events import ChatRef

NAMES = {"🐞": "ladybug", "❓": "question", "💡": "bulb"}
CHANNELS = 5


class SlackStorm:
    """People in five channels of one workspace."""

    platform = "slack"

    def __init__(self) -> None:
        self.far = FarSlack()
        self.people = FarPeople(self.far, SocketLine(self.far))
        self.chats = [ChatRef(platform="slack", workspace="T1", chat_id=f"C{10 + n}") for n in range(CHANNELS)]
        for chat in self.chats:
            self.far.web.channels[chat.chat_id] = Channel(chat.chat_id, {self.far.team.bot, *PEOPLE})
        for user in PEOPLE:
            self.far.web.users[user] = person(user, "T1")
        self._stack = contextlib.AsyncExitStack()

    def truth(self, rng: random.Random) -> Truth:
        return Truth(rng)

    async def start(self) -> dict[str, str]:
        """Listen; what the bot has to be told."""
        await self._stack.enter_async_context(self.far.serving())
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        told = {"API_URL": self.far.api_url, "BOT_TOKEN": TOKEN, "APP_TOKEN": self.far.socket.app_token}
        return {f"BACKCHANNEL_SLACK__{name}": value for name, value in {**told, "PORT": str(port)}.items()}

    async def settle(self) -> None:
        """An admin enables the channels and makes the labels."""
        for chat in self.chats:
            await self.people.slash("here", channel=chat.chat_id)
        while not all(self.far.web.channels[chat.chat_id].messages for chat in self.chats):
            await asyncio.sleep(0.1)  # it says so when it is on
        for label, emoji in LABELS.items():
            await self.people.slash(f"labels add {label} {emoji}", channel=self.chats[0].chat_id)

    def message_id(self) -> str:
        return self.far.web.ts()

    def prepare(self, act: Act) -> tuple[str, Any]:
        """The key under which an act must be stored, and what is sent for it, as often as it is sent."""
        channel, ts, now = act.ref.chat_id, act.ref.message_id, self.far.web.ts()
        match act.kind:
            case "message":
                event = payloads.message(act.text, act.person, channel, ts)
                self.far.web.channels[channel].messages[ts] = event
            case "edit":
                event = payloads.changed(None, act.text, ts, event_ts=now, channel=channel)
            case "delete":
                event = payloads.deleted(ts, event_ts=now, channel=channel)
            case _:
                name = NAMES[act.emoji]
                event = payloads.reaction(name, act.added, act.person, ts, channel=channel, event_ts=now)
        body = payloads.event_callback(event)
        return f"slack:T1:{body['event_id']}", body

    async def send(self, body: Any) -> float:
        """Deliver until it is acknowledged; the seconds between its (last) delivery and that."""
        envelope = self.far.socket.deliver("events_api", body)
        await envelope.acked
        return time.monotonic() - envelope.sent_at

    def drop(self) -> bool:
        """Cut a connection; False if there is none just now."""
        before = self.far.socket.dropped
        self.far.socket.drop()
        return self.far.socket.dropped > before

    def connections(self) -> int:
        return self.far.socket.opened

    async def stop(self) -> None:
        await self._stack.aclose()
        await asyncio.sleep(0)

"""What people and Slack itself do there, sent to the app over Socket Mode or as signed HTTP requests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack import payloads
from tests.fakes.slack.payloads import Payload
from tests.fakes.slack.server import FarSlack
from tests.fakes.slack.web_api import Channel

EVENT_SCOPES: dict[str, tuple[str, ...]] = {
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
    "app_mention": ("app_mentions:read",),
    "reaction_added": ("reactions:read",),
    "reaction_removed": ("reactions:read",),
    "member_joined_channel": ("channels:read", "groups:read"),
    "channel_left": ("channels:read",),
    "group_left": ("groups:read",),
}
"""By Slack's reference: what a workspace must have granted for an event to be sent."""
HISTORY = {"channel": "message.channels", "group": "message.groups", "im": "message.im", "mpim": "message.mpim"}


class Line(Protocol):
    """A way to the app."""

    def send(self, kind: str, payload: Payload) -> Awaitable[Any]:
        """Deliver until it is acknowledged; what came back with the acknowledgement."""
        ...


@dataclass
class SocketLine:
    """Socket Mode."""

    far: FarSlack

    async def send(self, kind: str, payload: Payload) -> Any:
        return await self.far.socket.deliver(kind, payload).acked


@dataclass
class HttpLine:
    """Signed requests. As Slack does, one that is not answered with 200 within three seconds is sent again."""

    url: str
    secret: str
    tries: int = 4
    pause: float = 0.3
    statuses: list[int] = field(default_factory=list)

    async def send(self, kind: str, payload: Payload) -> Any:
        reason = ""
        for number in range(self.tries):
            status, text = await self.post(kind, payload, number, reason)
            self.statuses.append(status)
            if status == 200:
                return json.loads(text) if text.startswith("{") else text
            reason = "http_error" if status else "http_timeout"
            await asyncio.sleep(self.pause)
        raise TimeoutError(f"never acknowledged: {self.statuses[-self.tries :]}")

    async def post(self, kind: str, payload: Payload, retry: int = 0, reason: str = "") -> tuple[int, str]:
        """One request; the status 0 stands for no answer in time."""
        events = kind == "events_api"
        body = json.dumps(payload) if events else urlencode(payloads.form(payload))
        headers = {"Content-Type": "application/json" if events else "application/x-www-form-urlencoded"}
        headers |= signed(body, self.secret)
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason}
        try:
            timeout = aiohttp.ClientTimeout(total=3.0)
            session = aiohttp.ClientSession(timeout=timeout)
            async with session as http, http.post(self.url, data=body.encode(), headers=headers) as answer:
                return answer.status, await answer.text()
        except (TimeoutError, aiohttp.ClientError):
            return 0, ""


def signed(body: str, secret: str, at: float | None = None) -> dict[str, str]:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    stamp = str(int(time.time() if at is None else at))
    code = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={code}"}


@dataclass
class FarPeople:
    """People in the workspace T1. Everything waits for the acknowledgement and remembers what was sent last."""

    far: FarSlack
    line: Line
    last: tuple[str, Payload] = ("", {})
    used_events: set[str] = field(default_factory=set)

    async def emit(self, event: Payload, **more: Any) -> Any:
        """An event, if the app has subscribed to it and may know of it."""
        name = HISTORY[event.get("channel_type", "channel")] if event["type"] == "message" else event["type"]
        assert name in self.far.subscribed, f"the manifest does not subscribe to {name}"
        wanted = EVENT_SCOPES.get(name, ())
        if name == "member_joined_channel":
            wanted = ("groups:read",) if event["channel"][0] == "G" else ("channels:read",)
        assert set(wanted) <= self.far.team.scopes, f"the manifest lacks {wanted} for {name}"
        self.used_events.add(name)
        self.far.web.used_scopes |= set(wanted)
        return await self.send("events_api", payloads.event_callback(event, **more))

    async def send(self, kind: str, payload: Payload) -> Any:
        self.last = kind, payload
        return await self.line.send(kind, payload)

    async def again(self) -> Any:
        """Deliver the last thing a second time."""
        return await self.line.send(*self.last)

    async def say(self, user: str, text: str, channel: str = "C1", **more: Any) -> str:
        """Write a message; its `ts`."""
        ts = self.far.web.ts()
        said = payloads.message(text, user, channel, ts, **more)
        self.far.web.channels[channel].messages[ts] = said
        if f"<@{self.far.team.bot}>" in text and channel[0] != "D":
            keep = {name: said[name] for name in ("thread_ts",) if name in said}
            await self.emit(payloads.mention(text, user, channel, ts, **keep))
        await self.emit(said)
        return ts

    async def edit(self, ts: str, text: str, channel: str = "C1") -> None:
        message = self.far.web.channels[channel].messages[ts]
        before, message["text"] = message["text"], text
        stamp = self.far.web.ts()
        await self.emit(payloads.changed(before, text, ts, event_ts=stamp) | {"ts": stamp, "channel": channel})

    async def delete(self, ts: str, channel: str = "C1") -> None:
        self.far.web.channels[channel].messages.pop(ts)
        stamp = self.far.web.ts()
        await self.emit(payloads.deleted(ts, event_ts=stamp) | {"ts": stamp, "channel": channel})

    async def react(self, user: str, ts: str, name: str, added: bool = True, channel: str = "C1") -> None:
        await self.emit(payloads.reaction(name, added, user, ts, channel=channel, event_ts=self.far.web.ts()))

    async def slash(self, text: str, user: str = "U1", channel: str = "C1", command: str = "/backchannel") -> Any:
        """Type a slash command; what came back at once."""
        self.far.web.used_scopes.add("commands")
        url = f"{self.far.web.url}/commands/{payloads.unique('R')}"
        return await self.send("slash_commands", payloads.slash(text, command, user, channel, response_url=url))

    async def press(self, value: str, post: str, user: str = "U2", channel: str = "C1") -> Any:
        """Press a button under a post, or under what only this person was shown."""
        pressed = payloads.press(value, post, user, channel)
        pressed["container"]["is_ephemeral"] = post not in self.far.web.channels[channel].messages
        pressed["response_url"] = f"{self.far.web.url}/commands/{payloads.unique('R')}"
        return await self.send("interactive", pressed)

    async def label_this(self, ts: str, user: str = "U1", channel: str = "C1") -> Payload:
        """Use the shortcut on a message; the modal that opened."""
        message = {"type": "message", "user": "U2", "ts": ts} | self.far.web.channels[channel].messages[ts]
        self.far.web.views.pop("modal", None)
        await self.send("interactive", payloads.shortcut(message, user, channel))
        return self.far.web.views["modal"]

    async def submit(self, view: Payload, chosen: str, user: str = "U1") -> Any:
        return await self.send("interactive", payloads.submission(view, chosen, user))

    async def invite(self, channel: str = "C1") -> None:
        place = self.far.web.channels.setdefault(channel, Channel(channel))
        place.members.add(self.far.team.bot)
        await self.emit(payloads.joined(self.far.team.bot, channel, event_ts=self.far.web.ts()))

    async def own_message(self, text: str, channel: str = "C1") -> str:
        """The bot's own words come back as an event."""
        ts, team = self.far.web.ts(), self.far.team
        said = {"bot_id": team.bot_id, "app_id": "A1", "bot_profile": {"id": team.bot_id, "name": "Backchannel"}}
        await self.emit(payloads.message(text, team.bot, channel, ts, **said))
        return ts

"""A far side, and a platform that talks with it over Socket Mode or HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.platforms.base import Accept
from bot.platforms.slack.platform import SlackPlatform
from bot.settings import SlackSettings
from bot.wiring.slack import SlackScreens
from tests.fakes.slack.people import FarPeople, HttpLine, SocketLine
from tests.fakes.slack.server import TOKEN, FarSlack
from tests.waiting import HANG
from workers.core.events import ChatRef, Event, chat_of
from workers.store.overview import LabelView, Overview

SECRET = "canary-signing-secret"
CANARIES = (TOKEN, SECRET, "canary")


def settings(far: FarSlack, mode: str = "socket", **more: Any) -> SlackSettings:
    values = {"bot_token": TOKEN, "app_token": far.socket.app_token, "signing_secret": SECRET, **more}
    return SlackSettings(mode=mode, port=0, api_url=far.api_url, **values)  # type: ignore[arg-type]


def overview(chat: ChatRef) -> Overview:
    """A store with two labels, in which the chat C1 is enabled."""
    labels = [
        LabelView(id=1, name="bug", description="", emoji="🐞", count=3),
        LabelView(id=2, name="question", description="", emoji="❓", count=2),
    ]
    numbers: dict[str, Any] = {"messages": 9, "labelled": 5, "disputed": 1, "head_revision": 5}
    lists: dict[str, Any] = {"labels": labels, "accuracy": [], "versions": [], "jobs": []}
    return Overview(enabled=chat.chat_id == "C1", mode="suggest", language="en", **lists, **numbers)


SCREENS = SlackScreens(overview, "en", lambda user: user == "U9")


@dataclass
class Inbox:
    """Takes events as the intake does; `off` chats were enabled by nobody."""

    events: list[Event] = field(default_factory=list[Event])
    off: set[str] = field(default_factory=set[str])
    away: bool = False
    tries: int = 0

    async def accept(self, event: Event) -> bool:
        self.tries += 1
        if self.away:
            raise ConnectionError("The database is away.")
        if chat_of(event).chat_id in self.off:
            return False
        if all(event.key != stored.key for stored in self.events):
            self.events.append(event)
        return True


@asynccontextmanager
async def running(platform: SlackPlatform, accept: Accept) -> AsyncGenerator[SlackPlatform]:
    """A platform that listens until the block ends."""
    task = asyncio.create_task(platform.listen(accept))
    ready = asyncio.create_task(platform.connected.wait())
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=HANG)
    ready.cancel()
    if task.done():
        task.result()
    assert platform.connected.is_set()
    try:
        yield platform
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def far() -> AsyncIterator[FarSlack]:
    async with FarSlack().serving() as far:
        yield far


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def platform(far: FarSlack, inbox: Inbox) -> AsyncIterator[SlackPlatform]:
    """One that is connected by Socket Mode, and never waits between two posts."""
    async with running(SlackPlatform(settings(far), None, SCREENS, pause=0.0), inbox.accept) as platform:
        yield platform


@pytest.fixture
def people(far: FarSlack, platform: SlackPlatform) -> FarPeople:
    return FarPeople(far, SocketLine(far))


@pytest.fixture
async def http(far: FarSlack, inbox: Inbox) -> AsyncIterator[SlackPlatform]:
    """One that Slack calls over HTTP."""
    async with running(SlackPlatform(settings(far, "http"), None, SCREENS, pause=0.0), inbox.accept) as platform:
        yield platform


@pytest.fixture
def callers(far: FarSlack, http: SlackPlatform) -> FarPeople:
    """People whose doings come over HTTP."""
    return FarPeople(far, HttpLine(f"http://127.0.0.1:{http.port}/slack/events", SECRET))

"""The far side of a storm on Telegram: a webhook, called over many connections at once, some of which are cut."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import Any

import aiohttp

from tests.benchmarks.storm_truth import Act, Truth
from tests.bot.platforms.telegram.stage import SECRET, free_port
from tests.fakes.telegram.server import FarSide
from tests.fakes.telegram.world import BOT, TOKEN, Json, user
from workers.core.events import ChatRef

GROUPS = 40
"""So many, that the twenty messages a minute which a group may get are no matter here."""
LABELS = {"bug": "👾", "question": "🤔", "idea": "🔥"}
ADMIN = user(1, "Root")
PEOPLE = {str(number): user(number, f"Person {number}") for number in range(10, 18)}
CONNECTIONS = 40
AGAIN = 0.2


class TelegramStorm:
    """People in many groups, and Telegram's servers, which call the webhook until it says yes."""

    platform = "telegram"

    def __init__(self) -> None:
        self.far = FarSide()
        self.world = self.far.world
        self.chats = []
        for number in range(GROUPS):
            id = -100_000 - number
            self.world.open({"id": id, "type": "supergroup", "title": f"Group {number}"})
            self.chats.append(ChatRef(platform="telegram", workspace=str(id), chat_id=str(id)))
        self._stack = contextlib.AsyncExitStack()
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._reactions: dict[tuple[str, str], list[Json]] = {}
        self._opened = self._to_cut = 0
        self._url = ""

    def truth(self, rng: random.Random) -> Truth:
        return Truth(rng, tuple(PEOPLE), LABELS, deletes=False)

    async def start(self) -> dict[str, str]:
        """Listen; what the bot has to be told."""
        await self._stack.enter_async_context(self.far.running())
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._note)
        connector = aiohttp.TCPConnector(limit=0)
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        session = aiohttp.ClientSession(connector=connector, headers=headers, trace_configs=[trace])
        self._session = await self._stack.enter_async_context(session)
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/telegram/webhook"
        told = {"API_URL": self.far.url, "TOKEN": TOKEN, "MODE": "webhook", "SECRET": SECRET, "PORT": str(port)}
        told["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        return {f"BACKCHANNEL_TELEGRAM__{name}": value for name, value in told.items()} | {
            "BACKCHANNEL_ADMINS": f"telegram:{ADMIN['id']}"
        }

    async def _note(self, *_: Any) -> None:
        self._opened += 1

    async def settle(self) -> None:
        """An admin enables the groups and makes the labels."""
        while self.world.allowed is None:
            await asyncio.sleep(0.1)
        for chat in self.chats:
            self.world.say(ADMIN, "/here", int(chat.chat_id))
        while len(self.answered()) < GROUPS:
            await asyncio.sleep(0.1)  # it says so when it is on
        for label, emoji in LABELS.items():
            self.world.say(ADMIN, f"/labels add {label} {emoji}", int(self.chats[0].chat_id))

    def answered(self) -> set[int]:
        """Groups in which the bot has said something."""
        return {chat for (chat, _), message in self.world.messages.items() if message.get("from") == BOT}

    def message_id(self) -> str:
        return str(next(self.world.numbers))

    def prepare(self, act: Act) -> tuple[str, Any]:
        """The key under which an act must be stored, and the update that tells of it, as often as it is told."""
        chat, message = self.world.chats[int(act.ref.chat_id)], int(act.ref.message_id)
        number, now = next(self.world.updates), int(time.time())
        what: Json = {"message_id": message, "chat": chat, "date": now}
        match act.kind:
            case "message":
                kind, what = "message", {**what, "from": PEOPLE[act.person], "text": act.text}
                self.world.messages[chat["id"], message] = what
            case "edit":
                kind, what = "edited_message", {**what, "from": PEOPLE[act.person], "text": act.text, "edit_date": now}
            case _:
                kind, what = "message_reaction", {**what, "user": PEOPLE[act.person], **self._lists(act)}
        return f"telegram:{BOT['id']}:{number}:0", {"update_id": number, kind: what}

    def _lists(self, act: Act) -> Json:
        """A person's reactions to a message before and after."""
        place, one = (act.ref.key, act.person), {"type": "emoji", "emoji": act.emoji}
        old = self._reactions.get(place, [])
        new = [*old, one] if act.added else [each for each in old if each != one]
        self._reactions[place] = new
        return {"old_reaction": old, "new_reaction": new}

    async def send(self, body: Any) -> float:
        """Deliver until it is acknowledged; the seconds between its (last) delivery and that."""
        async with self._free:
            while True:
                began = time.monotonic()
                try:
                    if await self._called(body):
                        return time.monotonic() - began
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(AGAIN)

    async def _called(self, body: Any) -> bool:
        """Whether the webhook took it. Where a connection is to be cut, it is this one, in the middle."""
        cut = self._to_cut > 0
        if cut:
            self._to_cut -= 1
        timeout = aiohttp.ClientTimeout(total=0.003 if cut else 60)
        async with self._session.post(self._url, json=body, timeout=timeout) as response:
            self._to_cut += cut  # it was too fast to be cut
            return response.status == 200

    def drop(self) -> bool:
        """Cut the next connection."""
        self._to_cut += 1
        return True

    def connections(self) -> int:
        return self._opened

    async def stop(self) -> None:
        await self._stack.aclose()

"""Below Telegram's limits, by a clock of our own; and through a storm of refusals with nothing lost or out of order."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bot.delivery import deliver
from bot.platforms.base import Later
from bot.platforms.telegram.rate_limit import Limits, RateLimit
from tests.bot.platforms.contract import Gathered
from tests.bot.platforms.telegram.stage import listening, platform_of, settings
from tests.fakes.telegram.methods import ApiError
from tests.fakes.telegram.server import FarSide
from tests.fakes.telegram.world import Json
from tests.waiting import soon
from workers.core.events import ChatRef
from workers.core.replies import Post
from workers.store import outbox
from workers.store.database import Database


class Clock:
    """Time passes only where somebody sleeps."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def paced(clock: Clock) -> RateLimit:
    return RateLimit(Limits(), clock.time, clock.sleep)


async def test_messages_of_a_chat_are_a_second_apart() -> None:
    clock = Clock()
    pace = paced(clock)
    times = list[float]()
    for _ in range(5):
        await pace.turn(11)
        times.append(clock.now)
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(times))


async def test_a_group_gets_twenty_messages_a_minute_and_the_rest_is_put_off() -> None:
    clock = Clock()
    pace = paced(clock)
    sent = list[float]()
    while len(sent) < 65:
        try:
            await pace.turn(-5)
            sent.append(clock.now)
        except Later as later:
            clock.now += max(later.seconds, 10)  # what is shorter is waited for
    assert all(sent[place + 20] - sent[place] >= 60 - 1e-6 for place in range(45))


async def test_emoji_do_not_count_as_messages() -> None:
    clock = Clock()
    pace = paced(clock)
    for _ in range(100):
        await pace.turn(-5, 0)
    assert clock.now - 1000 <= 100


async def test_all_chats_together_stay_below_thirty_a_second() -> None:
    clock = Clock()
    pace = paced(clock)
    times = list[float]()
    for chat in range(1, 300):
        await pace.turn(chat)
        times.append(clock.now)
    for place in range(len(times) - 45):
        assert times[place + 45] - times[place] >= 1.0


async def test_a_pause_holds_for_all_topics_of_a_group() -> None:
    clock = Clock()
    pace = paced(clock)
    pace.pause(-5, 30)
    with pytest.raises(Later) as caught:
        await pace.turn(-5)
    assert caught.value.seconds == 30
    await pace.turn(-6)


async def test_a_storm_of_floods_drops_nothing_keeps_the_order_and_starves_nobody(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    database.migrate()
    chats, each = range(101, 107), 5
    async with FarSide().running() as far:
        for id in chats:
            far.world.chats[id] = {"id": id, "type": "private", "first_name": str(id)}
        flooded, refused = dict[str, float](), set[tuple[str, str]]()

        def flood(method: str, fields: Json) -> ApiError | None:
            """One chat is refused at each message, the others at one; who comes too early is refused again."""
            if method != "sendMessage":
                return None
            chat, text = fields["chat_id"], fields["text"]
            first = (chat, text) not in refused and (chat == "101" or text == "2")
            if first:
                refused.add((chat, text))
                flooded[chat] = time.monotonic() + 0.9
            if time.monotonic() < flooded.get(chat, 0.0):
                return ApiError(429, "Too Many Requests: retry after 1", retry_after=1)
            return None

        far.trouble = flood
        platform = platform_of(settings(far))
        replies = [
            (
                f"{number}:{id}",
                Post(chat=ChatRef(platform="telegram", workspace=str(id), chat_id=str(id)), text=f"{number}"),
            )
            for number in range(each)
            for id in chats
        ]
        with database.write() as c:
            outbox.add(c, replies, time.time())
        async with listening(platform, far, Gathered().accept):
            delivering = asyncio.create_task(deliver(database, platform, Gathered().accept))
            await soon(lambda: len(far.world.messages) == len(replies))
            delivering.cancel()
            with suppress(asyncio.CancelledError):
                await delivering
        for id in chats:
            said = [message["text"] for (chat, _), message in far.world.messages.items() if chat == id]
            assert said == [str(number) for number in range(each)]
        last = {id: max(n for (chat, n) in far.world.messages if chat == id) for id in chats}
        assert max(last, key=lambda id: last[id]) == 101, "the flooded one ends last, after all the others"
    database.dispose()

"""Outbox to platform: in order per chat, chats beside each other, pauses honoured, nothing dropped or said twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot import delivery
from bot.delivery import deliver, instead_of
from bot.platforms.base import Accept, Ailment, Later, Refused, Standing, Unreachable, well
from tests.databases import migrated
from tests.waiting import soon
from workers.core.events import ChatRef, Command, Event, MessageRef, Person
from workers.core.i18n import both
from workers.core.replies import CheckAdmin, Document, EditPost, Picture, Post, React, Reply
from workers.store import chats, outbox
from workers.store.database import Database, DatabaseAway

ANA = Person(id="ana", name="Ana")


def chat(name: str) -> ChatRef:
    return ChatRef(platform="far", workspace="w", chat_id=name)


class FarPlatform:
    """Writes down what it was told; asks for a pause, refuses or breaks where a text says so."""

    name = "far"

    def __init__(self) -> None:
        self.ailment: Ailment = well
        self.told: list[tuple[str, str]] = []
        self.tries: dict[str, int] = {}
        self.edited: list[str | None] = []
        self.at_work: set[str] = set()
        self.slow_until: Callable[[], bool] = lambda: True

    async def listen(self, accept: Accept) -> None: ...

    async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
        assert isinstance(reply, Post | EditPost)
        self.tries[key] = self.tries.get(key, 0) + 1
        if reply.text.startswith("slow") and not (self.tries[key] > 1 and self.slow_until()):
            raise Later(0.1, "Too many requests: wait.")
        if reply.text.startswith("broken") and self.tries[key] <= 2:
            raise ValueError("Something in this reply is not as we thought.")
        if reply.text.startswith("down") and self.tries[key] <= 20:
            raise ConnectionError("reset by peer")
        if reply.text.startswith("hopeless"):
            raise ValueError("Something in this reply is not as we thought.")
        if reply.text.startswith("endless"):
            await asyncio.Event().wait()
        if reply.text.startswith("paced"):
            assert reply.chat.key not in self.at_work, "two at once in one chat"
            self.at_work.add(reply.chat.key)
            await asyncio.sleep(0.1)
            self.at_work.remove(reply.chat.key)
        if reply.text.startswith("never"):
            raise Refused("The chat is archived.")
        if isinstance(reply, EditPost):
            self.edited.append(handle)
        self.told.append((reply.chat.chat_id, reply.text))
        return f"id of {key}"

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        return Standing(person == ANA)


class FlakyDatabase(Database):
    """One that is away for a while, as often as asked, just when a transaction is to be committed."""

    away = 0
    writes = 0
    reads = 0

    @contextmanager
    def read(self) -> Generator[Connection]:
        self.reads += 1
        with super().read() as c:
            yield c

    @contextmanager
    def write(self) -> Generator[Connection]:
        self.writes += 1
        with super().write() as c:
            yield c
            if self.away:
                self.away -= 1
                raise DatabaseAway("Nothing answers; check that the server runs.")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[FlakyDatabase]:
    with migrated(tmp_path, FlakyDatabase) as database:
        yield database


def states(database: Database) -> list[str]:
    with database.read() as c:
        return list(c.execute(text("select state from outbox order by id")).scalars())


def said(*texts: str, where: str = "a") -> list[Reply]:
    return [Post(chat=chat(where), text=text) for text in texts]


def settled(database: Database) -> int:
    """How many replies need nothing any more."""
    return sum(state in ("sent", "failed") for state in states(database))


async def delivered(
    database: Database,
    replies: list[Reply],
    expected: int,
    also: Callable[[], bool] = lambda: True,
    platform: FarPlatform | None = None,
) -> tuple[FarPlatform, list[Event]]:
    """Let the delivery loop run until so many replies have been dealt with and `also` holds."""
    platform, accepted = platform or FarPlatform(), list[Event]()

    async def accept(event: Event) -> bool:
        accepted.append(event)
        return True

    with database.write() as c:
        outbox.add(c, [(f"k{place}", reply) for place, reply in enumerate(replies)], time.time())
    task = asyncio.create_task(deliver(database, platform, accept))
    await soon(lambda: settled(database) >= expected and also())
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return platform, accepted


async def test_a_pause_holds_up_its_own_chat_in_order_and_no_other(database: Database):
    replies: list[Reply] = [Post(chat=chat("a"), text=said) for said in ("one", "slow two", "three")]
    replies += [Post(chat=chat("b"), text=said) for said in ("four", "five")]
    platform = FarPlatform()
    platform.slow_until = lambda: ("b", "five") in platform.told  # were "b" held up by "a", this would never end
    await delivered(database, replies, 5, platform=platform)
    assert [said for where, said in platform.told if where == "a"] == ["one", "slow two", "three"]
    assert [said for where, said in platform.told if where == "b"] == ["four", "five"]
    assert platform.told.index(("b", "five")) < platform.told.index(("a", "slow two"))
    assert platform.tries["k0"] == 1


async def test_what_breaks_is_tried_again_and_what_is_refused_is_not(database: Database):
    replies: list[Reply] = [Post(chat=chat("a"), text=said) for said in ("never", "broken", "last")]
    platform, _ = await delivered(database, replies, 3)
    assert platform.told == [("a", "broken"), ("a", "last")]
    assert platform.tries["k0"] == 1
    assert states(database) == ["failed", "sent", "sent"]


REFUSED = Refused(both("tg_no_files"))
ASKED = Command(key="c1", at=1.0, chat=chat("a"), caller=ANA, text="Retrain lora", thread="t")
INSTEAD: list[tuple[Reply, str, str | None]] = [
    (
        Picture(chat=chat("a"), filename="e.png", content=b"", alt="", text="Because of it.", reply_to="t", to=ANA.id),
        "Because of it.\n(Without its picture: This chat lets the bot send no files",
        "t",
    ),
    (
        Picture(chat=chat("a"), filename="e.png", content=b"", alt="A line goes up.", to="ana"),
        "A line goes up.\n(Without",
        None,
    ),
    (
        Document(chat=chat("a"), filename="labels.jsonl", content="{}", text="3", reply_to="t", to=ANA.id),
        "I can't hand over labels.jsonl here. This chat lets",
        "t",
    ),
    (CheckAdmin(event=ASKED), "I can't find out whether you may use `retrain`. This chat lets", "t"),
    (EditPost(chat=chat("a"), post="p", text="Merged."), "Merged.", None),
]


@pytest.mark.parametrize(("reply", "text", "under"), INSTEAD)
def test_whoever_waits_for_a_reply_that_is_refused_gets_words(reply: Reply, text: str, under: str | None):
    words = instead_of(reply, REFUSED, "en", ANA.id)
    assert words is not None
    assert words.text.startswith(text)
    assert words.reply_to == under
    assert words.to == ANA.id


def test_nobody_waits_for_an_emoji_a_step_of_progress_or_a_second_refusal():
    ref = MessageRef(**chat("a").model_dump(), message_id="1")
    nobody_waits = (React(ref=ref, emoji="👍"), EditPost(chat=chat("a"), post="p", text="half", progress=0.5))
    for reply in (*nobody_waits, Post(chat=chat("a"), text="hello"), Post(chat=chat("a"), text="hello", to=ANA.id)):
        assert instead_of(reply, REFUSED, "en", None) is None


def test_where_nothing_can_be_said_to_all_only_whoever_asked_is_told():
    gone = Unreachable("The bot is not there.")
    words = instead_of(Post(chat=chat("a"), text="Training is queued.", asker=ANA.id), gone, "en", None)
    assert words is not None
    assert (words.to, words.text.splitlines()[0]) == (ANA.id, "Training is queued.")
    assert instead_of(EditPost(chat=chat("a"), post="p", text="Merged."), gone, "en", ANA.id) is None


@pytest.mark.parametrize("how", ["refused", "hopeless"])
async def test_the_words_for_a_refused_picture_come_once_in_the_language_of_the_chat(
    database: Database, monkeypatch: pytest.MonkeyPatch, how: str
):
    class NoPictures(FarPlatform):
        async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
            if isinstance(reply, Picture):
                raise REFUSED if how == "refused" else ValueError("Something in this reply is not as we thought.")
            return await super().send(reply, key, handle)

    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.01)
    with database.write() as c:
        chats.enable(c, chat("a"), ANA, "zh", 0.0)
    picture = Picture(chat=chat("a"), filename="e.png", content=b"", alt="x", text="理由")
    platform, _ = await delivered(database, [picture], 2, platform=NoPictures())
    [(_, text)] = platform.told
    why = REFUSED.sentence.zh if how == "refused" else "多次尝试均失败，原因见机器人日志。"
    assert text == f"理由\n（图片未能发出：{why}）"
    assert states(database) == ["failed", "sent"]


async def test_an_edit_is_sent_to_the_post_it_names(database: Database):
    replies: list[Reply] = [
        Post(chat=chat("a"), text="queued"),
        EditPost(chat=chat("a"), post="k0", text="running"),
        EditPost(chat=chat("a"), post="k0", text="done"),
    ]
    platform, _ = await delivered(database, replies, 2, lambda: "pending" not in states(database))
    assert platform.told[-1] == ("a", "done")
    assert platform.edited[-1] == "id of k0"


async def test_a_question_about_rights_lets_the_event_in_again_with_the_answer(database: Database):
    asked = Command(key="c1", at=1.0, chat=chat("a"), caller=ANA, text="retrain")
    _, accepted = await delivered(database, [CheckAdmin(event=asked)], 1)
    (answer,) = accepted
    assert isinstance(answer, Command)
    assert answer.admin is True
    assert answer.key != asked.key


async def test_a_slow_chat_holds_up_no_other_and_has_one_at_a_time(database: Database):
    slow = said(*(f"paced {place}" for place in range(12)))
    platform, _ = await delivered(database, [*slow, *said("quick", where="b")], 13)
    assert platform.told.index(("b", "quick")) <= 1
    assert [text for where, text in platform.told if where == "a"] == [f"paced {place}" for place in range(12)]
    assert set(platform.tries.values()) == {1}
    assert states(database) == ["sent"] * 13


async def test_a_chat_with_much_to_say_leaves_room_for_others(database: Database):
    many = said(*(f"{place}" for place in range(300)))
    platform, _ = await delivered(database, [*many, *said("mine", where="b")], 301)
    assert platform.told.index(("b", "mine")) <= 2 * delivery.PER_CHAT
    assert [text for where, text in platform.told if where == "a"] == [f"{place}" for place in range(300)]


async def test_an_outage_of_any_length_drops_nothing(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.01)
    platform, _ = await delivered(database, said("down", "two", "three"), 3)
    assert platform.told == [("a", "down"), ("a", "two"), ("a", "three")]
    assert platform.tries["k0"] > delivery.TRIES


async def test_what_waits_behind_a_hopeless_reply_does_not_pay_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.01)
    platform, _ = await delivered(database, said("hopeless", "broken", "three"), 3)
    assert platform.told == [("a", "broken"), ("a", "three")]
    assert platform.tries["k0"] == delivery.TRIES
    assert states(database) == ["failed", "sent", "sent"]


async def test_a_platform_that_never_answers_is_asked_again(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "SEND_TIMEOUT", 0.05)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.01)
    platform = FarPlatform()
    replies = [*said("endless"), *said("two", where="b")]
    await delivered(database, replies, 1, lambda: platform.tries.get("k0", 0) > 3, platform)
    assert platform.told == [("b", "two")]
    assert states(database) == ["pending", "sent"]


@pytest.mark.parametrize("when", ["claiming", "writing down"])
async def test_when_the_database_is_back_it_is_told_what_was_sent(
    database: FlakyDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, when: str
):
    class Cutting(FarPlatform):
        async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
            database.away = 3 if when == "writing down" and key == "k1" else 0
            return await super().send(reply, key, handle)

    monkeypatch.setattr(delivery, "DATABASE_PAUSE", 0.02)
    with database.write() as c:
        outbox.add(c, [(f"k{place}", reply) for place, reply in enumerate(said("one", "two"))], time.time())
    database.away = 3 if when == "claiming" else 0
    platform = Cutting()
    task = asyncio.create_task(deliver(database, platform, lambda event: asyncio.sleep(0, True)))
    await soon(lambda: states(database), lambda now: now == ["sent", "sent"])
    task.cancel()
    await asyncio.wait([task])
    assert platform.told == [("a", "one"), ("a", "two")]
    assert len([record for record in caplog.records if "can't be reached" in record.message]) == 1


async def test_whoever_is_stopped_gives_back_what_was_not_sent(database: Database):
    replies = [*said(*(f"paced {place}" for place in range(8))), *said("endless", where="b")]
    platform, _ = await delivered(database, replies, 3)
    sent = len(platform.told)
    assert states(database) == ["sent"] * sent + ["pending"] * (9 - sent)
    with database.read() as c:
        assert outbox.has_work(c, "far", time.time())


async def test_many_chats_are_written_down_together(database: FlakyDatabase):
    before = database.writes
    replies = [said(f"paced {number}", where=f"chat {number}")[0] for number in range(40)]
    await delivered(database, replies, 40)
    assert states(database) == ["sent"] * 40
    assert database.writes - before < 20


async def test_a_long_batch_is_cut_before_its_lease_ends(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "TURN", 0.25)
    platform, _ = await delivered(database, said(*(f"paced {place}" for place in range(7))), 7)
    assert [text for _, text in platform.told] == [f"paced {place}" for place in range(7)]
    with database.read() as c:
        attempts = list(c.execute(text("select attempts from outbox order by id")).scalars())
    assert attempts[0] == 1
    assert attempts[-1] > 1
    assert set(platform.tries.values()) == {1}


async def test_with_nothing_to_send_the_outbox_is_looked_at_twenty_times_a_second(database: FlakyDatabase):
    async def accept(event: Event) -> bool:
        return True

    before, began = database.reads, time.monotonic()
    task = asyncio.create_task(deliver(database, FarPlatform(), accept))
    await soon(lambda: database.reads >= before + 5)
    looks, most = database.reads - before, (time.monotonic() - began) / delivery.POLL + 2
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert looks <= most

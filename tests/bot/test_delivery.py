"""Outbox to platform: in order per chat, chats beside each other, pauses honoured, nothing dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.delivery import deliver
from bot.platforms.base import Accept, Later, Refused
from workers.contracts import ChatRef, CheckAdmin, Command, EditPost, Event, Person, Post, Reply
from workers.store import outbox
from workers.store.database import Database

ANA = Person(id="ana", name="Ana")


def chat(name: str) -> ChatRef:
    return ChatRef(platform="far", workspace="w", chat_id=name)


class FarPlatform:
    """Writes down what it was told; asks for a pause, refuses or breaks where a text says so."""

    name = "far"

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.tries: dict[str, int] = {}
        self.edited: list[str | None] = []

    async def listen(self, accept: Accept) -> None: ...

    async def send(self, reply: Reply, key: str, post_id: str | None) -> str | None:
        assert isinstance(reply, Post | EditPost)
        self.tries[key] = self.tries.get(key, 0) + 1
        if reply.text.startswith("slow") and self.tries[key] == 1:
            raise Later(0.3, "Too many requests: wait.")
        if reply.text.startswith("broken") and self.tries[key] <= 2:
            raise ConnectionError("reset by peer")
        if reply.text.startswith("never"):
            raise Refused("The chat is archived.")
        if isinstance(reply, EditPost):
            self.edited.append(post_id)
        self.told.append((reply.chat.chat_id, reply.text))
        return f"id of {key}"

    async def is_admin(self, chat: ChatRef, person: Person) -> bool:
        return person == ANA


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    database.migrate()
    yield database
    database.dispose()


async def delivered(database: Database, replies: list[Reply], expected: int) -> tuple[FarPlatform, list[Event]]:
    """Let the delivery loop run until so many replies have arrived, or ten seconds."""
    platform, accepted = FarPlatform(), list[Event]()

    async def accept(event: Event) -> bool:
        accepted.append(event)
        return True

    with database.write() as c:
        outbox.add(c, [(f"k{place}", reply) for place, reply in enumerate(replies)], time.time())
    task = asyncio.create_task(deliver(database, platform, accept))
    deadline = time.monotonic() + 10
    while len(platform.told) + len(accepted) < expected and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.15)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return platform, accepted


async def test_a_pause_holds_up_its_own_chat_in_order_and_no_other(database: Database):
    replies: list[Reply] = [Post(chat=chat("a"), text=said) for said in ("one", "slow two", "three")]
    replies += [Post(chat=chat("b"), text=said) for said in ("four", "five")]
    platform, _ = await delivered(database, replies, 5)
    assert [said for where, said in platform.told if where == "a"] == ["one", "slow two", "three"]
    assert [said for where, said in platform.told if where == "b"] == ["four", "five"]
    assert platform.told.index(("b", "five")) < platform.told.index(("a", "slow two"))
    assert platform.tries["k0"] == 1


async def test_what_breaks_is_tried_again_and_what_is_refused_is_not(database: Database):
    replies: list[Reply] = [Post(chat=chat("a"), text=said) for said in ("never", "broken", "last")]
    platform, _ = await delivered(database, replies, 2)
    assert platform.told == [("a", "broken"), ("a", "last")]
    assert platform.tries["k0"] == 1
    with database.read() as c:
        assert list(c.execute(text("select state from outbox order by id")).scalars()) == ["failed", "sent", "sent"]


async def test_an_edit_is_sent_to_the_post_it_names(database: Database):
    replies: list[Reply] = [
        Post(chat=chat("a"), text="queued"),
        EditPost(chat=chat("a"), post="k0", text="running"),
        EditPost(chat=chat("a"), post="k0", text="done"),
    ]
    platform, _ = await delivered(database, replies, 2)
    assert platform.told[-1] == ("a", "done")
    assert platform.edited[-1] == "id of k0"


async def test_a_question_about_rights_lets_the_event_in_again_with_the_answer(database: Database):
    asked = Command(key="c1", at=1.0, chat=chat("a"), caller=ANA, text="retrain")
    _, accepted = await delivered(database, [CheckAdmin(event=asked)], 1)
    (answer,) = accepted
    assert isinstance(answer, Command)
    assert answer.admin is True
    assert answer.key != asked.key

"""Acknowledged means kept: what `accept` has returned for is in the inbox, once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.intake import Intake
from tests.databases import migrated
from tests.waiting import soon
from workers.core.events import EVENT, Button, ChatRef, Command, Edit, Message, MessageRef, Moved, Person
from workers.store import chats, inbox
from workers.store.database import Database, DatabaseAway

CHAT = ChatRef(platform="web", workspace="local", chat_id="general")
ANA = Person(id="ana", name="Ana")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with migrated(tmp_path) as database:
        with database.write() as c:
            chats.enable(c, CHAT, ANA, "en", 0.0)
        yield database


def message(number: int, chat: ChatRef = CHAT) -> Message:
    ref = MessageRef(**chat.model_dump(), message_id=str(number))
    return Message(key=f"m{number}", at=float(number), ref=ref, author=ANA, text=f"message {number}")


def stored(database: Database) -> list[str]:
    with database.read() as c:
        return list(c.execute(text("select key from inbox order by id")).scalars())


async def test_what_is_acknowledged_is_stored_once_and_hinted(database: Database):
    hinted: list[str] = []
    intake = Intake(database, lambda *queues: hinted.extend(queues))
    answers = await asyncio.gather(*(intake.accept(message(number % 50)) for number in range(100)))
    assert all(answers)
    assert sorted(stored(database)) == sorted(f"m{number}" for number in range(50))
    intake.stop()  # hints come after the acknowledgement
    assert set(hinted) == {"classify"}


@pytest.mark.parametrize(("text", "kept"), [("here", True), ("HELP", True), ("retrain", False), ("hello?", False)])
async def test_of_a_chat_that_nobody_enabled_only_here_and_help_are_stored(database: Database, text: str, kept: bool):
    other = ChatRef(platform="web", workspace="local", chat_id="private")
    intake = Intake(database, lambda *_: None)
    ref = MessageRef(**other.model_dump(), message_id="1")
    assert await intake.accept(message(1, other)) is False
    assert await intake.accept(Button(key="b", at=1.0, ref=ref, presser=ANA, value="a:1:2")) is False
    assert await intake.accept(Command(key="c1", at=1.0, chat=other, caller=ANA, text=text)) is kept
    assert stored(database) == (["c1"] if kept else [])
    intake.stop()


async def test_in_a_private_chat_with_the_bot_any_verb_works(database: Database):
    mine = ChatRef(platform="web", workspace="local", chat_id="me-and-the-bot")
    intake = Intake(database, lambda *_: None)
    assert await intake.accept(Command(key="c1", at=1.0, chat=mine, caller=ANA, text="models", private=True)) is True
    assert await intake.accept(message(1, mine)) is False
    intake.stop()


async def test_other_programs_are_read_only_where_somebody_wants_it(database: Database):
    intake = Intake(database, lambda *_: None)
    alert = message(1).model_copy(update={"bot": True})
    edited = Edit(key="e", at=2.0, ref=alert.ref, text="resolved", bot=True)
    assert [await intake.accept(event) for event in (alert, edited)] == [False, False]
    with database.write() as c:
        chats.set_bots(c, CHAT, True)
    assert [await intake.accept(event) for event in (alert, edited)] == [True, True]
    intake.stop()


async def test_a_chat_that_moved_is_followed_even_by_what_comes_late(database: Database):
    into = ChatRef(platform="web", workspace="local", chat_id="bigger")
    intake = Intake(database, lambda *_: None)
    assert await intake.accept(message(1, into)) is False, "nobody enabled that one"
    await intake.accept(Moved(key="mv", at=1.0, chat=CHAT, into=into))
    assert [await intake.accept(event) for event in (message(2, into), message(3))] == [True, True]
    with database.read() as c:
        rows = c.execute(text("select chat, event from inbox order by id")).all()
    assert [row.chat for row in rows] == [into.key, into.key]
    assert [EVENT.validate_json(row.event).ref.message_id for row in rows] == ["2", "before:3"]
    intake.stop()


async def test_admins_of_the_settings_are_known_before_anybody_asks(database: Database):
    named = lambda platform, person: (platform, person) == ("web", "ana")  # noqa: E731
    intake = Intake(database, lambda *_: None, is_operator=named)
    await intake.accept(Command(key="c1", at=1.0, chat=CHAT, caller=ANA, text="retrain"))
    await intake.accept(Command(key="c2", at=1.0, chat=CHAT, caller=Person(id="bo"), text="retrain"))
    with database.read() as c:
        events = list(c.execute(text("select event from inbox order by id")).scalars())
    assert '"admin":true' in events[0]
    assert '"admin":null' in events[1]
    intake.stop()


async def test_nothing_is_acknowledged_while_the_database_is_away_and_nothing_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    real, tries, back = inbox.add, list[int](), threading.Event()

    def add(*arguments: Any) -> Any:
        tries.append(1)
        if not back.is_set():
            raise DatabaseAway("Nothing answers: check the server.")
        return real(*arguments)

    monkeypatch.setattr(inbox, "add", add)
    intake = Intake(database, lambda *_: None)
    waiting = asyncio.ensure_future(intake.accept(message(1)))
    await soon(lambda: len(tries) > 1)
    assert not waiting.done()
    back.set()
    assert await waiting is True
    assert stored(database) == ["m1"]
    intake.stop()


async def test_an_event_that_cannot_be_stored_fails_alone(database: Database, monkeypatch: pytest.MonkeyPatch):
    real = inbox.add

    def add(c: Any, events: list[Message], now: float) -> Any:
        if any(event.key == "m3" for event in events):
            raise ValueError("a mistake of ours")
        return real(c, events, now)

    monkeypatch.setattr(inbox, "add", add)
    intake = Intake(database, lambda *_: None)
    answers = await asyncio.gather(*(intake.accept(message(number)) for number in range(6)), return_exceptions=True)
    assert [answer is True for answer in answers] == [True, True, True, False, True, True]
    assert sorted(stored(database)) == ["m0", "m1", "m2", "m4", "m5"]
    assert await intake.accept(message(7)) is True, "the thread lives on"
    intake.stop()


async def test_names_that_no_database_takes_are_made_storable(database: Database):
    intake = Intake(database, lambda *_: None)
    odd = MessageRef(platform="web", workspace="local", chat_id="general", message_id="1\ud800\x00")
    assert await intake.accept(Message(key="k\ud800", at=1.0, ref=odd, author=ANA, text="x")) is True
    intake.stop()

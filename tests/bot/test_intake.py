"""Acknowledged means kept: what `accept` has returned for is in the inbox, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot import intake as module
from bot.intake import Intake
from workers.contracts import ChatRef, Command, Message, MessageRef, Person
from workers.store import chats
from workers.store.database import Database, DatabaseAway

CHAT = ChatRef(platform="web", workspace="local", chat_id="general")
ANA = Person(id="ana", name="Ana")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    database.migrate()
    with database.write() as c:
        chats.enable(c, CHAT, ANA, "en", 0.0)
    yield database
    database.dispose()


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
    assert set(hinted) == {"classify"}
    intake.stop()


async def test_a_chat_that_nobody_enabled_is_not_stored_but_its_commands_are(database: Database):
    other = ChatRef(platform="web", workspace="local", chat_id="private")
    intake = Intake(database, lambda *_: None)
    assert await intake.accept(message(1, other)) is False
    assert await intake.accept(Command(key="c1", at=1.0, chat=other, caller=ANA, text="here")) is True
    assert stored(database) == ["c1"]
    intake.stop()


async def test_admins_of_the_settings_are_known_before_anybody_asks(database: Database):
    intake = Intake(database, lambda *_: None, is_admin=lambda platform, person: (platform, person) == ("web", "ana"))
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
    real, away = module.store, time.monotonic() + 0.4

    def store(*arguments: object) -> list[bool]:
        if time.monotonic() < away:
            raise DatabaseAway("Nothing answers: check the server.")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "store", store)
    intake = Intake(database, lambda *_: None)
    waiting = asyncio.ensure_future(intake.accept(message(1)))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    assert await waiting is True
    assert stored(database) == ["m1"]
    intake.stop()


async def test_an_event_that_cannot_be_stored_fails_alone(database: Database, monkeypatch: pytest.MonkeyPatch):
    real = module.store

    def store(database: Database, events: list[Message]) -> list[bool]:
        if any(event.key == "m3" for event in events):
            raise ValueError("a mistake of ours")
        return real(database, events)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "store", store)
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

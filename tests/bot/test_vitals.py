"""What /healthz says beyond "connected": red where the bot could not do its work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bot.platforms.http_server import healthz
from bot.wiring import vitals
from bot.wiring.vitals import Vitals
from workers.core.errors import BackchannelError
from workers.core.events import ChatRef
from workers.core.replies import Post
from workers.store import heartbeats, outbox
from workers.store.database import Database

CHAT = ChatRef(platform="web", workspace="w", chat_id="c")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/store.sqlite3")
    database.migrate()
    yield database
    database.dispose()


class Clock:
    """Every look is a fresh one, unless `still`."""

    def __init__(self) -> None:
        self.now, self.still = 0.0, False

    def __call__(self) -> float:
        self.now += 0.0 if self.still else 60.0
        return self.now


async def said(asked: Vitals) -> tuple[int, str]:
    response = await healthz(True, asked.ailment)
    return response.status_code, bytes(response.body).decode()


async def test_all_is_well(database: Database) -> None:
    assert await said(Vitals(database, "web", Clock())) == (200, "ok")
    assert (await healthz(False, Vitals(database, "web").ailment)).status_code == 503


async def test_a_full_disk_is_said_and_that_it_is_not_any_more(database: Database, tmp_path: Path) -> None:
    full = Database(f"sqlite:///{tmp_path}/store.sqlite3")
    pages = 0

    def limit(raw: Any, _: object) -> None:
        raw.execute(f"PRAGMA max_page_count={pages or 1}")

    event.listen(full._engine, "connect", limit)  # what SQLite says where the disk has no room
    fill(full)
    asked = Vitals(full, "web", Clock())
    assert await said(asked) == (503, "the database can't be written")
    full.dispose()
    pages = 1_000_000
    assert await said(asked) == (200, "ok")
    full.dispose()


def fill(database: Database) -> None:
    """Use up all pages that the file has, so that one more row needs a new one."""

    def write(size: int) -> None:
        for number in range(10_000):
            with database.write() as c:
                heartbeats.beat(c, f"{number}" + "x" * size, "role", 0.0)

    for size in (1000, 1):
        with pytest.raises(BackchannelError, match="no room"):
            write(size)


async def test_replies_that_do_not_get_out_are_said(database: Database) -> None:
    asked = Vitals(database, "web", Clock())
    with database.write() as c:
        outbox.add(c, [("a", Post(chat=CHAT, text="x"))], time.time() - 10)
    assert (await said(asked))[0] == 200
    with database.write() as c:
        outbox.add(c, [("b", Post(chat=CHAT, text="x"))], time.time() - 2 * vitals.STUCK)
    status, words = await said(asked)
    assert status == 503
    assert words.startswith("replies have been waiting for 600 s")
    assert (await said(Vitals(database, "telegram", Clock())))[0] == 200  # another's


async def test_a_database_that_hangs_is_waited_for_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "PATIENCE", 0.05)
    asked, release, written = Vitals(database, "web", Clock()), threading.Event(), threading.Event()

    def hang() -> None:
        with database.write():
            written.set()
            release.wait(30)

    hanging = threading.Thread(target=hang)
    hanging.start()
    written.wait(30)
    before = threading.active_count()
    for _ in range(20):
        assert await said(asked) == (503, "the database does not answer")
    assert threading.active_count() <= before + 2  # one that looks, and its place in the queue of writers
    release.set()
    hanging.join()
    monkeypatch.setattr(vitals, "PATIENCE", 30)
    assert await said(asked) == (200, "ok")


async def test_who_asks_often_makes_no_transactions(database: Database) -> None:
    clock, writes = Clock(), list[str]()
    asked = Vitals(database, "web", clock)
    event.listen(database._engine, "commit", lambda _: writes.append("commit"))
    assert await said(asked) == (200, "ok")
    clock.still, before = True, len(writes)
    for _ in range(50):
        assert await said(asked) == (200, "ok")
    assert len(writes) == before

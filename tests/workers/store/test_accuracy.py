"""An overview costs the same however many messages there are, and its curve reads what is new and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.databases import migrated
from tests.workers.store.samples import BOB, CHAT, EVE, act, delete, guess, message
from workers.core.events import Person
from workers.store import accuracy, chats, erasure, labels, ledger, messages, predictions
from workers.store.accuracy import AccuracyCurve, curve_of
from workers.store.database import Database
from workers.store.overview import overview

EVERY = 10
"""Instructions of SQLite's machine that are counted at a time."""


def instructions(c: Connection, work: Callable[[], object]) -> int:
    """How much SQLite has to do for it, in its own instructions."""
    raw, count = c.connection.driver_connection, [0]
    assert isinstance(raw, sqlite3.Connection)

    def step() -> int:
        count[0] += EVERY
        return 0

    raw.set_progress_handler(step, EVERY)
    try:
        work()
    finally:
        raw.set_progress_handler(None, 0)
    return count[0]


def fill(database: Database, count: int) -> None:
    """Messages of which each was predicted and labelled."""
    with database.write() as c:
        chats.enable(c, CHAT, BOB, "en", 0)
        bug = labels.add(c, "Bug", "", "🐛", 0)
        stored = messages.record(c, [message(number) for number in range(count)])
        predictions.record_predictions(c, [guess(item.id, bug.id) for item in stored])
        for number in range(count):
            ledger.append(c, [act(number, "🐛")], float(number))


def cost(database: Database) -> int:
    """What one overview takes, of whoever has the database open."""
    with database.read() as c:
        return instructions(c, partial(overview, c, CHAT))


def test_an_overview_that_is_not_the_first_costs_the_same_in_a_larger_store(tmp_path: Path) -> None:
    costs: dict[str, list[int]] = {"first": [], "next": [], "after a label": []}
    for count in (300, 1200):
        (folder := tmp_path / str(count)).mkdir()
        with migrated(folder) as database:
            fill(database, count)
            costs["first"].append(cost(database))
            costs["next"].append(cost(database))
            with database.write() as c:
                ledger.append(c, [act(7, "🐛", EVE), act(8, "🐛", added=False, at=9.0)], 1e6)
            costs["after a label"].append(cost(database))
            assert_followed(database)
    assert costs["first"][1] > 2 * costs["first"][0], "it reads all, so this look would notice"
    for name in ("next", "after a label"):
        assert costs[name][1] < 1.2 * costs[name][0], name


def assert_followed(database: Database) -> None:
    """The curve that is kept is the one that reading all would give."""
    with database.read() as c:
        assert curve_of(c).points(c) == AccuracyCurve().points(c)


def test_what_was_forgotten_leaves_the_curve(db: Database) -> None:
    fill(db, 30)
    with db.read() as c:
        assert overview(c, CHAT).accuracy[-1].labels == 30
    with db.write() as c:
        erasure.forget(c, message(0).author.id, CHAT.platform, CHAT.workspace)
    with db.read() as c:
        assert overview(c, CHAT).accuracy == []


def test_a_label_that_is_corrected_moves_the_curve(db: Database) -> None:
    fill(db, 30)
    with db.write() as c:
        labels.add(c, "Idea", "", "💡", 0)
    with db.read() as c:
        assert overview(c, CHAT).accuracy[-1].accuracy == 1.0
    with db.write() as c:
        ledger.append(c, [act(number, "🐛", added=False, at=5.0) for number in range(15)], 99.0)
        ledger.append(c, [act(number, "💡", at=6.0) for number in range(15)], 99.0)
    with db.read() as c:
        assert overview(c, CHAT).accuracy[-1].accuracy == 0.5


def test_a_merge_of_a_label_that_was_only_predicted_moves_the_curve(db: Database) -> None:
    fill(db, 12)
    with db.write() as c:
        idea = labels.add(c, "Idea", "", "💡", 0)
        ledger.append(c, [act(number, "💡", at=6.0) for number in range(12)], 99.0)
        ledger.append(c, [act(number, "🐛", added=False, at=5.0) for number in range(12)], 99.0)
    with db.read() as c:
        assert overview(c, CHAT).accuracy[-1].accuracy == 0.0
    with db.write() as c:
        labels.merge(c, labels.living(c)[0], idea)
    with db.read() as c:
        assert overview(c, CHAT).accuracy[-1].accuracy == 1.0


def test_what_a_writer_saw_and_took_back_is_not_remembered(db: Database) -> None:
    fill(db, 12)
    with db.write() as c:
        inner = c.begin_nested()
        ledger.append(c, [act(number, "🐛", added=False, at=5.0) for number in range(12)], 99.0)
        assert overview(c, CHAT).accuracy == []
        inner.rollback()
    assert_followed(db)
    with db.read() as c:
        assert overview(c, CHAT).accuracy[-1].labels == 12


def test_threads_that_look_while_others_label_end_with_what_is_there(db: Database) -> None:
    fill(db, 40)

    def change(person: Person) -> None:
        for number in range(40):
            with db.write() as c:
                ledger.append(c, [act(number, "🐛", person, at=float(number), added=number % 3 > 0)], 1e6)
                if number % 10 == 5:
                    messages.delete(c, delete(number))

    def look(_: int) -> None:
        for _ in range(20):
            with db.read() as c:
                overview(c, CHAT)

    with ThreadPoolExecutor(4) as pool:
        changes = [pool.submit(change, person) for person in (BOB, EVE)]
        looks = [pool.submit(look, number) for number in range(2)]
        for future in (*changes, *looks):
            future.result()
    assert_followed(db)


def test_a_look_that_broke_off_is_made_up_for_by_the_next(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(db, 12)
    with db.read() as c:
        overview(c, CHAT)
    with db.write() as c:
        ledger.append(c, [act(3, "🐛", added=False, at=5.0)], 99.0)
    with db.read() as c, monkeypatch.context() as broken:
        broken.setattr(accuracy, "living_labels", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            curve_of(c).points(c)
    assert_followed(db)
    with db.read() as c:
        assert overview(c, CHAT).accuracy[-1].labels == 11

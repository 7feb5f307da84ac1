"""What is kept or followed while messages and labels change is what reading all of them anew would give."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from tests.workers.queries import counted_anew
from tests.workers.store.samples import BOB, CHAT, EVE, UMA, act, choose, delete, edit, guess, key, message
from workers.store import (
    chat_migration,
    counters,
    erasure,
    labels,
    ledger,
    messages,
    predictions,
    tallies,
    training_set,
)
from workers.store.accuracy import AccuracyCurve
from workers.store.database import Database
from workers.store.labels import LabelError

NAMES = (tallies.MESSAGES, tallies.DISPUTED, tallies.TESTED)
PEOPLE, EMOJI = (UMA, BOB, EVE), ("🐛", "💡", "🎉")


def kept(c: Connection) -> dict[str | int, int]:
    return {**counters.values(c, NAMES), **training_set.counts(c)}


def predict(c: Connection, number: int) -> None:
    stored = messages.find(c, message(number).ref)
    if stored:
        predictions.record_predictions(c, [guess(stored.id, 1)])


def merge(c: Connection) -> None:
    first, second, *_ = [*labels.living(c), None, None]
    if first and second:
        labels.merge(c, second, first)


def remove(c: Connection) -> None:
    if len(living := labels.living(c)) > 1:
        labels.remove(c, living[-1], 9)


def add(c: Connection, emoji: str) -> None:
    with suppress(LabelError):  # there is one
        labels.add(c, f"Label {emoji}", "", emoji, 9)


def move(c: Connection) -> None:
    chat_migration.migrate(c, CHAT, CHAT.model_copy(update={"chat_id": key()}))


number, person, emoji = st.integers(0, 5), st.sampled_from(PEOPLE), st.sampled_from(EMOJI)
Step = Callable[[Connection], object]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda n, who: lambda c: messages.record(c, [message(n, author=who)]), number, person),
    st.builds(lambda n, text: lambda c: messages.edit(c, edit(n, text, 5.0)), number, st.sampled_from(["", "Other"])),
    st.builds(lambda n: lambda c: messages.delete(c, delete(n)), number),
    st.builds(lambda n: lambda c: predict(c, n), number),
    st.builds(
        lambda n, what, who, added, at: lambda c: ledger.append(c, [act(n, what, who, added=added, at=at)], at),
        number,
        emoji,
        person,
        st.booleans(),
        st.floats(1, 9),
    ),
    st.builds(lambda n, who: lambda c: ledger.append(c, [choose(n, None, who)], 9), number, person),
    st.builds(lambda what: lambda c: add(c, what), emoji),
    st.sampled_from([merge, remove]),
    st.builds(lambda who: lambda c: erasure.forget(c, who.id, "web", "w"), person),
    st.just(move),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=30))
def test_whatever_happens_counts_and_curve_are_those_of_reading_anew(db: Database, steps: list[Step]) -> None:
    with db.write() as c:
        inner = c.begin_nested()
        labels.add(c, "Bug", "", "🐛", 0)
        curve = AccuracyCurve()
        for step in steps:
            step(c)
            assert kept(c) == counted_anew(c)
            assert curve.points(c) == AccuracyCurve().points(c)
        inner.rollback()


def assert_counted(db: Database) -> None:
    with db.read() as c:
        assert kept(c) == counted_anew(c)


def test_a_message_that_comes_twice_in_many_counts_once(db: Database) -> None:
    with db.write() as c:
        messages.record(c, [message(number % 600) for number in range(1200)])
    assert_counted(db)


@pytest.mark.parametrize("name", ['"quoted"', "back\\slash/", "线程", "🐛", "a\nb\t", "[1, 2]"])
def test_a_message_counts_whatever_its_number_looks_like(db: Database, name: str) -> None:
    with db.write() as c:
        messages.record(c, [message(name)])
    assert_counted(db)
    with db.read() as c:
        assert counters.value(c, tallies.MESSAGES) == 1


def test_writers_at_once_lose_no_count(db: Database) -> None:
    with db.write() as c:
        for what in EMOJI:
            labels.add(c, f"Label {what}", "", what, 0)
    start = threading.Barrier(4)

    def work(seed: int) -> None:
        rng = random.Random(seed)
        start.wait()
        for time in range(30):
            with db.write() as c:
                step(c, rng, float(time))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert_counted(db)


def step(c: Connection, rng: random.Random, time: float) -> None:
    """Something that a worker does, about one of a few messages that all of them work on."""
    number, person = rng.randrange(8), rng.choice(PEOPLE)
    kind = rng.random()
    if kind < 0.4:
        ledger.append(c, [act(number, rng.choice(EMOJI), person, at=time, added=rng.random() < 0.7)], time)
    elif kind < 0.7:
        messages.record(c, [message(number, author=person), message(number + 1, author=person)])
    elif kind < 0.85:
        messages.edit(c, edit(number, rng.choice(("", f"At {time}")), time))
    elif kind < 0.95:
        messages.delete(c, delete(number))
    else:
        erasure.forget(c, person.id, CHAT.platform, CHAT.workspace)


def test_an_older_database_is_counted_when_it_is_brought_up_to_date(db: Database) -> None:
    with db.write() as c:
        for what in EMOJI:
            labels.add(c, f"Label {what}", "", what, 0)
        messages.record(c, [message(number) for number in range(12)])
        for number in range(0, 12, 2):
            predict(c, number)
        ledger.append(c, [act(number, EMOJI[number % 3]) for number in (*range(10), 99)], 5)
        ledger.append(c, [act(number, "🎉", EVE) for number in (0, 4)], 6)
        messages.delete(c, delete(1))
        messages.edit(c, edit(2, "", 9.0))
        before = counted_anew(c)
        assert before == {tallies.MESSAGES: 11, tallies.DISPUTED: 2, tallies.TESTED: 2, 1: 3, 2: 1, 3: 2}
        c.execute(text("DELETE FROM counters WHERE name IN ('messages', 'disputed', 'tested')"))
        c.execute(text("ALTER TABLE labels DROP COLUMN examples"))
        c.execute(text("ALTER TABLE versions DROP COLUMN reader"))  # of later steps
        c.execute(text("DROP INDEX ix_outbox_failed"))
        c.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    db.migrate()
    with db.read() as c:
        assert kept(c) == before
    assert_counted(db)

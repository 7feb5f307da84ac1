"""Several threads and several processes at once, on real databases."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, select, text

from tests.waiting import HANG, until
from tests.workers.queries import unsent
from tests.workers.store.samples import BOB, CHAT, EVE, UMA, act, command, edit, message, post, ref, request
from workers.core.events import CLASSIFY, LABELS, ChatRef, Message
from workers.jobs import automatic_retraining
from workers.store import (
    chats,
    counters,
    erasure,
    inbox,
    jobs,
    labels,
    ledger,
    messages,
    outbox,
    training_set,
    versions,
)
from workers.store.database import Database
from workers.store.ledger import derive, resolve
from workers.store.tables import message_labels

T = TypeVar("T")
ROWS = 300


def claim_all(url: str, worker: str) -> list[int]:
    """Claim and finish in small batches until nothing is left."""
    database = Database(url)
    mine: list[int] = []
    while True:
        with database.write() as c:
            claimed = inbox.claim(c, CLASSIFY, 7, 600, worker, 1)
        if not claimed:
            database.dispose()
            return mine
        with database.write() as c:
            inbox.finish(c, claimed)
        mine += [item.id for item in claimed]


def send_all(url: str, worker: str) -> list[tuple[str, int]]:
    """Claim and send until nothing is left; each send gets a number from the database's one clock."""
    database = Database(url)
    mine: list[tuple[str, int]] = []
    while True:
        with database.write() as c:
            left = unsent(c)
            outgoing = outbox.claim(c, "web", 5, 600, worker, 1)
        if not left:
            database.dispose()
            return mine
        for item in outgoing:
            with database.write() as c:
                outbox.sent(c, item, None, 2)
                mine.append((item.key, sent_number(c)))


def sent_number(c: Connection) -> int:
    counters.bump(c, "sent")
    return counters.value(c, "sent")


def together(work: Callable[[str, str], list[T]], url: str, processes: bool) -> list[T]:
    pool = (
        ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) if processes else ThreadPoolExecutor(6)
    )
    workers = 3 if processes else 6
    with pool:
        return [item for mine in pool.map(work, [url] * workers, map(str, range(workers))) for item in mine]


@pytest.mark.parametrize("processes", [False, True], ids=["threads", "processes"])
def test_no_event_is_claimed_twice_and_none_is_left(db: Database, url: str, processes: bool) -> None:
    with db.write() as c:
        inbox.add(c, [message(number) for number in range(ROWS)], 0)
    claimed = together(claim_all, url, processes)
    assert len(claimed) == len(set(claimed)) == ROWS


@pytest.mark.parametrize("processes", [False, True], ids=["threads", "processes"])
def test_several_senders_send_each_reply_once_and_keep_every_chats_order(
    db: Database, url: str, processes: bool
) -> None:
    chats = [ChatRef(platform="web", workspace="w", chat_id=str(number)) for number in range(4)]
    with db.write() as c:
        outbox.add(c, [(f"{number % 4}:{number:03}", post(chat=chats[number % 4])) for number in range(80)], 0)
    sent = sorted(together(send_all, url, processes), key=lambda item: item[1])
    assert all(count == 1 for count in Counter(key for key, _ in sent).values())
    for chat in range(4):
        order = [key for key, _ in sent if key.startswith(f"{chat}:")]
        assert order == sorted(order)
        assert len(order) == 20


@pytest.mark.parametrize("url", ["postgres"], indirect=True)  # SQLite has one writer at a time
def test_who_claims_in_a_chat_waits_for_whoever_is_claiming_there(db: Database) -> None:
    """The rows of an open claim are passed over: without a lock, what comes after them would be taken first."""

    def second() -> list[str]:
        with db.write() as c:
            return [item.event.key for item in inbox.claim(c, LABELS, 9, 30, "second", 1)]

    first = command("labels add bug")
    with db.write() as c:
        inbox.add(c, [first, command("labels remove bug")], 0)
    with ThreadPoolExecutor(1) as pool:
        with db.write() as c:
            assert [item.event.key for item in inbox.claim(c, LABELS, 1, 30, "first", 1)] == [first.key]
            later = pool.submit(second)
            until(lambda: later.done() or waits_for_a_lock(db))
        assert later.result() == []


def waits_for_a_lock(db: Database) -> bool:
    with db.read() as c:
        return bool(
            c.execute(text("select count(*) from pg_locks where locktype = 'advisory' and not granted")).scalar()
        )


def retrain(url: str, worker: str) -> list[int]:
    """Ask a few times whether it is time to train; the jobs that this queued."""
    database = Database(url)
    queued = [automatic_retraining.retrain_if_due(database, True, 9e9) for _ in range(5)]
    database.dispose()
    return [job.id for job in queued if job]


@pytest.mark.parametrize("processes", [False, True], ids=["threads", "processes"])
def test_a_training_that_nobody_asked_for_is_queued_once(db: Database, url: str, processes: bool) -> None:
    with db.write() as c:
        labels.add(c, "Bug", "", "🐛", 0)
        labels.add(c, "Idea", "", "💡", 0)
        chats.enable(c, CHAT, UMA, "en", 0)
        messages.record(c, [message(number, f"This is message {number}") for number in range(60)])
        ledger.append(c, [act(number, "🐛💡"[number % 2]) for number in range(60)], 0)
    (job,) = together(retrain, url, processes)
    with db.read() as c:
        assert [one.id for one in jobs.latest(c, 9)] == [job]
        assert unsent(c) == 1


def test_the_same_events_from_several_threads_are_stored_once(db: Database) -> None:
    events = [message(number) for number in range(100)]

    def add(_: int) -> int:
        with db.write() as c:
            return inbox.add(c, events, 0)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(add, range(6))) == 100


def test_annotators_who_react_at_once_all_have_their_say(db: Database) -> None:
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        labels.add(c, "Idea", "", "💡", 0)
        messages.record(c, [message(1)])
    people = [UMA, BOB, EVE]
    start = threading.Barrier(3)

    def react(person: int) -> None:
        start.wait()
        for step in range(10):
            with db.write() as c:
                ledger.append(c, [act(1, "🐛💡"[step % 2], people[person], at=float(step))], 0)
        with db.write() as c:
            ledger.append(c, [act(1, "🐛", people[person], at=99.0)], 0)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(react, range(3)))
    with db.read() as c:
        living = {label.id: label.id for label in labels.living(c)}
        assert derive(resolve(ledger.ledger(c, ref(1)), living)) == ledger.Derived(bug.id, 3, False)
        assert training_set.counts(c) == {bug.id: 1}


def test_nobody_derives_from_a_ledger_that_somebody_is_still_writing(db: Database) -> None:
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        messages.record(c, [message(1)])

    def react() -> None:
        with db.write() as c:
            ledger.append(c, [act(1, "🐛", EVE)], 0)

    with db.write() as c:
        ledger.append(c, [act(1, "🐛", BOB)], 0)
        other = threading.Thread(target=react)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join()
    with db.read() as c:
        assert training_set.counts(c) == {bug.id: 1}
        assert c.execute(select(message_labels.c.votes)).scalar_one() == 2


def test_one_job_of_a_kind_is_queued_however_many_ask(db: Database) -> None:
    def ask(_: int) -> bool:
        try:
            with db.write() as c:
                jobs.add(c, request(), 0)
        except jobs.JobWaiting:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, range(6))) == 1


def test_one_worker_gets_the_job(db: Database) -> None:
    with db.write() as c:
        jobs.add(c, request(), 0)

    def take(worker: int) -> bool:
        with db.write() as c:
            return jobs.claim(c, str(worker), 60, 1) is not None

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, range(6))) == 1


def test_a_fresh_installation_gets_one_version_however_many_start(db: Database) -> None:
    def start(_: int) -> int:
        with db.write() as c:
            return versions.ensure_base(c, "minilm", "f", 0).id

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(start, range(6))) == {1}


def test_the_same_messages_from_several_threads_in_any_order_do_not_block_each_other(db: Database) -> None:
    events = [message(number) for number in range(40)]

    def record(turn: int) -> list[int]:
        mine = events if turn % 2 else events[::-1]
        with db.write() as c:
            return sorted(item.id for item in messages.record(c, mine))

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(record, range(12)))
    assert all(ids == results[0] for ids in results)


def test_batches_that_touch_each_others_messages_do_not_wait_in_a_circle(db: Database) -> None:
    """The label that is older than its message moves the counter early; what follows locks more messages."""
    with db.write() as c:
        labels.add(c, "Bug", "", "🐛", 0)
        ledger.append(c, [act(number, "🐛") for number in (1, 2, 3)], 0)
        messages.record(c, [message(3)])
    first, second = threading.Event(), threading.Event()

    def one() -> None:
        with db.write() as c:
            messages.record(c, [message(1)])
            first.set()
            second.wait(0.5)
            messages.edit(c, edit(3, "One says", at=5.0))

    def other() -> None:
        first.wait(HANG)
        with db.write() as c:
            messages.edit(c, edit(3, "The other says", at=6.0))
            second.set()
            messages.record(c, [message(2)])

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(one), pool.submit(other)]:
            done.result()
    with db.read() as c:
        assert [getattr(messages.find(c, ref(number)), "text", None) for number in (1, 2, 3)] == [
            "Hello there",
            "Hello there",
            "The other says",
        ]


def test_forgetting_and_handling_events_do_not_cross(db: Database) -> None:
    """A worker has the person's event in its hands when somebody else forgets that person."""
    with db.write() as c:
        inbox.add(c, [message(1, author=EVE)], 0)
        claimed = inbox.claim(c, CLASSIFY, 9, 60, "w", 1)
    begun = threading.Event()

    def forget() -> int:
        begun.wait(HANG)
        with db.write() as c:
            return erasure.forget(c, EVE.id, "web", "w")

    with ThreadPoolExecutor(1) as pool:
        forgotten = pool.submit(forget)
        with db.write() as c:
            inbox.finish(c, claimed)
            begun.set()
            time.sleep(0.3)
            messages.record(c, [item.event for item in claimed if isinstance(item.event, Message)])
        assert forgotten.result() == 1
    with db.read() as c:
        results = messages.find(c, ref(1))
        assert results
        assert results.text is None


def test_no_writer_of_sqlite_waits_while_others_go_again_and_again(tmp_path: Path) -> None:
    """What an unlucky writer sees without a queue: dozens of others' transactions before its own."""
    db = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    db.migrate()
    over, turns, waited = threading.Event(), list[int](), list[int]()

    def hog() -> None:
        while not over.is_set():
            with db.write() as c:
                counters.bump(c, "hog")
                turns.append(1)
                time.sleep(0.01)

    with ThreadPoolExecutor(3) as pool:
        hogs = [pool.submit(hog) for _ in range(3)]
        until(lambda: len(turns) >= 10)
        try:
            for _ in range(25):
                before = len(turns)
                with db.write() as c:
                    waited.append(len(turns) - before)
                    counters.bump(c, "patient")
        finally:
            over.set()
        for done in hogs:
            done.result()
    # About three each; without the queue the first alone sees thousands. A busy machine may hold a thread up before it.
    assert sum(waited) <= 500

"""A process that hangs while it writes: nobody waits for it for ever, and it is named."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from tests.workers.store.conftest import BACKENDS
from workers.store import counters, database
from workers.store.database import Database, DatabaseAway
from workers.store.sql import advisory_lock

WRITES = """
import sys
from workers.store import counters
from workers.store.database import Database
from workers.store.sql import advisory_lock
with Database(sys.argv[1]).write() as c:
    advisory_lock(c, "labels")
    counters.bump(c, "labels")
    print("writing", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def frozen_writer(url: str) -> Generator[subprocess.Popen[str]]:
    """A process that stands still in the middle of a write."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", WRITES, url], stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGSTOP)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, url: str) -> Generator[Database]:
    monkeypatch.setattr(database, "BUSY_MS", 300)
    impatient = Database(url)
    yield impatient
    impatient.dispose()


def bump(db: Database) -> None:
    with db.write() as c:
        advisory_lock(c, "labels")
        counters.bump(c, "labels")


def test_who_waits_for_a_frozen_writer_is_told_which_process_it_is(impatient: Database, url: str) -> None:
    with frozen_writer(url) as process:
        for _ in range(3):
            with pytest.raises(DatabaseAway, match=rf"Process {process.pid} on .* has kept .* locked"):
                bump(impatient)
    bump(impatient)  # the dead hold up nobody
    with impatient.read() as c:
        assert counters.value(c, "labels") == 1  # what the dead one wrote was never committed


def test_one_that_goes_on_loses_nothing(impatient: Database, url: str) -> None:
    with frozen_writer(url) as process:
        with pytest.raises(DatabaseAway):
            bump(impatient)
        process.send_signal(signal.SIGCONT)
        process.communicate("go on\n")
        assert process.returncode == 0
    bump(impatient)
    with impatient.read() as c:
        assert counters.value(c, "labels") == 2


@pytest.mark.parametrize("url", BACKENDS[:1], indirect=True)
def test_a_process_has_no_more_places_in_the_queue_than_writers(impatient: Database, url: str) -> None:
    def waiting() -> int:
        return sum(thread.name == "writer's turn" for thread in threading.enumerate())

    def try_often() -> None:
        for _ in range(5):
            with pytest.raises(DatabaseAway):
                bump(impatient)

    with frozen_writer(url):
        writers = [threading.Thread(target=try_often) for _ in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert 1 <= waiting() <= 3
    bump(impatient)
    for thread in threading.enumerate():
        if thread.name == "writer's turn":
            thread.join()  # those who were given up leave when it is their turn
    bump(impatient)


@pytest.mark.parametrize("url", BACKENDS[1:], indirect=True)
def test_postgres_ends_a_transaction_that_stands_still(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "STOOD_STILL_SECONDS", 1)
    still = Database(url)

    def stand_still() -> None:
        with still.write() as c:
            counters.bump(c, "labels")
            threading.Event().wait(3)
            counters.bump(c, "labels")

    with pytest.raises(DatabaseAway, match="stood still"):
        stand_still()
    bump(still)
    with still.read() as c:
        assert counters.value(c, "labels") == 1
    still.dispose()

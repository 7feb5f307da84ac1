"""A process's heart: it beats, it survives an outage of the database, and it ends with its process."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.waiting import until
from tests.workers.queries import last_beats
from workers import tasks
from workers.heartbeat import Heartbeat
from workers.store import heartbeats
from workers.store.database import Database


def latest(database: Database) -> dict[str, float]:
    with database.read() as c:
        return last_beats(c)


@pytest.fixture
def heart(fresh: Database):
    heart = Heartbeat(fresh, "classify", every=0.02)
    yield heart
    heart.stop()


def test_it_beats_until_it_is_stopped_and_then_is_forgotten(fresh: Database, heart: Heartbeat) -> None:
    heart.start()
    until(lambda: latest(fresh))
    first = latest(fresh)["classify"]
    until(lambda: latest(fresh)["classify"] > first)
    heart.stop()
    until(lambda: not latest(fresh))


def test_an_outage_of_the_database_is_survived_and_said_once(
    fresh: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, back = tmp_path / "folder", tmp_path / "back"
    folder.symlink_to(tmp_path / "nowhere")
    back.symlink_to(tmp_path)
    away = Database(f"sqlite:///{folder / 'backchannel.sqlite3'}")
    heart = Heartbeat(away, "classify", every=0.02)
    heart.start()
    until(lambda: caplog.records)
    threading.Event().wait(0.2)
    back.replace(folder)  # at once: no moment at which there is an empty database
    until(lambda: latest(fresh))
    heart.stop()
    away.dispose()
    assert [record.message.partition(" (")[0] for record in caplog.records] == ["The sign of life could not be written"]


def test_processes_of_other_machines_with_the_same_number_have_other_names() -> None:
    host, _, number = heartbeats.process_name().rpartition(":")
    assert host
    assert number.isdigit()
    assert heartbeats.process_name() in tasks.WORKER


def test_a_sweep_shows_that_broker_clock_and_worker_work_together(
    fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "database", lambda: fresh)
    tasks.sweep()
    assert set(latest(fresh)) == {"sweep"}

"""Signs of life in the database."""

from __future__ import annotations

from tests.workers.queries import last_beats
from workers.store import heartbeats
from workers.store.database import Database


def test_a_role_is_alive_while_one_of_its_processes_was_heard_of_lately(db: Database) -> None:
    with db.write() as c:
        assert not heartbeats.alive(c, "classify", 0)
        heartbeats.beat(c, "one:1", "classify", 100)
        heartbeats.beat(c, "two:1", "classify", 120)
        heartbeats.beat(c, "two:2", "labels", 130)
        assert heartbeats.alive(c, "classify", 119)
        assert not heartbeats.alive(c, "classify", 120)
        assert not heartbeats.alive(c, "training", 0)
        assert last_beats(c) == {"classify": 120, "labels": 130}


def test_a_process_that_beats_again_has_one_row_and_may_change_its_role(db: Database) -> None:
    with db.write() as c:
        heartbeats.beat(c, "one:1", "classify", 100)
        heartbeats.beat(c, "one:1", "labels", 110)
        assert last_beats(c) == {"labels": 110}


def test_one_machine_is_asked_about_without_the_others(db: Database) -> None:
    with db.write() as c:
        heartbeats.beat(c, "one:1", "classify", 100)
        heartbeats.beat(c, "a_c:1", "labels", 100)
        assert heartbeats.alive(c, "classify", 0, "one")
        assert not heartbeats.alive(c, "classify", 0, "on")
        assert heartbeats.alive(c, "labels", 0, "a_c")
        assert not heartbeats.alive(c, "labels", 0, "abc"), "an underscore is no wildcard"


def test_what_ended_and_what_is_old_is_forgotten(db: Database) -> None:
    with db.write() as c:
        for number, at in enumerate((100, 200, 300)):
            heartbeats.beat(c, f"one:{number}", "classify", at)
        heartbeats.end(c, "one:2")
        assert heartbeats.prune(c, 200) == 1
        assert last_beats(c) == {"classify": 200}

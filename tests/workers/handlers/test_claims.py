"""Claim, work, commit: a bad event holds up nobody, a lost claim undoes itself, an absent database is waited for."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from sqlalchemy import text as sql

from tests.workers.chatroom import ADMIN, ANA, CHAT, ref
from workers.core.events import Command, Message
from workers.handlers import claims
from workers.handlers.claims import ClaimContext, claim, drain, one_by_one_on_failure
from workers.store import inbox
from workers.store.database import Database, DatabaseAway
from workers.store.inbox import Claimed


@pytest.fixture
def context(fresh: Database) -> ClaimContext:
    return ClaimContext(fresh, "test", lease=30.0, most=64)


def fill(database: Database, count: int) -> None:
    with database.write() as c:
        events = [
            Message(key=f"m{number}", at=float(number), ref=ref(str(number)), author=ANA, text=f"secret {number}")
            for number in range(count)
        ]
        inbox.add(c, events, time.time())


def states(database: Database) -> list[str]:
    with database.read() as c:
        return list(c.execute(sql("select state from inbox order by id")).scalars())


def finisher(database: Database, bad: str = "") -> claims.Work:
    """Finishes what it is given, but breaks where the event of this key is among it."""

    def work(claimed: Sequence[Claimed]) -> None:
        with database.write() as c:
            inbox.finish(c, claimed)
            if any(one.event.key == bad for one in claimed):
                raise ValueError(f"cannot take {[one.event for one in claimed]}")

    return work


def test_what_waits_is_drained(context: ClaimContext):
    fill(context.database, 150)
    assert drain(context, "classify", finisher(context.database)) == 150
    assert set(states(context.database)) == {"done"}


def test_a_bad_event_is_put_back_alone_and_its_words_are_not_kept(
    context: ClaimContext, caplog: pytest.LogCaptureFixture
):
    fill(context.database, 5)
    drain(context, "classify", finisher(context.database, bad="m2"))
    assert states(context.database) == ["done", "done", "new", "done", "done"]
    with context.database.read() as c:
        assert c.execute(sql("select error from inbox where key = 'm2'")).scalar() == "ValueError"
    assert "secret" not in caplog.text


def test_whoever_typed_a_command_that_breaks_is_told(context: ClaimContext):
    command = Command(key="c1", at=1.0, chat=CHAT, caller=ADMIN, text="stats")
    with context.database.write() as c:
        inbox.add(c, [command], time.time())
    drain(context, "labels", finisher(context.database, bad="c1"))
    assert states(context.database) == ["done"]
    with context.database.read() as c:
        assert "did not work" in c.execute(sql("select reply from outbox")).scalar_one()


def test_a_claim_lost_to_another_worker_undoes_itself_and_keeps_the_rest(context: ClaimContext):
    fill(context.database, 3)
    claimed = claim(context, "classify")
    with context.database.write() as c:
        c.execute(sql("update inbox set attempts = attempts + 1 where key = 'm1'"))
    one_by_one_on_failure(context, claimed, finisher(context.database))
    assert states(context.database) == ["done", "claimed", "done"]


def test_a_database_that_is_away_for_a_moment_is_waited_for(context: ClaimContext):
    fill(context.database, 3)
    away, work = iter([True, True]), finisher(context.database)

    def sometimes(claimed: Sequence[Claimed]) -> None:
        if next(away, False):
            raise DatabaseAway("Nothing answers: check the server.")
        work(claimed)

    drain(context, "classify", sometimes)
    assert set(states(context.database)) == {"done"}


def test_a_database_that_stays_away_leaves_the_events_to_the_sweeper(context: ClaimContext):
    fill(context.database, 3)

    def never(claimed: Sequence[Claimed]) -> None:
        raise DatabaseAway("Nothing answers: check the server.")

    with pytest.raises(DatabaseAway):
        drain(context, "classify", never)
    assert set(states(context.database)) == {"claimed"}
    with context.database.read() as c:
        assert inbox.waiting(c, time.time() + 31) == {"classify": 3}

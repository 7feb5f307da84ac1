"""The inbox: what is committed is worked on, once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from tests.databases import migrated
from tests.workers.store.samples import command, edit, key, message, reaction, ref
from workers.core.events import CLASSIFY, LABELS, ChatRef
from workers.store import inbox, messages, tables
from workers.store.database import Database


def add(db: Database, *numbers: object, now: float = 0.0) -> None:
    with db.write() as c:
        inbox.add(c, [message(number) for number in numbers], now)


def claim(db: Database, now: float = 1.0, limit: int = 64, lease: float = 30.0) -> list[inbox.Claimed]:
    with db.write() as c:
        return inbox.claim(c, CLASSIFY, limit, lease, "worker", now)


def numbers(claimed: list[inbox.Claimed]) -> list[str]:
    return [item.event.ref.message_id for item in claimed if item.event.kind == "message"]


def test_an_event_comes_out_as_it_went_in(db: Database) -> None:
    event = message(1, "ok 👍🏽", reply_to="7", sequence=3)
    with db.write() as c:
        assert inbox.add(c, [event], 5.0) == 1
    [claimed] = claim(db, now=6.0)
    assert (claimed.event, claimed.attempts, claimed.received_at) == (event, 1, 5.0)


def test_a_key_is_stored_once_even_within_one_batch_and_after_it_is_done(db: Database) -> None:
    first, second = message(1), message(2)
    with db.write() as c:
        assert inbox.add(c, [first, first, second], 0) == 2
        assert inbox.add(c, [second, message(3)], 0) == 1
        inbox.finish(c, inbox.claim(c, CLASSIFY, 9, 30, "worker", 1))
        assert inbox.add(c, [first, second], 0) == 0
        assert inbox.add(c, [], 0) == 0
    assert claim(db) == []


def test_claims_are_oldest_first_within_the_limit_and_the_queue(db: Database) -> None:
    add(db, *range(5))
    with db.write() as c:
        inbox.add(c, [reaction(9)], 0)
        assert inbox.waiting(c, 1) == {CLASSIFY: 5, LABELS: 1}
    assert numbers(claim(db, limit=3)) == ["0", "1", "2"]
    assert numbers(claim(db)) == ["3", "4"]
    assert claim(db) == []
    with db.read() as c:
        assert inbox.waiting(c, 1) == {LABELS: 1}


def test_what_is_typed_in_a_chat_is_worked_on_in_its_order(db: Database) -> None:
    there = ChatRef(platform="web", workspace="w", chat_id="elsewhere")

    def labels(now: float, limit: int) -> list[str]:
        with db.write() as c:
            return [item.event.key for item in inbox.claim(c, LABELS, limit, 30.0, "worker", now)]

    first, second = command("labels add bug"), command("labels remove bug")
    with db.write() as c:
        inbox.add(c, [first, second, command("stats").model_copy(update={"chat": there, "key": "x"})], 0)
    assert labels(1.0, 1) == [first.key]
    assert labels(1.0, 10) == ["x"], "another chat need not wait"
    assert labels(2.0, 10) == [], "its first command is still in somebody's hands"
    assert labels(40.0, 10) == [first.key, second.key, "x"], "who held them is gone"


def test_a_lease_that_runs_out_is_taken_over_and_the_first_worker_loses(db: Database) -> None:
    add(db, 1, 2)
    slow = claim(db, now=0, lease=30)
    assert claim(db, now=29.9) == []
    quick = claim(db, now=30)
    assert [item.attempts for item in quick] == [2, 2]

    def late() -> None:
        with db.write() as c:
            messages.record(c, [message(1)])
            inbox.finish(c, slow)

    with pytest.raises(inbox.LostClaim, match="taken over"):
        late()
    with db.write() as c:
        assert messages.find(c, message(1).ref) is None
        inbox.finish(c, quick)
        assert inbox.waiting(c, 999) == {}


def test_one_lost_row_of_many_loses_the_whole_claim(db: Database) -> None:
    add(db, 1)
    [first] = claim(db, now=0, lease=10)
    add(db, 2)
    [second] = claim(db, now=0, lease=60)
    claim(db, now=20)
    with pytest.raises(inbox.LostClaim), db.write() as c:
        inbox.finish(c, [first, second])
    with db.write() as c:
        inbox.finish(c, [second])


def test_a_late_worker_may_finish_if_nobody_took_over(db: Database) -> None:
    add(db, 1)
    slow = claim(db, now=0, lease=1)
    with db.write() as c:
        inbox.finish(c, slow)


def test_finished_rows_keep_their_key_and_not_what_they_said(db: Database) -> None:
    add(db, 1)
    claimed = claim(db)
    with db.write() as c:
        inbox.finish(c, claimed)
        assert c.execute(select(tables.inbox.c.event, tables.inbox.c.state)).one() == (None, "done")


def test_a_retry_waits_and_after_eight_the_event_fails_with_its_error(db: Database) -> None:
    add(db, 1)
    for attempt in range(1, 9):
        [claimed] = claim(db, now=attempt * 10)
        assert claimed.attempts == attempt
        with db.write() as c:
            inbox.retry(c, claimed, 5, f"no luck\x00 {attempt}", attempt * 10)
            assert inbox.waiting(c, attempt * 10 + 4.9) == {}
    assert claim(db, now=999) == []
    with db.read() as c:
        assert inbox.failed(c) == 1
        assert c.execute(select(tables.inbox.c.error)).scalar_one() == "no luck 8"


def test_a_retry_of_a_lost_claim_changes_nothing(db: Database) -> None:
    add(db, 1)
    [slow] = claim(db, now=0, lease=1)
    [quick] = claim(db, now=1)
    with db.write() as c:
        inbox.retry(c, slow, 0, "late", 1)
        inbox.finish(c, [quick])


def test_an_event_that_takes_every_worker_down_fails_in_the_end(db: Database) -> None:
    add(db, 1)
    for attempt in range(8):
        assert len(claim(db, now=attempt, lease=1)) == 1
    add(db, 2, now=8)
    assert numbers(claim(db, now=8, lease=1)) == ["2"]
    with db.read() as c:
        assert inbox.failed(c) == 1


def test_an_event_that_cannot_be_read_fails_and_holds_nothing_up(db: Database) -> None:
    broken = {"key": key(), "queue": CLASSIFY, "chat": "x", "event": '{"kind": "dance"}', "available_at": 0}
    with db.write() as c:
        c.execute(insert(tables.inbox).values(**broken, received_at=0))
    add(db, 1)
    assert numbers(claim(db)) == ["1"]
    with db.read() as c:
        assert inbox.failed(c) == 1


def test_what_was_tried_in_vain_leaves_no_error_once_it_is_done(db: Database) -> None:
    add(db, 1)
    [claimed] = claim(db)
    with db.write() as c:
        inbox.retry(c, claimed, 0, "it said: my password", 1)
    claimed = claim(db)
    with db.write() as c:
        inbox.finish(c, claimed)
        assert c.execute(select(tables.inbox.c.error)).scalar_one() is None


def test_an_event_that_kills_its_workers_takes_no_other_event_along(db: Database) -> None:
    add(db, *range(20))
    done: list[str] = []
    for now in range(0, 2000, 40):
        while claimed := claim(db, now=now):
            if "7" in numbers(claimed):  # it killed the worker: nothing of this batch is finished
                break
            done += numbers(claimed)
            with db.write() as c:
                inbox.finish(c, claimed)
    assert sorted(done, key=int) == [str(number) for number in range(20) if number != 7]
    with db.read() as c:
        assert inbox.failed(c) == 1


def test_fresh_events_do_not_come_together_with_suspects(db: Database) -> None:
    add(db, 1, 2)
    claim(db, now=0, lease=1)
    claim(db, now=2, lease=1)
    add(db, 3, 4)
    assert [numbers(claim(db, now=4)) for _ in range(4)] == [["1"], ["2"], ["3", "4"], []]


def test_a_message_that_waits_is_found_by_its_own_id_alone(db: Database) -> None:
    nine, answer = message(9, "The ninth"), message(10, "An answer", reply_to="9")
    elsewhere = nine.model_copy(
        update={"key": "x", "ref": ref(11, ChatRef(platform="web", workspace="w", chat_id="e"))}
    )
    with db.write() as c:
        inbox.add(c, [answer, edit(9, "An edit of it"), elsewhere], 0)
        assert inbox.waiting_message(c, ref(9)) is None
        assert inbox.waiting_message(c, ref(11)) is None
        inbox.add(c, [nine], 0)
        assert inbox.waiting_message(c, ref(9)) == nine
        assert inbox.waiting_message(c, ref(10)) == answer


@pytest.mark.parametrize("id", ["9", "1700000000.000100", 'a"b', "編號"])
def test_a_message_that_waits_is_found_whatever_its_id_looks_like(db: Database, id: str) -> None:
    add(db, id, "other")
    with db.read() as c:
        assert inbox.waiting_message(c, ref(id)) is not None
        assert inbox.waiting_message(c, ref(f"{id}9")) is None


def test_a_message_that_was_given_up_or_worked_on_does_not_wait_any_more(db: Database) -> None:
    add(db, 1, 2)
    one, two = claim(db)
    with db.write() as c:
        c.execute(update(tables.inbox).where(tables.inbox.c.id == one.id).values(state="failed"))
        assert inbox.waiting_message(c, ref(1)) is None
        assert inbox.waiting_message(c, ref(2)) == two.event, "somebody has it in their hands"
        inbox.finish(c, [two])
        assert inbox.waiting_message(c, ref(2)) is None


def test_there_is_work_while_something_can_be_claimed(db: Database) -> None:
    with db.read() as c:
        assert not inbox.has_work(c, CLASSIFY, 1)
    add(db, 1)
    with db.read() as c:
        assert inbox.has_work(c, CLASSIFY, 1)
        assert not inbox.has_work(c, LABELS, 1)
    claim(db, now=1, lease=30)
    with db.read() as c:
        assert not inbox.has_work(c, CLASSIFY, 30.9)
        assert inbox.has_work(c, CLASSIFY, 31)


def test_what_waits_behind_somebody_else_is_no_work_until_they_are_gone(db: Database) -> None:
    with db.write() as c:
        inbox.add(c, [reaction(number) for number in range(5)], 0)
        assert len(inbox.claim(c, LABELS, 2, 30, "worker", 1)) == 2
    with db.read() as c:
        assert not inbox.has_work(c, LABELS, 30.9)
        assert inbox.has_work(c, LABELS, 31)


def test_events_that_are_over_cost_the_next_claim_nothing(tmp_path: Path) -> None:
    steps = {over: steps_of_a_claim(tmp_path / str(over), over) for over in (100, 2000)}
    assert steps[2000] < 1.2 * steps[100]


def steps_of_a_claim(folder: Path, over: int) -> int:
    """What SQLite does, in hundreds of its instructions, for a claim after so many events of the chat are over."""
    folder.mkdir()
    with migrated(folder) as database, database.write() as c:
        inbox.add(c, [reaction(number) for number in range(over + 100)], 0)
        c.execute(update(tables.inbox).where(tables.inbox.c.id <= over).values(state="done"))
        steps: list[int] = []
        raw = c.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_progress_handler(lambda: steps.append(1), 100)
        assert len(inbox.claim(c, LABELS, 64, 30.0, "worker", 1.0)) == 64
        raw.set_progress_handler(None, 0)
    return len(steps)


def test_prune_deletes_old_rows_that_are_done_or_failed(db: Database) -> None:
    add(db, 1, now=0)
    add(db, 2, now=10)
    claimed = claim(db, now=11)
    with db.write() as c:
        inbox.finish(c, claimed)
        c.execute(update(tables.inbox).where(tables.inbox.c.received_at == 10).values(state="failed"))
    add(db, 3, now=0)
    with db.write() as c:
        assert inbox.prune(c, 5) == 1
        assert inbox.prune(c, 5) == 0
        assert c.execute(select(tables.inbox.c.state).order_by(tables.inbox.c.id)).scalars().all() == ["failed", "new"]
        assert inbox.prune(c, 11) == 1

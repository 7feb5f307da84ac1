"""One holder at a time, and nobody who was overtaken can hold on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from workers.store import leases
from workers.store.database import Database
from workers.store.leases import Lease


def acquire(db: Database, holder: str, now: float) -> Lease | None:
    with db.write() as c:
        return leases.acquire(c, "telegram:1", holder, 10, now)


def renew(db: Database, lease: Lease, now: float) -> bool:
    with db.write() as c:
        return leases.renew(c, lease, 10, now)


def test_a_lease_has_one_holder_until_it_runs_out(db: Database) -> None:
    first = acquire(db, "a", 0)
    assert first == Lease("telegram:1", "a", 1)
    assert acquire(db, "b", 9.9) is None
    assert renew(db, first, 9.9)
    assert acquire(db, "b", 10) is None
    assert acquire(db, "b", 19.9) == Lease("telegram:1", "b", 2)


def test_who_was_overtaken_can_neither_renew_nor_let_go(db: Database) -> None:
    first = acquire(db, "a", 0)
    second = acquire(db, "b", 10)
    assert first is not None
    assert second is not None
    assert not renew(db, first, 11)
    with db.write() as c:
        leases.release(c, first)
    assert acquire(db, "c", 12) is None
    assert renew(db, second, 12)


def test_what_is_let_go_is_free_at_once_and_its_token_grows(db: Database) -> None:
    first = acquire(db, "a", 0)
    assert first is not None
    with db.write() as c:
        leases.release(c, first)
    assert acquire(db, "b", 0.1) == Lease("telegram:1", "b", 2)


def test_names_do_not_stand_in_each_others_way(db: Database) -> None:
    with db.write() as c:
        assert leases.acquire(c, "one", "a", 10, 0)
        assert leases.acquire(c, "two", "b", 10, 0)


def test_to_renew_or_let_go_of_one_lease_does_nothing_to_others(db: Database) -> None:
    """They have the same token; one has the same holder, too."""
    taken = [("telegram:1", "a"), ("telegram:2", "a"), ("telegram:3", "b")]
    with db.write() as c:
        mine = leases.acquire(c, "telegram:1", "a", 10, 0)
        others = [leases.acquire(c, name, holder, 10, 0) for name, holder in taken[1:]]
        assert [lease.token for lease in (mine, *others) if lease] == [1, 1, 1]
        assert mine is not None
        assert leases.renew(c, mine, 100, 1)
        assert all(leases.acquire(c, name, "c", 10, 10) for name, _ in taken[1:]), "theirs ran out as before"
        leases.release(c, mine)
        assert leases.acquire(c, "telegram:1", "c", 10, 10)
        assert not any(leases.acquire(c, name, "d", 10, 10) for name, _ in taken), "those of c are held"


def test_a_lease_that_was_let_go_is_let_go_alone(db: Database) -> None:
    with db.write() as c:
        mine = leases.acquire(c, "telegram:1", "a", 10, 0)
        assert leases.acquire(c, "telegram:2", "a", 10, 0)
        assert leases.acquire(c, "telegram:3", "b", 10, 0)
        assert mine is not None
        leases.release(c, mine)
        assert not leases.acquire(c, "telegram:2", "c", 10, 1)
        assert not leases.acquire(c, "telegram:3", "c", 10, 1)


def test_one_of_many_who_ask_at_once_gets_it(db: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda name: acquire(db, str(name), 0), range(6)))
    assert sum(lease is not None for lease in taken) == 1

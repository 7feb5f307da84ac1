"""What only one process may do at a time: whoever holds a name's lease, until it runs out or is let go."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, update

from workers.store.sql import insert
from workers.store.tables import leases


@dataclass(frozen=True, slots=True)
class Lease:
    """`token` grows with every taking: whoever comes with an older one has been overtaken."""

    name: str
    holder: str
    token: int


def acquire(c: Connection, name: str, holder: str, seconds: float, now: float) -> Lease | None:
    """Take the lease for so many seconds, if nobody else holds it; None if somebody does."""
    values = {"holder": holder, "until": now + seconds}
    statement = insert(c, leases).values(name=name, token=1, **values)
    free = (leases.c.until <= now) | (leases.c.holder == holder)
    # Even for the same holder: its own earlier claim is over, too.
    overtaken = {**values, "token": leases.c.token + 1}
    statement = statement.on_conflict_do_update(index_elements=["name"], set_=overtaken, where=free)
    row = c.execute(statement.returning(leases.c.token)).first()
    return None if row is None else Lease(name, holder, row.token)


def renew(c: Connection, lease: Lease, seconds: float, now: float) -> bool:
    """Hold it for so many seconds more. False: it ran out and somebody else has it."""
    return bool(c.execute(update(leases).where(_held(lease)).values(until=now + seconds)).rowcount)


def release(c: Connection, lease: Lease) -> None:
    """Let the next one have it at once. Does nothing if somebody has it already."""
    # The row stays, because its token has to go on growing.
    c.execute(update(leases).where(_held(lease)).values(until=0.0))


def _held(lease: Lease) -> ColumnElement[bool]:
    same = (leases.c.name == lease.name) & (leases.c.holder == lease.holder)
    return same & (leases.c.token == lease.token)

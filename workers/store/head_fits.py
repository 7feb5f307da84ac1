"""Which head was fitted when: the trace by which one can say that a label has been learnt."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from workers.store.tables import heads


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head of `version`, on the labels as they were at `revision`; it knows the ledger up to number `ledger`."""

    version: int
    revision: int
    ledger: int
    examples: int
    at: float


COLUMNS = tuple(heads.c[name] for name in FittedHead.__dataclass_fields__)


def record(c: Connection, head: FittedHead) -> None:
    """Write down that a head serves now."""
    values = {name: getattr(head, name) for name in FittedHead.__dataclass_fields__}
    c.execute(insert(heads).values(**values))


def latest(c: Connection, version: int) -> FittedHead | None:
    """The last head of a version."""
    statement = select(*COLUMNS).where(heads.c.version == version).order_by(heads.c.id.desc()).limit(1)
    row = c.execute(statement).first()
    return FittedHead(*row) if row else None


def every(c: Connection) -> list[FittedHead]:
    """All heads, oldest first."""
    return [FittedHead(*row) for row in c.execute(select(*COLUMNS).order_by(heads.c.id))]


def prune(c: Connection, before: float) -> None:
    """Drop the trace of heads older than `before`."""
    c.execute(delete(heads).where(heads.c.at < before))

"""Which head was fitted when: by it one can say that a label has been learned."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from workers.store.tables import heads


@dataclass(frozen=True, slots=True)
class HeadFit:
    """A head of `version`, fitted at `revision` of the labels, on the ledger up to its row number `ledger`."""

    version: int
    revision: int
    ledger: int
    examples: int
    at: float


_COLUMNS = tuple(heads.c[name] for name in HeadFit.__dataclass_fields__)


def record(c: Connection, head: HeadFit) -> None:
    """Write down that a head serves now."""
    c.execute(insert(heads).values(**asdict(head)))


def latest(c: Connection, version: int) -> HeadFit | None:
    """The last head of a version."""
    statement = select(*_COLUMNS).where(heads.c.version == version).order_by(heads.c.id.desc()).limit(1)
    row = c.execute(statement).first()
    return HeadFit(*row) if row else None


def every(c: Connection) -> list[HeadFit]:
    """All heads, oldest first."""
    return [HeadFit(*row) for row in c.execute(select(*_COLUMNS).order_by(heads.c.id))]


def prune(c: Connection, before: float) -> None:
    """Drop the rows of heads older than `before`."""
    c.execute(delete(heads).where(heads.c.at < before))

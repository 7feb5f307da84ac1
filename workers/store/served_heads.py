"""The head that a version served last, so that the next process begins with it instead of choosing all anew."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select, update

from workers.store.sql import insert
from workers.store.tables import served_heads


@dataclass(frozen=True, slots=True)
class ServedHead:
    """`settings` are JSON, `tensors` the bytes of a safetensors file; both belong to vectors of this fingerprint.

    `tensors` is None where somebody was forgotten from whose messages they were learned.
    """

    version: int
    fingerprint: str
    settings: str
    tensors: bytes | None
    at: float


_COLUMNS = tuple(served_heads.c[name] for name in ServedHead.__dataclass_fields__)


def keep(c: Connection, head: ServedHead) -> None:
    """Write it down, in place of the one before."""
    new = insert(c, served_heads).values(asdict(head))
    change = {name: new.excluded[name] for name in ("fingerprint", "settings", "tensors", "at")}
    c.execute(new.on_conflict_do_update(index_elements=["version"], set_=change))


def last(c: Connection, version: int) -> ServedHead | None:
    """What was kept of a version."""
    row = c.execute(select(*_COLUMNS).where(served_heads.c.version == version)).first()
    return ServedHead(*row) if row else None


def forget(c: Connection) -> None:
    """Drop what was learned from messages; settings say nothing of any one of them."""
    c.execute(update(served_heads).values(tensors=None))

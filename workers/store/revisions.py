"""What messages said before they were edited. It goes with the message: deleted or forgotten, nothing is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from workers.store.counters import chunks, insert
from workers.store.tables import revisions


@dataclass(frozen=True, slots=True)
class Revision:
    """A former text of a message (our number of it); revision 1 is what was first written. `until`: when it changed."""

    message: int
    revision: int
    text: str
    until: float


def keep(c: Connection, former: Sequence[Revision]) -> None:
    """Write down texts that no longer stand; one that is known already stays as it is."""
    if former:
        rows = [
            {"message": one.message, "revision": one.revision, "text": one.text, "until": one.until} for one in former
        ]
        c.execute(insert(c, revisions).on_conflict_do_nothing(index_elements=["message", "revision"]), rows)


def of(c: Connection, ids: Iterable[int]) -> dict[int, list[Revision]]:
    """The former texts of messages, oldest first, by our number of the message."""
    found: dict[int, list[Revision]] = {}
    for piece in chunks(list(ids)):
        rows = select(revisions).where(revisions.c.message.in_(piece)).order_by(revisions.c.revision)
        for row in c.execute(rows):
            found.setdefault(row.message, []).append(Revision(row.message, row.revision, row.text, row.until))
    return found


def wipe(c: Connection, ids: Sequence[int]) -> None:
    """Drop all former texts of messages."""
    for piece in chunks(ids):
        c.execute(delete(revisions).where(revisions.c.message.in_(piece)))

"""How many messages there are, and how many each label can be learned from: counted while they change, never anew.

The counters `MESSAGES`, `DISPUTED` and `TESTED` and the column `labels.examples` hold the counts. Whatever changes a
message's text or label does so inside `tallied`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, bindparam, func, select, update

from workers.store import counters
from workers.store.sql import among
from workers.store.tables import labels, message_labels, messages

MESSAGES = "messages"
"""The counter of messages that were seen and are not deleted."""
DISPUTED = "disputed"
"""The counter of those on whose label people do not agree."""
TESTED = "tested"
"""The counter of those that can be learned from and had been predicted before anybody labelled them."""

Tally = Counter[str | int]
"""Counters by name, and messages that can be learned from by the number of their label."""

_COUNTED = (
    (messages.c.text != "").label("has_text"),
    message_labels.c.label,
    message_labels.c.disputed,
    message_labels.c.foresaw,
)
_ROWS = (
    select(*_COUNTED, func.count().label("number"))
    .join_from(messages, message_labels, message_labels.c.ref == messages.c.ref, isouter=True)
    # Of one that has neither, nobody has seen more than an edit that left no words: a picture's, or a command's.
    .where(~messages.c.deleted, (messages.c.author_id != "") | (messages.c.text != ""))
    .group_by(*_COUNTED)
)


@contextmanager
def tallied(c: Connection, column: Column[Any], keys: Sequence[Any]) -> Generator[None]:
    """Count what is changed inside about the messages whose `column` (ref or number) is among the keys.

    The caller holds the lock "labels", and does not put one into another.
    """
    before = counted(c, column, keys)
    yield
    change = counted(c, column, keys)
    change.subtract(before)
    _add(c, change)


def counted(c: Connection, column: Column[Any], keys: Sequence[Any]) -> Tally:
    """What is there now about the messages whose `column` is among the keys."""
    tally = Tally()
    # Not in pieces: a write is a few statements, however many messages the change of a label touches.
    for row in c.execute(_ROWS.where(among(c, column, keys))):
        tally[MESSAGES] += row.number
        tally[DISPUTED] += row.number if row.disputed else 0
        if row.has_text and row.label is not None and not row.disputed:
            tally[row.label] += row.number
            tally[TESTED] += row.number if row.foresaw else 0
    return tally


def _add(c: Connection, change: Tally) -> None:
    for name in (MESSAGES, DISPUTED, TESTED):
        if more := change.pop(name, 0):
            counters.add(c, name, more)
    rows = [{"row": label, "more": more} for label, more in change.items() if more]
    if rows:
        grown = update(labels).where(labels.c.id == bindparam("row"))
        c.execute(grown.values(examples=labels.c.examples + bindparam("more")), rows)

"""How often the prediction had been right, over time, as a curve that follows the store without reading it anew."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from threading import Lock

from sqlalchemy import ColumnElement, Connection, bindparam

from workers.core.events import ChatRef, Frozen
from workers.store.counters import values
from workers.store.database import MEMORY
from workers.store.ledger import living_labels
from workers.store.sql import AnyRow
from workers.store.tables import message_labels, messages
from workers.store.tallies import TESTED
from workers.store.training_set import USABLE, labels_of_messages, usable

WINDOW = 50
"""The accuracy is a mean over this many messages."""
POINTS = 60
FEW = 10
"""A mean over fewer says nothing; it is shown only until there are more."""
_COLUMNS = (message_labels.c.first_at, messages.c.id, message_labels.c.label, message_labels.c.predicted)
_CHANGED = labels_of_messages(*_COLUMNS, USABLE.label("tested")).where(
    message_labels.c.changed > bindparam("revision"), message_labels.c.foresaw
)


class AccuracyPoint(Frozen):
    """After so many labelled messages, how often (0 to 1) the prediction had been right before anybody said so."""

    labels: int
    accuracy: float


class AccuracyCurve:
    """The last prediction before a message's first label, against its label now, in the order of labelling.

    Each message is tested on before it is learned from, which is called prequential evaluation (A. P. Dawid,
    "Statistical theory: the prequential approach", 1984). A new curve reads all such messages; from then on it reads
    those whose label or text has changed. Any number of threads may ask, each with a connection of its own.
    """

    def __init__(self) -> None:
        self._turn = Lock()
        # Parallel, and sorted by the first two: 28 bytes a message, where tuples of them would take 200.
        self._first_at, self._ids = array("d"), array("q")
        self._labels, self._predicted = array("q"), array("q")
        self._revision: int | None = None
        self._points: list[AccuracyPoint] | None = None

    def points(self, c: Connection) -> list[AccuracyPoint]:
        """Means over WINDOW messages, at most POINTS of them, with the latest."""
        with self._turn:
            self._catch_up(c)
            if self._points is None:
                self._points = self.means(living_labels(c))
            return self._points

    def means(self, living: Mapping[int, int]) -> list[AccuracyPoint]:
        """The points of what was read. `living`: what each label means now."""
        count = len(self._ids)
        # Rounded up, and with room for the latest. At the same places until there are many more: little is new then.
        step = max(1, -(-count // (POINTS - 1)))
        first = FEW if count > 2 * FEW else 1
        ends = [end for end in range(step, count, step) if end >= first]
        return [self._point(end, living) for end in (*ends, *([count] if count else []))]

    def _point(self, end: int, living: Mapping[int, int]) -> AccuracyPoint:
        window = range(max(0, end - WINDOW), end)
        right = sum(living.get(self._predicted[index]) == self._labels[index] for index in window)
        return AccuracyPoint(labels=end, accuracy=right / len(window))

    def _catch_up(self, c: Connection) -> None:
        """Read what is new, if anything is."""
        before, numbers = self._revision, values(c, ("labels", TESTED))
        rows: Sequence[AnyRow] = () if before is None else c.execute(_CHANGED, {"revision": before}).all()
        if rows or numbers["labels"] != before:
            self._points = None
        for row in rows:
            self._change(row)
        # Rows that were erased are not among the changed ones.
        if before is None or len(self._ids) != numbers[TESTED]:
            self.load(c)
        self._revision = numbers["labels"]

    def load(self, c: Connection, *conditions: ColumnElement[bool]) -> None:
        """Read all messages that the prediction was tested on, or those of which the conditions are true."""
        # Where it breaks off half-way, the next who asks begins anew.
        self._revision = self._points = None
        for column in (self._first_at, self._ids, self._labels, self._predicted):
            del column[:]
        tested = usable(*_COLUMNS).where(message_labels.c.foresaw, *conditions).order_by(*_COLUMNS[:2])
        for row in c.execute(tested, execution_options={"yield_per": 1000}):
            self._insert(len(self._ids), row)

    def _change(self, row: AnyRow) -> None:
        first, end = bisect_left(self._first_at, row.first_at), bisect_right(self._first_at, row.first_at)
        index = bisect_left(self._ids, row.id, first, end)
        if index < len(self._ids) and self._ids[index] == row.id:
            for column in (self._first_at, self._ids, self._labels, self._predicted):
                del column[index]
        if row.tested:
            self._insert(index, row)

    def _insert(self, index: int, row: AnyRow) -> None:
        self._first_at.insert(index, row.first_at)
        self._ids.insert(index, row.id)
        self._labels.insert(index, row.label)
        self._predicted.insert(index, row.predicted or 0)  # no label has the number 0


def points_of_chat(c: Connection, chat: ChatRef) -> list[AccuracyPoint]:
    """The curve of one chat alone, read anew."""
    curve = AccuracyCurve()
    curve.load(c, messages.c.chat == chat.key)
    return curve.means(living_labels(c))


def curve_of(c: Connection) -> AccuracyCurve:
    """The curve that this process follows in the database that is read; a new one where `c` may write."""
    memory: dict[str, AccuracyCurve] = c.get_execution_options().get(MEMORY, {})
    return memory.setdefault("accuracy", AccuracyCurve())

"""The set of labels that people can choose. Every change of it derives anew the messages that it touches."""

from __future__ import annotations

import time
import unicodedata
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, insert, select, update

from workers.core.errors import BackchannelError
from workers.core.events import storable_text
from workers.core.i18n import both
from workers.store.counters import bump, value
from workers.store.database import Stale
from workers.store.ledger import (
    DerivedAhead,
    basis,
    derive_again,
    derive_ahead,
    living_labels,
    refs_since,
    store_derived,
)
from workers.store.sql import AnyRow, advisory_lock
from workers.store.tables import labels, ledger

LONGEST_NAME = 80
NEW = -1
"""The id, while messages are derived ahead, of the label that is still to be added."""
# They turn the direction of what follows: a name must not rearrange the sentence that it stands in.
_BIDIRECTIONAL = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Label:
    """A class that people can choose; `emoji` is "" where it has none."""

    id: int
    name: str
    description: str
    emoji: str

    @property
    def display(self) -> str:
        """The label as people read it: emoji and name."""
        return f"{self.emoji} {self.name}".strip()


class LabelError(BackchannelError):
    """A change of the label set that cannot be made."""


def _label(row: AnyRow) -> Label:
    return Label(row.id, row.name, row.description, row.emoji)


def _first(c: Connection, condition: ColumnElement[bool]) -> Label | None:
    row = c.execute(select(labels).where(labels.c.removed_at.is_(None), condition)).first()
    return None if row is None else _label(row)


def fold(name: str) -> str:
    """The form in which two names are the same, where nobody gives a better one: case, width, outer spaces don't count.

    What people type is compared by what it looks like, which modeling knows: see `workers.commands.label_names`.
    """
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


def living(c: Connection) -> list[Label]:
    """The labels that are neither removed nor merged, by id."""
    return [_label(row) for row in c.execute(select(labels).where(labels.c.removed_at.is_(None)).order_by(labels.c.id))]


def find(c: Connection, name: str) -> Label | None:
    """The living label of this name, whatever its case."""
    return _first(c, labels.c.folded == fold(str(storable_text(name))))


def means(c: Connection) -> dict[int, Label]:
    """Which living label each label id, merged ones too, stands for now; removed ones are missing."""
    by_id = {label.id: label for label in living(c)}
    return {id: by_id[living_id] for id, living_id in living_labels(c).items()}


def by_emoji(c: Connection, emoji: str) -> Label | None:
    """The living label that this emoji (in its neutral form) means."""
    return _first(c, labels.c.emoji == emoji) if emoji else None


def revision(c: Connection) -> int:
    """Grows with every change of the derived labels or of the set."""
    return value(c, "labels")


def ahead_of_emoji(c: Connection, emoji: str | None, label: Label | None, now: float) -> DerivedAhead:
    """What messages will amount to once this label, or one that is still to be added, has this emoji. Only reads."""
    id = label.id if label else NEW
    unclaimed = select(ledger.c.ref).where(_unclaimed(emoji or "")).distinct()
    refs = c.execute(unclaimed).scalars().all() if emoji else ()
    return derive_ahead(c, refs, {**living_labels(c), id: id}, now, {emoji or "": id})


def ahead_of_removal(c: Connection, label: Label, into: Label | None, now: float) -> DerivedAhead:
    """What messages will amount to once this label is gone, or merged into another. Only reads."""
    living = living_labels(c)
    same = [id for id, living_id in living.items() if living_id == label.id]
    refs = c.execute(select(ledger.c.ref).where(ledger.c.label.in_(same)).distinct()).scalars().all()
    others = {id: living_id for id, living_id in living.items() if living_id != label.id}
    return derive_ahead(c, refs, {**others, **(dict.fromkeys(same, into.id) if into else {})}, now, {})


def add(
    c: Connection,
    name: str,
    description: str,
    emoji: str | None,
    now: float,
    ahead: DerivedAhead | None = None,
    folded: str = "",
) -> Label:
    """A new label; reactions with its emoji from before it existed count.

    `ahead`: of this emoji. `folded`: the form in which names that are the same are equal. Raises LabelError, or Stale
    where `ahead` no longer holds.
    """
    ahead = _checked(c, ahead or ahead_of_emoji(c, emoji, None, now))
    name = _free_name(c, name, None, folded)
    _free_emoji(c, emoji or "", None)
    values = {"name": name, "folded": folded or fold(name), "emoji": emoji or ""}
    values["description"] = str(storable_text(description))
    row = c.execute(insert(labels).values(**values, created_at=now).returning(labels)).one()
    _adopt(c, row.id, row.emoji)
    _store(c, ahead, row.id, now)
    return _label(row)


def rename(c: Connection, label: Label, name: str, folded: str = "") -> Label:
    """The label under another name; `folded` as for `add`. Raises LabelError."""
    advisory_lock(c, "labels")
    name = _free_name(c, name, label.id, folded)
    return _change(c, label, name=name, folded=folded or fold(name))


def set_emoji(c: Connection, label: Label, emoji: str | None, now: float, ahead: DerivedAhead | None = None) -> Label:
    """Give a label an emoji in its neutral form, or none; earlier reactions that meant nothing now count for it.

    Reactions with the emoji that it had before keep counting for it. `ahead`: of this emoji and label. Raises
    LabelError, or Stale where it no longer holds.
    """
    ahead = _checked(c, ahead or ahead_of_emoji(c, emoji, label, now))
    _free_emoji(c, emoji or "", label.id)
    changed = _change(c, label, emoji=emoji or "")
    _adopt(c, label.id, emoji or "")
    _store(c, ahead, label.id, now)
    return changed


def remove(c: Connection, label: Label, now: float, ahead: DerivedAhead | None = None) -> None:
    """Take a label away; votes for it no longer count, and others' votes on the same messages decide.

    `ahead`: of this removal. Raises LabelError, or Stale where it no longer holds.
    """
    ahead = _checked(c, ahead or ahead_of_removal(c, label, None, now))
    _change(c, label, removed_at=now)
    _store(c, ahead, label.id, now)


def merge(c: Connection, source: Label, into: Label, ahead: DerivedAhead | None = None) -> None:
    """Let all votes for `source`, past ones too, count for `into`, which takes its emoji if it has none of its own.

    `ahead`: of this merge. Raises LabelError, or Stale where it no longer holds.
    """
    if source.id == into.id:
        raise LabelError(both("label_same"))
    now = time.time()
    ahead = _checked(c, ahead or ahead_of_removal(c, source, into, now))
    target = _living(c, into)
    emoji = _living(c, source).emoji
    _change(c, source, removed_at=now, merged_into=into.id)
    if emoji and not target.emoji:
        _change(c, into, emoji=emoji)
    _store(c, ahead, source.id, now)


def _checked(c: Connection, ahead: DerivedAhead) -> DerivedAhead:
    """Raises Stale where votes or labels that it was derived from have changed."""
    advisory_lock(c, "labels")
    if basis(c) != ahead.basis:
        raise Stale
    return ahead


def _store(c: Connection, ahead: DerivedAhead, label: int, now: float) -> None:
    """Write what was derived ahead, and derive again what has been voted on since."""
    store_derived(c, [{**row, "label": label} if row["label"] == NEW else row for row in ahead.rows])
    derive_again(c, refs_since(c, ahead.last), now)
    bump(c, "labels")


def _living(c: Connection, label: Label) -> Label:
    stored = _first(c, labels.c.id == label.id)
    if stored is None:
        raise LabelError(both("label_missing", name=label.name))
    return stored


def _change(c: Connection, label: Label, **values: object) -> Label:
    statement = update(labels).where(labels.c.id == label.id, labels.c.removed_at.is_(None)).values(**values)
    row = c.execute(statement.returning(labels)).first()
    if row is None:
        raise LabelError(both("label_missing", name=label.name))
    bump(c, "labels")
    return _label(row)


def _free_name(c: Connection, name: str, label: int | None, folded: str) -> str:
    name = unicodedata.normalize("NFC", " ".join(str(storable_text(name)).split()))
    if not name:
        raise LabelError(both("label_name_empty"))
    if any(unicodedata.category(letter) == "Cc" or letter in _BIDIRECTIONAL for letter in name):
        raise LabelError(both("label_name_control"))
    if len(name) > LONGEST_NAME:
        raise LabelError(both("label_name_too_long", length=len(name), most=LONGEST_NAME))
    taken = _first(c, labels.c.folded == folded) if folded else find(c, name)
    if taken is not None and taken.id != label:
        raise LabelError(both("label_name_taken", name=taken.name))
    return name


def _free_emoji(c: Connection, emoji: str, label: int | None) -> None:
    taken = by_emoji(c, emoji)
    if taken is not None and taken.id != label:
        raise LabelError(both("label_emoji_taken", emoji=emoji, name=taken.name))


def _unclaimed(emoji: str) -> ColumnElement[bool]:
    return (ledger.c.emoji == emoji) & ledger.c.label.is_(None) & (ledger.c.source == "reaction")


def _adopt(c: Connection, label: int, emoji: str) -> None:
    """Reactions that were recorded when their emoji meant nothing."""
    if emoji:
        c.execute(update(ledger).where(_unclaimed(emoji)).values(label=label))

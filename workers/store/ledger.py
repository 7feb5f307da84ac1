"""The ledger of votes: who labelled what, append-only, and the labels of messages that are derived from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, func, select, update

from workers.core.events import Button, Command, MessageRef, Person
from workers.store.counters import REWRITTEN, bump, value
from workers.store.sql import AnyRow, advisory_lock, chunks, insert, insert_new, message_ref
from workers.store.tables import labels, message_labels, messages, predictions
from workers.store.tables import ledger as table
from workers.store.tallies import tallied

Source = Literal["reaction", "button", "command", "ask"]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One act of one annotator: an emoji put on or taken off, or an explicit choice.

    Reactions carry an emoji, and the store finds their label. Other sources carry "" as the emoji and a label id,
    or None for "none of these". `added` False takes the emoji, or the choice, back.
    """

    key: str
    ref: MessageRef
    annotator: Person
    emoji: str
    label: int | None
    added: bool
    at: float
    sequence: int
    source: Source


def choice(event: Button | Command, annotator: Person, ref: MessageRef, label: int | None, source: Source) -> LedgerRow:
    """An explicit choice of a label for a message, pressed or typed; None says that no label fits."""
    return LedgerRow(event.key, ref, annotator, "", label, True, event.at, event.sequence, source)


@dataclass(frozen=True, slots=True)
class Derived:
    """What a message's ledger amounts to. `votes`: annotators who have a say. No label and votes: "none of these"."""

    label: int | None
    votes: int
    disputed: bool


def _order(row: LedgerRow) -> tuple[float, int, str]:
    # The key decides within one moment, so that any order of arrival gives the same label.
    return row.at, row.sequence, row.key


def standing(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """The rows that still hold: per annotator and emoji the latest, unless it took the emoji away. Oldest first."""
    latest = {(row.annotator.id, row.emoji): row for row in sorted(rows, key=_order)}
    return sorted((row for row in latest.values() if row.added), key=_order)


def resolve(rows: Iterable[LedgerRow], living: Mapping[int, int]) -> list[LedgerRow]:
    """Follow merges and drop removed labels: `living` says for each label id which living one it means now."""
    return [_resolve(row, living) for row in rows]


def _resolve(row: LedgerRow, living: Mapping[int, int]) -> LedgerRow:
    if row.label is None:
        return row
    label = living.get(row.label)
    if label is not None:
        return replace(row, label=label)
    # A choice of a label that is gone is no choice; left as None it would read as "none of these".
    return replace(row, label=None, added=row.added and row.source == "reaction")


def derive(rows: Iterable[LedgerRow]) -> Derived:
    """The label of one message from its ledger rows, in any order; repeated rows change nothing.

    Each annotator has one vote, their latest that stands; most votes win; a tie is a dispute and has no label.
    """
    ballots = votes(rows)
    ranked = Counter(ballots.values()).most_common(2)
    if not ranked:
        return Derived(None, 0, False)
    if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
        return Derived(None, len(ballots), True)
    return Derived(ranked[0][0], len(ballots), False)


def votes(rows: Iterable[LedgerRow]) -> dict[str, int | None]:
    """Each annotator's vote on one message, by their ids; None is one for "none of these"."""
    # An emoji that means no label is no vote; a choice of no label is one.
    return {row.annotator.id: row.label for row in standing(rows) if row.label is not None or row.source != "reaction"}


def append(c: Connection, rows: Sequence[LedgerRow], now: float) -> int:
    """Append votes whose keys are new and derive the labels of their messages again. Returns how many were new.

    The messages need not have been seen. The counter "labels" grows when a derived label changed.
    """
    if not rows:
        return 0
    advisory_lock(c, "labels")
    living = select(labels.c.emoji, labels.c.id).where(labels.c.removed_at.is_(None))
    label_of: dict[str, int] = dict(c.execute(living).all())
    values = [_values(row, label_of.get(row.emoji) if row.source == "reaction" else row.label, now) for row in rows]
    new = insert_new(c, table, values)
    if new and derive_again(c, {row.ref.key for row in rows}, now):
        bump(c, "labels")
    return new


def _values(row: LedgerRow, label: int | None, now: float) -> dict[str, Any]:
    return {
        "key": row.key,
        "ref": row.ref.key,
        "chat": row.ref.chat.key,
        **row.ref.model_dump(),
        "annotator_id": row.annotator.id,
        "annotator_name": row.annotator.name,
        "emoji": row.emoji,
        "label": label,
        "added": row.added,
        "at": row.at,
        "sequence": row.sequence,
        "source": row.source,
        "recorded_at": now,
    }


def from_row(row: AnyRow) -> LedgerRow:
    """A ledger row as it was appended."""
    annotator = Person(id=row.annotator_id, name=row.annotator_name)
    return LedgerRow(
        row.key, message_ref(row), annotator, row.emoji, row.label, row.added, row.at, row.sequence, row.source
    )


def ledger(c: Connection, ref: MessageRef | None = None) -> list[LedgerRow]:
    """The rows of one message, or all, in the order in which they were recorded."""
    statement = select(table).order_by(table.c.id)
    return [from_row(row) for row in c.execute(statement if ref is None else statement.where(table.c.ref == ref.key))]


def ledger_of(c: Connection, refs: Iterable[str]) -> dict[str, list[LedgerRow]]:
    """The rows of several messages, by the message's key."""
    by_ref: dict[str, list[LedgerRow]] = defaultdict(list)
    for piece in chunks(sorted(refs)):
        for row in c.execute(select(table).where(table.c.ref.in_(piece))):
            by_ref[row.ref].append(from_row(row))
    return by_ref


def living_labels(c: Connection) -> dict[int, int]:
    """Which living label each label id means now; ids of removed labels are missing."""
    rows = {row.id: row for row in c.execute(select(labels.c.id, labels.c.removed_at, labels.c.merged_into))}
    living: dict[int, int] = {}
    for id, row in rows.items():
        # What a label was merged into may have been merged itself.
        while row.merged_into is not None:
            row = rows[row.merged_into]
        if row.removed_at is None:
            living[id] = row.id
    return living


def derive_again(c: Connection, refs: Iterable[str], now: float) -> bool:
    """Bring `message_labels` up to date for these messages. Returns whether anything changed.

    The caller holds the lock "labels", so that nobody derives the same message from an older ledger meanwhile.
    """
    living, changed = living_labels(c), False
    for piece in chunks(sorted(refs)):
        rows = _changed_rows(c, piece, living, now, {})
        store_derived(c, rows)
        changed |= bool(rows)
    return changed


@dataclass(frozen=True, slots=True)
class DerivedAhead:
    """What messages will amount to under a label set that is still to come, derived before it is written.

    `rows`: those of `message_labels` that change. They hold while `basis` does, but for messages with votes newer
    than the ledger's row `last`.
    """

    rows: Sequence[Mapping[str, Any]]
    last: int
    basis: tuple[object, ...]


def derive_ahead(
    c: Connection, refs: Iterable[str], living: Mapping[int, int], now: float, adopted: Mapping[str, int]
) -> DerivedAhead:
    """Derive these messages as if each label id meant what `living` says, and only read.

    `adopted`: reactions with this emoji that mean nothing yet would mean this label.
    """
    rows = [row for piece in chunks(sorted(refs)) for row in _changed_rows(c, piece, living, now, adopted)]
    return DerivedAhead(rows, last(c), basis(c))


def basis(c: Connection) -> tuple[object, ...]:
    """What derived labels rest on beside the newest votes: the label set, and that no vote was erased or moved."""
    columns = (labels.c.id, labels.c.emoji, labels.c.removed_at, labels.c.merged_into)
    return value(c, REWRITTEN), *(tuple(row) for row in c.execute(select(*columns).order_by(labels.c.id)))


def refs_since(c: Connection, number: int) -> set[str]:
    """The messages with votes newer than the ledger's row of this number."""
    return set(c.execute(select(table.c.ref).where(table.c.id > number)).scalars())


def _changed_rows(
    c: Connection, refs: Sequence[str], living: Mapping[int, int], now: float, adopted: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The rows of `message_labels` that are not, for these messages, as their votes say."""
    votes = {ref: [_adopted(row, adopted) for row in rows] for ref, rows in ledger_of(c, refs).items()}
    fresh = {ref: derive(resolve(votes.get(ref, ()), living)) for ref in refs}
    before = {row.ref: row for row in c.execute(select(message_labels).where(message_labels.c.ref.in_(refs)))}
    old = {ref: Derived(row.label, row.votes, row.disputed) for ref, row in before.items()}
    changed = [ref for ref in refs if fresh[ref] != old.get(ref, Derived(None, 0, False))]
    first = [ref for ref in changed if fresh[ref].votes and (ref not in before or before[ref].first_at is None)]
    predicted = _predicted_labels(c, first)
    return [_message_label(ref, fresh[ref], before.get(ref), ref in first, predicted, now) for ref in changed]


def _adopted(row: LedgerRow, adopted: Mapping[str, int]) -> LedgerRow:
    unclaimed = row.label is None and row.source == "reaction"
    return replace(row, label=adopted[row.emoji]) if unclaimed and row.emoji in adopted else row


def _message_label(
    ref: str, derived: Derived, before: AnyRow | None, first: bool, predicted: Mapping[str, int | None], now: float
) -> dict[str, Any]:
    """What we had predicted is fixed when the first label comes: later predictions have learned from it."""
    values = {"ref": ref, "label": derived.label, "votes": derived.votes, "disputed": derived.disputed}
    if first:
        return {**values, "first_at": now, "foresaw": ref in predicted, "predicted": predicted.get(ref)}
    if before is None:
        return {**values, "first_at": None, "foresaw": False, "predicted": None}
    return {**values, "first_at": before.first_at, "foresaw": before.foresaw, "predicted": before.predicted}


def store_derived(c: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of `message_labels`, in one statement."""
    if not values:
        return
    new = insert(c, message_labels)
    columns = ("label", "votes", "disputed", "first_at", "foresaw", "predicted", "changed")
    change, number = {name: new.excluded[name] for name in columns}, next_revision(c)
    rows = [{**row, "changed": number} for row in values]
    with tallied(c, messages.c.ref, [row["ref"] for row in values]):
        c.execute(new.on_conflict_do_update(index_elements=["ref"], set_=change), rows)


def next_revision(c: Connection) -> int:
    """What the revision of the labels will be at least once our transaction is over: newer than anybody has seen.

    The caller holds the lock "labels", and bumps the counter before its transaction ends.
    """
    return value(c, "labels") + 1


def touch(c: Connection, refs: Iterable[str]) -> bool:
    """Mark the labels of these messages as changed, since their texts have. Returns whether there are any."""
    labelled = message_labels.c.ref.in_(list(refs)) & message_labels.c.label.is_not(None)
    if not c.execute(select(message_labels.c.ref).where(labelled).limit(1)).first():
        return False
    c.execute(update(message_labels).where(labelled).values(changed=next_revision(c)))
    return True


def _predicted_labels(c: Connection, refs: Sequence[str]) -> dict[str, int | None]:
    """The label of the last prediction on each of these messages, where there is one."""
    if not refs:
        return {}
    statement = select(messages.c.ref, predictions.c.label).join(predictions, predictions.c.message == messages.c.id)
    rows = c.execute(statement.where(messages.c.ref.in_(refs)).order_by(predictions.c.id))
    return dict(rows.all())


def emoji_used(c: Connection, emoji: Iterable[str]) -> set[str]:
    """Those of these emoji that people have put on any message."""
    return set(c.execute(select(table.c.emoji).distinct().where(table.c.emoji.in_(list(emoji)))).scalars())


def last(c: Connection) -> int:
    """The number of the newest row; 0 in an empty ledger."""
    return c.execute(select(func.max(table.c.id))).scalar() or 0


def numbers(c: Connection) -> list[tuple[int, str]]:
    """(number, key) of every row, in order."""
    return [(number, key) for number, key in c.execute(select(table.c.id, table.c.key).order_by(table.c.id))]

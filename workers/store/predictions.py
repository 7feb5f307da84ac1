"""What the models made of messages: vectors of a backbone and predictions of a version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, and_, func, select

from workers.store.sql import chunks, insert
from workers.store.tables import messages, predictions
from workers.store.tables import vectors as vectors_table


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a version said about one revision of a message. `margin`: best minus second-best probability.

    `guess`: made without any learned label to go by. `shown`: people saw it. `label` None: nothing was sure enough.
    """

    message: int
    revision: int
    version: int
    head_revision: int
    label: int | None
    probability: float
    margin: float
    guess: bool
    shown: bool
    at: float


def _lock_existing(c: Connection, ids: Sequence[int]) -> set[int]:
    """Those that are not deleted, and cannot be until our transaction ends."""
    existing: set[int] = set()
    for piece in chunks(sorted(set(ids))):
        # By id, so that nobody waits in a circle for another who locks the same rows.
        rows = select(messages.c.id).where(messages.c.id.in_(piece), ~messages.c.deleted).order_by(messages.c.id)
        existing.update(c.execute(rows.with_for_update(read=True)).scalars())
    return existing


def record_vectors(c: Connection, backbone: str, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Keep (message id, revision, vector bytes) for a backbone; an older revision never replaces a newer one."""
    existing = _lock_existing(c, [row[0] for row in rows])
    values = [
        {"message": id, "backbone": backbone, "revision": revision, "vector": vector}
        for id, revision, vector in rows
        if id in existing
    ]
    if not values:
        return
    new = insert(c, vectors_table)
    change = {"revision": new.excluded.revision, "vector": new.excluded.vector}
    newer = new.excluded.revision >= vectors_table.c.revision
    c.execute(new.on_conflict_do_update(index_elements=["message", "backbone"], set_=change, where=newer), values)


def vectors(c: Connection, backbone: str, ids: Sequence[int]) -> dict[int, bytes]:
    """The stored vectors of these messages, where they belong to the text as it stands."""
    current = and_(messages.c.id == vectors_table.c.message, messages.c.revision == vectors_table.c.revision)
    statement = select(vectors_table.c.message, vectors_table.c.vector).join(messages, current)
    statement = statement.where(vectors_table.c.backbone == backbone)
    return {
        id: vector
        for piece in chunks(ids)
        for id, vector in c.execute(statement.where(vectors_table.c.message.in_(piece)))
    }


def count_vectors(c: Connection, backbone: str) -> int:
    """How many messages have a vector of this backbone."""
    return c.execute(select(func.count()).where(vectors_table.c.backbone == backbone)).scalar_one()


def record_predictions(c: Connection, rows: Sequence[Prediction]) -> None:
    """Keep predictions; those on messages that were deleted meanwhile are dropped."""
    existing = _lock_existing(c, [row.message for row in rows])
    values = [asdict(row) for row in rows if row.message in existing]
    if values:
        c.execute(insert(c, predictions), values)


def after(c: Connection, last: int) -> list[tuple[int, str, Prediction]]:
    """Predictions with a higher number than `last`, in order: number, message's ref as one string, prediction."""
    statement = select(predictions, messages.c.ref).join(messages, messages.c.id == predictions.c.message)
    rows = c.execute(statement.where(predictions.c.id > last).order_by(predictions.c.id)).mappings()
    return [
        (row["id"], row["ref"], Prediction(**{name: row[name] for name in Prediction.__dataclass_fields__}))
        for row in rows
    ]


def predicted(c: Connection, ids: Sequence[int]) -> dict[int, tuple[int, bool]]:
    """For messages that have predictions: the newest revision that has one, and whether people saw the last."""
    # In order, since the last row of a message is the one that stays in the dict.
    columns = select(predictions.c.message, predictions.c.revision, predictions.c.shown)
    return {
        message: (revision, shown)
        for piece in chunks(ids)
        for message, revision, shown in c.execute(
            columns.where(predictions.c.message.in_(piece)).order_by(predictions.c.revision, predictions.c.id)
        )
    }


def shown(c: Connection, refs: Iterable[str]) -> dict[str, int]:
    """The labels that people saw on these messages (keys) by the last prediction, where they saw one."""
    columns = select(messages.c.ref, predictions.c.label, predictions.c.shown)
    statement = columns.join(predictions, predictions.c.message == messages.c.id)
    statement = statement.order_by(predictions.c.revision, predictions.c.id)
    last = {
        ref: label if visible else None
        for piece in chunks(sorted(refs))
        for ref, label, visible in c.execute(statement.where(messages.c.ref.in_(piece)))
    }
    return {ref: label for ref, label in last.items() if label is not None}

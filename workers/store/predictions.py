"""What the models made of messages: vectors of a backbone and predictions of a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, and_, func, select
from sqlalchemy import insert as put

from workers.core.events import ChatRef
from workers.store.counters import chunks, insert
from workers.store.tables import message_labels, messages, predictions, questions
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


def _living(c: Connection, ids: Sequence[int]) -> set[int]:
    """Those that are not deleted, and cannot be until our transaction ends."""
    found: set[int] = set()
    for piece in chunks(sorted(set(ids))):
        alive = select(messages.c.id).where(messages.c.id.in_(piece), ~messages.c.deleted).order_by(messages.c.id)
        found.update(c.execute(alive.with_for_update(read=True)).scalars())
    return found


def record_vectors(c: Connection, backbone: str, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Keep (message id, revision, vector bytes) for a backbone; an older revision never replaces a newer one."""
    living = _living(c, [row[0] for row in rows])
    values = [
        {"message": id, "backbone": backbone, "revision": revision, "vector": vector}
        for id, revision, vector in rows
        if id in living
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


def record_predictions(c: Connection, rows: Sequence[Prediction]) -> None:
    """Keep predictions; those on messages that were deleted meanwhile are dropped."""
    living = _living(c, [row.message for row in rows])
    values = [asdict(row) for row in rows if row.message in living]
    if values:
        c.execute(put(predictions), values)


def least_sure_ids(c: Connection, chat: ChatRef, n: int, version: int) -> list[int]:
    """See `messages.least_sure`."""
    other = predictions.alias("other")
    last = select(func.max(other.c.id)).where(other.c.message == messages.c.id, other.c.version == version)
    said = and_(
        predictions.c.id == last.scalar_subquery(), predictions.c.revision == messages.c.revision, ~predictions.c.guess
    )
    decided = select(message_labels.c.ref).where(message_labels.c.ref == messages.c.ref, message_labels.c.votes > 0)
    asked = select(questions.c.id).where(questions.c.message == messages.c.id)
    statement = (
        select(messages.c.id)
        .outerjoin(predictions, said)
        .where(messages.c.chat == chat.key, ~messages.c.deleted, messages.c.text != "")
        .where(~decided.exists(), ~asked.exists())
        .order_by(predictions.c.margin.asc().nulls_last(), func.random())
    )
    return list(c.execute(statement.limit(n)).scalars())


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
    columns = select(predictions.c.message, predictions.c.revision, predictions.c.shown)
    return {
        message: (revision, shown)
        for piece in chunks(ids)
        for message, revision, shown in c.execute(
            columns.where(predictions.c.message.in_(piece)).order_by(predictions.c.revision, predictions.c.id)
        )
    }

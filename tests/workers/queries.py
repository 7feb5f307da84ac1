"""What tests ask of the store that no process asks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from workers.core.events import ChatRef
from workers.store import chats
from workers.store.predictions import Prediction
from workers.store.sql import AnyRow
from workers.store.tables import OUTBOX_LIVE, audit, heartbeats, message_labels, messages, outbox, predictions
from workers.store.tables import chats as chats_table
from workers.store.tallies import DISPUTED, MESSAGES, TESTED
from workers.store.training_set import usable


def unsent(c: Connection) -> int:
    """How many replies are not sent yet."""
    return c.execute(select(func.count()).select_from(outbox).where(OUTBOX_LIVE)).scalar_one()


def last_prediction(c: Connection, message: int) -> Prediction | None:
    """The last prediction made on a message, by any version."""
    statement = select(predictions).where(predictions.c.message == message).order_by(predictions.c.id.desc()).limit(1)
    row = c.execute(statement).mappings().first()
    return None if row is None else Prediction(**{name: part for name, part in row.items() if name != "id"})


def counted_anew(c: Connection) -> dict[str | int, int]:
    """What `tallies` keeps, read from all messages and their labels; labels without a message are left out."""
    seen = (messages.c.author_id != "") | (messages.c.text != "")
    living = select(func.count()).select_from(messages).where(~messages.c.deleted, seen)
    there = (messages.c.ref == message_labels.c.ref) & ~messages.c.deleted
    disputed = select(func.count()).select_from(message_labels).join(messages, there).where(message_labels.c.disputed)
    tested = usable(func.count()).where(message_labels.c.foresaw)
    by_label = usable(message_labels.c.label, func.count()).group_by(message_labels.c.label)
    counts = {MESSAGES: living, DISPUTED: disputed, TESTED: tested}
    return {name: c.execute(query).scalar_one() for name, query in counts.items()} | dict(c.execute(by_label).all())


def last_beats(c: Connection) -> dict[str, float]:
    """When each role was last heard of."""
    rows = c.execute(select(heartbeats.c.role, func.max(heartbeats.c.at)).group_by(heartbeats.c.role))
    return dict(rows.all())


def enabled_chats(c: Connection) -> set[ChatRef]:
    """The chats that are switched on."""
    keys = c.execute(select(chats_table.c.key)).scalars()
    return {chat.ref for chat in chats.by_key(c, keys).values() if chat.enabled}


def last_audited(c: Connection, n: int) -> Sequence[AnyRow]:
    """The last `n` lines of the audit, newest first."""
    return c.execute(select(audit).order_by(audit.c.id.desc()).limit(n)).all()

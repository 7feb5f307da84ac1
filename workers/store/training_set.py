"""Messages together with the labels that people gave them: what there is to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, case, func, select

from workers.core.events import ChatRef
from workers.store.sql import AnySelect
from workers.store.tables import chats, labels, message_labels, messages, vectors

STREAMED = 500
"""Rows that are read at a time where the reader may stop early."""


USABLE = (
    message_labels.c.label.is_not(None) & ~message_labels.c.disputed & ~messages.c.deleted & (messages.c.text != "")
)
"""The message has a text, and its label is undisputed (and living: derived labels are)."""


def labels_of_messages(*columns: Any) -> AnySelect:
    """A SELECT over the messages that have ever had a label."""
    return select(*columns).join_from(message_labels, messages, messages.c.ref == message_labels.c.ref)


def usable(*columns: Any) -> AnySelect:
    """A SELECT over messages that can be learned from."""
    return labels_of_messages(*columns).where(USABLE)


def labelled(c: Connection) -> list[tuple[int, int]]:
    """(message id, label id) of every message that can be learned from, by message id."""
    rows = c.execute(usable(messages.c.id, message_labels.c.label).order_by(messages.c.id))
    return [(message, label) for message, label in rows]


def labelled_with_changes(c: Connection) -> list[tuple[int, int, int]]:
    """The same, with the revision of the labels at which each last changed."""
    rows = c.execute(usable(messages.c.id, message_labels.c.label, message_labels.c.changed).order_by(messages.c.id))
    return [(message, label, changed) for message, label, changed in rows]


def changed_since(c: Connection, revision: int) -> list[tuple[int, int | None, int]]:
    """What has changed in `labelled_with_changes` since this revision of the labels; no label: not to be learned from.

    Not what was erased: that shows in the counter REWRITTEN.
    """
    label = case((USABLE, message_labels.c.label))
    changed = labels_of_messages(messages.c.id, label, message_labels.c.changed)
    rows = c.execute(changed.where(message_labels.c.changed > revision).order_by(messages.c.id))
    return [(message, label, changed) for message, label, changed in rows]


def labelled_size(c: Connection) -> int:
    """How many messages can be learned from."""
    return sum(counts(c).values())


def labelled_in(c: Connection, chat: ChatRef) -> list[tuple[int, int]]:
    """The same, of one chat alone."""
    here = usable(messages.c.id, message_labels.c.label).where(messages.c.chat == chat.key)
    return [(message, label) for message, label in c.execute(here.order_by(messages.c.id))]


def counts(c: Connection) -> dict[int, int]:
    """How many messages each label can be learned from; labels without any are left out."""
    return dict(c.execute(select(labels.c.id, labels.c.examples).where(labels.c.examples > 0)).all())


def can_be_told_apart(counts: Mapping[int, int]) -> bool:
    """Whether there is something to train on: at least two labels with two messages each."""
    # The second most frequent label decides.
    return len(counts) > 1 and sorted(counts.values())[-2] > 1


def labelled_before(c: Connection, at: float) -> int:
    """How many of the messages that can be learned from now had been labelled by this time."""
    return c.execute(usable(func.count()).where(message_labels.c.first_at <= at)).scalar_one()


def _pooled(*columns: Any) -> AnySelect:
    """A SELECT over the messages with a text of the chats that are switched on."""
    there = chats.c.enabled & ~messages.c.deleted & (messages.c.text != "")
    return select(*columns).join_from(messages, chats, chats.c.key == messages.c.chat).where(there)


def pool(c: Connection) -> Iterator[str]:
    """The texts of all messages of the chats that are switched on, labelled or not, oldest first."""
    yield from _streamed(c, _pooled(messages.c.text).order_by(messages.c.id))


def _streamed(c: Connection, statement: AnySelect) -> Iterator[str]:
    """The first column, read a piece at a time, and let go of where the reader stops early."""
    with c.execute(statement, execution_options={"yield_per": STREAMED}) as rows:
        yield from rows.scalars()


def pool_size(c: Connection) -> int:
    """How many texts the pool has."""
    return c.execute(_pooled(func.count())).scalar_one()


def labelled_texts(c: Connection) -> Iterator[str]:
    """The texts of the messages that can be learned from, oldest first."""
    yield from _streamed(c, usable(messages.c.text).order_by(messages.c.id))


def export(c: Connection, chat: ChatRef | None = None) -> Iterator[dict[str, Any]]:
    """Each labelled message, of a chat or of all, as {"text", "label" (its name), "at" (seconds), "chat"}.

    Oldest first.
    """
    statement = usable(messages.c.text, labels.c.name, messages.c.at, messages.c.chat)
    if chat is not None:
        statement = statement.where(messages.c.chat == chat.key)
    statement = statement.join(labels, labels.c.id == message_labels.c.label).order_by(messages.c.at, messages.c.id)
    for text, label, at, chat in c.execute(statement):
        yield {"text": text, "label": label, "at": at, "chat": chat}


def recent_vectors(c: Connection, backbone: str, most: int) -> list[bytes]:
    """The vectors of the latest messages that this backbone has read, oldest first."""
    statement = select(vectors.c.vector).where(vectors.c.backbone == backbone)
    return list(c.execute(statement.order_by(vectors.c.message.desc()).limit(most)).scalars())[::-1]

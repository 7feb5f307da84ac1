"""Messages of a chat that people may be asked about, and what is stored for choosing among them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, func, select

from workers.core.events import ChatRef
from workers.store.messages import Stored, current, stored_of
from workers.store.sql import chunks
from workers.store.tables import message_labels, messages, predictions, questions, vectors


def _askable(chat: ChatRef) -> ColumnElement[bool]:
    """Messages of this chat with a text that nobody decided on and that nobody was asked about."""
    decided = select(message_labels.c.ref).where(message_labels.c.ref == messages.c.ref, message_labels.c.votes > 0)
    asked = select(questions.c.id).where(questions.c.message == messages.c.id)
    there = and_(messages.c.chat == chat.key, ~messages.c.deleted, messages.c.text != "")
    return and_(there, ~decided.exists(), ~asked.exists())


def newest(c: Connection, chat: ChatRef, most: int) -> list[int]:
    """Our numbers of the newest messages that may be asked about, newest first."""
    statement = select(messages.c.id).where(_askable(chat))
    return list(c.execute(statement.order_by(messages.c.at.desc(), messages.c.id.desc()).limit(most)).scalars())


def in_order(c: Connection, ids: Sequence[int]) -> list[Stored]:
    """These messages in this order, without those that are gone."""
    there = {stored.id: stored for stored in current(c, ids)}
    return [there[id] for id in ids if id in there]


def backbones(c: Connection, ids: Sequence[int]) -> dict[str, int]:
    """How many of these messages each backbone has read as they stand, by its fingerprint."""
    read: dict[str, int] = {}
    text_now = and_(messages.c.id == vectors.c.message, messages.c.revision == vectors.c.revision)
    counted = select(vectors.c.backbone, func.count()).join(messages, text_now).group_by(vectors.c.backbone)
    for piece in chunks(ids):
        for backbone, count in c.execute(counted.where(vectors.c.message.in_(piece))):
            read[backbone] = read.get(backbone, 0) + count
    return read


def foreseen(c: Connection, ids: Sequence[int]) -> dict[int, tuple[int, float]]:
    """The label and its probability that the latest prediction gave each of these messages, where it gave one."""
    text_now = and_(messages.c.id == predictions.c.message, messages.c.revision == predictions.c.revision)
    columns = select(predictions.c.message, predictions.c.label, predictions.c.probability).join(messages, text_now)
    # In order, since the last row of a message is the one that stays in the dict.
    return {
        message: (label, probability)
        for piece in chunks(ids)
        for message, label, probability in c.execute(
            columns.where(predictions.c.message.in_(piece)).order_by(predictions.c.id)
        )
        if label is not None
    }


def least_sure(c: Connection, chat: ChatRef, n: int, version: int) -> list[Stored]:
    """Up to `n` messages that may be asked about, by what was predicted when they came: smallest margin first.

    Messages on which the version has only guessed, or said nothing, come after those, in random order. Margin sampling:
    T. Scheffer, C. Decomain, S. Wrobel, "Active Hidden Markov Models for Information Extraction", 2001.
    """
    other = predictions.alias("other")
    last = select(func.max(other.c.id)).where(other.c.message == messages.c.id, other.c.version == version)
    current_text = predictions.c.revision == messages.c.revision
    predicted = and_(predictions.c.id == last.scalar_subquery(), current_text, ~predictions.c.guess)
    statement = select(messages).outerjoin(predictions, predicted).where(_askable(chat))
    statement = statement.order_by(predictions.c.margin.asc().nulls_last(), func.random())
    return [stored_of(row) for row in c.execute(statement.limit(n))]

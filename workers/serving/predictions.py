"""A claimed batch on its way into the store: the messages as they stand now, what was predicted, what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from workers.core.events import Command, Delete, Edit, Message
from workers.core.replies import React, Reply
from workers.serving.decisions import Decision, Row
from workers.store import chats, messages, outbox
from workers.store import predictions as stored_predictions
from workers.store.inbox import Claimed
from workers.store.messages import Stored
from workers.store.predictions import Prediction

Found = dict[str, tuple[Row, Decision]]
"""For each text its vector, float32 [d], and what it was decided to be."""


class Served(Protocol):
    """Which model made the predictions."""

    @property
    def number(self) -> int:
        """The version."""
        ...

    @property
    def revision(self) -> int:
        """The state of the labels that its head knew."""
        ...

    @property
    def fingerprint(self) -> str:
        """The backbone that made the vectors."""
        ...


def text_of(one: Claimed) -> str | None:
    """The text to encode for an event, if it carries one."""
    event = one.event
    if isinstance(event, Message | Edit):
        return event.text
    return event.arguments if isinstance(event, Command) else None


def apply(c: Connection, claimed: Sequence[Claimed]) -> list[Stored]:
    """Write the events into the message table in the order in which they came; one row per message touched."""
    touched: dict[int, Stored] = {}
    for one in messages.record(c, [one.event for one in claimed if isinstance(one.event, Message)]):
        touched[one.id] = one
    for event in (one.event for one in claimed):
        changed = None
        if isinstance(event, Edit):
            changed = messages.edit(c, event)
        elif isinstance(event, Delete):
            changed = messages.delete(c, event)
        if changed is not None:
            touched[changed.id] = changed
    return list(touched.values())


def commit_predictions(
    c: Connection,
    served: Served,
    fresh: Sequence[Stored],
    found: Found,
    now: float,
) -> None:
    """Store vectors and predictions of messages that have none at their revision, and what the bot shows."""
    before = stored_predictions.predicted(c, [one.id for one in fresh])
    fresh = [one for one in fresh if before.get(one.id, (-1, False))[0] < one.revision]
    places = {one.ref.chat.key: one.ref.chat for one in fresh}
    modes = {key: chats.get(c, place) for key, place in places.items()}
    vectors: list[tuple[int, int, bytes]] = []
    predictions: list[Prediction] = []
    replies: list[tuple[str, Reply]] = []
    for one in fresh:
        vector, decision = found[one.text or ""]
        chat = modes[one.ref.chat.key]
        shown = decision.shown and chat is not None and chat.enabled and chat.mode == "suggest"
        vectors.append((one.id, one.revision, vector.tobytes()))
        predictions.append(prediction(served, one, decision, shown, now))
        if shown or before.get(one.id, (-1, False))[1]:
            replies.append((f"react:{one.ref.key}:{one.revision}", react(one, decision, shown)))
    stored_predictions.record_vectors(c, served.fingerprint, vectors)
    stored_predictions.record_predictions(c, predictions)
    outbox.add(c, replies, now)


def taken_back(c: Connection, wordless: Sequence[Stored]) -> list[tuple[str, Reply]]:
    """A message that an edit left without words loses the bot's emoji."""
    before = stored_predictions.predicted(c, [one.id for one in wordless])
    seen = [one for one in wordless if one.text is not None and before.get(one.id, (0, False))[1]]
    return [(f"react:{one.ref.key}:{one.revision}", React(ref=one.ref, emoji=None)) for one in seen]


def react(one: Stored, decision: Decision, shown: bool) -> React:
    """The bot's emoji for a message; none where it was sure before an edit and is not any more."""
    if not shown or decision.label is None:
        return React(ref=one.ref, emoji=None)
    label = decision.label
    return React(
        ref=one.ref,
        emoji=label.emoji,
        label=label.name,
        label_id=label.id,
        probability=decision.probability,
        guess=decision.guess,
    )


def prediction(served: Served, one: Stored, decision: Decision, shown: bool, now: float) -> Prediction:
    """What is stored about one message at its revision."""
    return Prediction(
        message=one.id,
        revision=one.revision,
        version=served.number,
        head_revision=served.revision,
        label=decision.label.id if decision.label else None,
        probability=decision.probability,
        margin=decision.margin,
        guess=decision.guess,
        shown=shown,
        at=now,
    )

"""A claimed batch on its way into the store: the messages as they stand now, what was predicted, what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from workers.core.events import Command, Delete, Edit, Message
from workers.core.i18n import say
from workers.core.replies import Post, React, Reply, answer_to
from workers.serving.decisions import Decision
from workers.serving.served_model import ServedModel
from workers.store import chats, messages, outbox
from workers.store import predictions as stored_predictions
from workers.store.inbox import Claimed
from workers.store.messages import Stored
from workers.store.predictions import Prediction

Predicted = Mapping[str, tuple[NDArray[np.float32], Decision]]
"""For each text its vector, float32 [d], and what was decided about it."""


def text_of(claimed: Claimed) -> str | None:
    """The text to encode for an event, if it carries one."""
    event = claimed.event
    if isinstance(event, Message | Edit):
        return event.text
    return event.arguments if isinstance(event, Command) else None


def record_events(c: Connection, claimed: Sequence[Claimed]) -> list[Stored]:
    """Write the events into the message table in the order in which they came; one row per message touched."""
    events = [item.event for item in claimed]
    new = messages.record(c, [event for event in events if isinstance(event, Message)])
    touched = {stored.id: stored for stored in new}
    for event in events:
        changed = None
        if isinstance(event, Edit):
            changed = messages.edit(c, event)
        elif isinstance(event, Delete):
            changed = messages.delete(c, event)
        if changed is not None:
            touched[changed.id] = changed
    return list(touched.values())


def record_predictions(
    c: Connection, model: ServedModel, stored: Sequence[Stored], predicted: Predicted, now: float
) -> None:
    """Store vectors and predictions of messages that have none at their revision, and what the bot shows."""
    before = stored_predictions.predicted(c, [message.id for message in stored])
    # An edit that changed nothing, or a batch done again, has its prediction already.
    stored = [message for message in stored if before.get(message.id, (-1, False))[0] < message.revision]
    settings = chats.by_key(c, {message.ref.chat.key for message in stored})
    vectors: list[tuple[int, int, bytes]] = []
    predictions: list[Prediction] = []
    replies: list[tuple[str, Reply]] = []
    for message in stored:
        vector, decision = predicted[message.text or ""]
        chat = settings.get(message.ref.chat.key)
        shown = decision.shown and chat is not None and chat.enabled and chat.mode == "suggest"
        vectors.append((message.id, message.revision, vector.tobytes()))
        predictions.append(prediction(model, message, decision, shown, now))
        if shown or before.get(message.id, (-1, False))[1]:
            # A key for each text, so that doing it again adds nothing.
            replies.append((f"react:{message.ref.key}:{message.revision}", reaction(message, decision, shown)))
    stored_predictions.record_vectors(c, model.backbone.fingerprint, vectors)
    stored_predictions.record_predictions(c, predictions)
    outbox.add(c, replies, now)


def prediction(model: ServedModel, message: Stored, decision: Decision, shown: bool, now: float) -> Prediction:
    """What is stored about one message at its revision."""
    return Prediction(
        message=message.id,
        revision=message.revision,
        version=model.version.id,
        head_revision=model.revision,
        label=decision.label.id if decision.label else None,
        probability=decision.probability,
        margin=decision.margin,
        guess=decision.guess,
        shown=shown,
        at=now,
    )


def reaction(message: Stored, decision: Decision, shown: bool) -> React:
    """The bot's emoji for a message; none where it was sure before an edit and is not any more."""
    if not shown or decision.label is None:
        return React(ref=message.ref, emoji=None)
    label = decision.label
    return React(
        ref=message.ref,
        emoji=label.emoji,
        label=label.name,
        label_id=label.id,
        probability=decision.probability,
        guess=decision.guess,
    )


def withdrawn_reactions(c: Connection, wordless: Sequence[Stored]) -> list[tuple[str, Reply]]:
    """A message that an edit left without words loses the bot's emoji."""
    before = stored_predictions.predicted(c, [message.id for message in wordless])
    emptied = [message for message in wordless if message.text is not None and before.get(message.id, (0, False))[1]]
    return [(f"react:{message.ref.key}:{message.revision}", React(ref=message.ref, emoji=None)) for message in emptied]


def answer_classify(c: Connection, command: Command, predicted: Predicted, language: str) -> Post:
    """The answer to `classify <text>`: the three likeliest labels. `language`: spoken where nobody enabled the chat."""
    chat = chats.get(c, command.chat)
    language = chat.language if chat else language
    _, decision = predicted.get(command.arguments, (None, None))
    if not (command.private or (chat is not None and chat.enabled)):
        text = say(language, "not_here")
    elif decision is None:
        text = say(language, "classify_empty")
    elif decision.label is None:
        text = say(language, "classify_none")
    else:
        lines = [
            say(language, "classify_line", label=label.display, percent=round(100 * probability))
            for label, probability in decision.ranked
        ]
        text = "\n".join([say(language, "guess" if decision.guess else "classified"), *lines])
    return answer_to(command, text)

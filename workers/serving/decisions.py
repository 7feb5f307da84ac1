"""From probabilities to what the bot says. No model and no queue: numbers in, a decision out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from workers.core.events import Command
from workers.core.i18n import say
from workers.core.replies import Post
from workers.store import chats
from workers.store.labels import Label

Row = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decision:
    """The likeliest label and whether the bot is sure enough to show it.

    `margin` is the distance to the second in probability, `ranked` the three likeliest.
    """

    label: Label | None
    probability: float
    margin: float
    guess: bool
    shown: bool
    ranked: tuple[tuple[Label, float], ...] = ()


def decide(
    probabilities: Row | None,
    labels: Sequence[Label],
    thresholds: Row | None,
    *,
    guess: bool,
    foreign: bool = False,
) -> Decision:
    """Choose from float32 [k] probabilities over k labels; None says that there is nothing to choose from.

    A `foreign` message seems to belong to no label: the likeliest is stored, and not shown.
    """
    if probabilities is None or thresholds is None:
        return Decision(None, 0.0, 0.0, guess, shown=False)
    order = [int(place) for place in np.argsort(-probabilities)[:3]]
    best, second = float(probabilities[order[0]]), float(probabilities[order[1]])
    ranked = tuple((labels[place], float(probabilities[place])) for place in order)
    shown = best >= float(thresholds[order[0]]) and not foreign
    return Decision(labels[order[0]], best, best - second, guess, shown, ranked)


def answer_classify(c: Connection, command: Command, decision: Decision | None, language: str) -> Post:
    """The answer to `classify <text>`: the three likeliest labels."""
    chat = chats.get(c, command.chat)
    language = chat.language if chat else language
    if chat is None or not chat.enabled:
        text = say(language, "not_here")
    elif decision is None:
        text = say(language, "classify_empty")
    elif decision.label is None:
        text = say(language, "classify_none")
    else:
        lines = [
            say(language, "classify_line", emoji=label.emoji, name=label.name, percent=round(100 * probability))
            for label, probability in decision.ranked
        ]
        text = "\n".join([say(language, "guess" if decision.guess else "classified"), *lines])
    return Post(chat=command.chat, text=text)

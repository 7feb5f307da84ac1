"""From probabilities to what the bot shows. No model, no queue and no database: numbers in, a decision out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.store.labels import Label


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
    probabilities: NDArray[np.float32] | None,
    labels: Sequence[Label],
    thresholds: NDArray[np.float32] | None,
    *,
    guess: bool,
    out_of_scope: bool = False,
) -> Decision:
    """Choose from float32 [k] probabilities over k labels; None says that there is nothing to choose from.

    A message that is out of scope seems to belong to no label: the likeliest is stored, and not shown.
    """
    if probabilities is None or thresholds is None:
        return Decision(None, 0.0, 0.0, guess, shown=False)
    order = [int(index) for index in np.argsort(-probabilities)[:3]]
    best, second = float(probabilities[order[0]]), float(probabilities[order[1]])
    ranked = tuple((labels[index], float(probabilities[index])) for index in order)
    shown = best >= float(thresholds[order[0]]) and not out_of_scope
    return Decision(labels[order[0]], best, best - second, guess, shown, ranked)

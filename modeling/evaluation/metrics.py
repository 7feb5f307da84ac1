"""How good predictions are, and whether one model may take another's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from modeling.types import Probabilities, Targets

Counts: TypeAlias = NDArray[np.float32]

BINS = 15
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One label's precision, recall and F1 over `support` messages."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Scores:
    """Accuracy, macro-F1 over the labels that occur, and expected calibration error, all from 0 to 1."""

    accuracy: float
    macro_f1: float
    ece: float
    messages: int
    per_label: dict[str, LabelScore]

    def summary(self) -> dict[str, float | int]:
        """The figures without the labels, rounded, for people and JSON lines."""
        figures = {"accuracy": self.accuracy, "macro_f1": self.macro_f1, "ece": self.ece}
        return {**{name: round(figure, 4) for name, figure in figures.items()}, "messages": self.messages}


def scores(probabilities: Probabilities, targets: Targets, labels: tuple[str, ...]) -> Scores:
    """Score probabilities [n, k] against targets [n]."""
    right, predicted, present = label_counts(probabilities, targets, np.ones((1, len(targets)), np.float32))
    f1 = f1_scores(right, predicted, present)[0]
    per_label = {
        label: LabelScore(
            precision=float(right[0, row] / max(1.0, predicted[0, row])),
            recall=float(right[0, row] / present[0, row]),
            f1=float(f1[row]),
            support=int(present[0, row]),
        )
        for row, label in enumerate(labels)
        if present[0, row]
    }
    accuracy = float((probabilities.argmax(1) == targets).mean())
    return Scores(accuracy, macro_average(f1[None], present)[0], ece(probabilities, targets), len(targets), per_label)


def scores_by_name(probabilities: Probabilities, truth: Sequence[str], labels: tuple[str, ...]) -> Scores:
    """Score probabilities [n, k] of `labels` against names; a name that the model does not know counts as wrong."""
    every = (*labels, *sorted(set(truth) - set(labels)))
    places = {label: place for place, label in enumerate(every)}
    wider = np.zeros((len(truth), len(every)), np.float32)
    wider[:, : len(labels)] = probabilities
    return scores(wider, np.array([places[name] for name in truth], np.int64), every)


def ece(probabilities: Probabilities, targets: Targets) -> float:
    """Expected calibration error in 15 equal bins of the top probability (Naeini et al. 2015; Guo et al. 2017)."""
    return float(binned_gaps(probabilities, targets, np.ones((1, len(targets)), np.float32))[0])


def macro_f1(probabilities: Probabilities, targets: Targets) -> float:
    """Macro-F1 of the most probable labels, over the labels that occur in `targets`."""
    right, predicted, present = label_counts(probabilities, targets, np.ones((1, len(targets)), np.float32))
    return float(macro_average(f1_scores(right, predicted, present), present)[0])


def macro_f1_difference(
    candidate: Probabilities, active: Probabilities, targets: Targets, seed: int = 0
) -> NDArray[np.float64]:
    """Return `RESAMPLES` paired bootstrap differences of macro-F1: both models are scored on the same resample."""
    weights = bootstrap_weights(len(targets), seed)
    ours, theirs = label_counts(candidate, targets, weights), label_counts(active, targets, weights)
    return macro_average(f1_scores(*ours), ours[2]) - macro_average(f1_scores(*theirs), theirs[2])


def bootstrap_weights(count: int, seed: int) -> Counts:
    """How often each message is drawn in each resample, float32 [RESAMPLES, n]."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(np.float32)


def label_counts(probabilities: Probabilities, targets: Targets, weights: Counts) -> tuple[Counts, Counts, Counts]:
    """Per resample and label [b, k]: how many were right, predicted, present."""
    classes = np.eye(probabilities.shape[1], dtype=np.float32)
    said, true = classes[probabilities.argmax(1)], classes[targets]
    right, predicted, present = (np.matmul(weights, each) for each in (said * true, said, true))
    return right, predicted, present


def f1_scores(right: Counts, predicted: Counts, present: Counts) -> Counts:
    """Return F1 [b, k] from how many were right, predicted and present [b, k] (counts may be weighted)."""
    return (2 * right / np.maximum(predicted + present, 1)).astype(np.float32)


def macro_average(f1: Counts, present: Counts) -> NDArray[np.float64]:
    """Return mean F1 [b] over the labels that are present."""
    there = present > 0
    return (f1 * there).sum(1, dtype=np.float64) / np.maximum(1, there.sum(1))


def binned_gaps(probabilities: Probabilities, targets: Targets, weights: Counts) -> NDArray[np.float64]:
    """Return expected calibration error [b] under the weights [b, n] of each resample."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == targets
    bins = np.eye(BINS, dtype=np.float32)[np.minimum((confidence * BINS).astype(int), BINS - 1)]
    gaps = np.abs(weights @ (bins * (confidence - right)[:, None].astype(np.float32)))
    return gaps.sum(1, dtype=np.float64) / weights.sum(1)

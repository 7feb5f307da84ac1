"""Point figures of predictions: accuracy, F1 per label and in the mean, calibration error, and labels mixed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_recall_fscore_support

from modeling import events
from modeling.types import Bins, ConfusionMatrix, Probabilities, Rows, Targets

BINS = 15
ZERO: Any = 0  # precision of a label that is never predicted; the types of scikit-learn know only "warn"


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

    def rounded(self) -> events.Scores:
        """The figures without the labels, as they are printed."""
        return events.Scores.model_validate(self.summary())

    def rounded_of(self, name: str) -> events.BaselineScores:
        """The figures of a baseline, as they are printed."""
        return events.BaselineScores.model_validate({"name": name, **self.summary()})


def scores(probabilities: Probabilities, targets: Targets, labels: tuple[str, ...]) -> Scores:
    """Score probabilities [n, k] against targets [n]; a label without a message has no figures."""
    predicted, present = probabilities.argmax(1), np.unique(targets)
    figures: Any = precision_recall_fscore_support(targets, predicted, labels=present, zero_division=ZERO)
    return Scores(
        accuracy=float((predicted == targets).mean()),
        macro_f1=macro_f1(probabilities, targets),
        ece=ece(probabilities, targets),
        messages=len(targets),
        per_label={
            labels[label]: LabelScore(float(precision), float(recall), float(f1), int(support))
            for label, precision, recall, f1, support in zip(present.tolist(), *figures, strict=True)
        },
    )


def macro_f1(probabilities: Probabilities, targets: Targets) -> float:
    """Return the mean F1 of the most probable labels, over the labels that occur in `targets`."""
    return float(
        f1_score(targets, probabilities.argmax(1), labels=np.unique(targets), average="macro", zero_division=ZERO)
    )


def ece(probabilities: Probabilities, targets: Targets) -> float:
    """Return the expected calibration error in 15 equal bins of the top probability.

    It is the mean distance between confidence and accuracy (Naeini et al. 2015; Guo et al. 2017).
    """
    bins, gaps = confidence_gaps(probabilities, targets)
    return float(binned_error(bins, gaps, np.arange(len(targets))[None])[0])


def confidence_gaps(probabilities: Probabilities, targets: Targets) -> tuple[Bins, NDArray[np.float64]]:
    """Return each message's bin [n], by its top probability, and that probability less 1 if it is correct, else 0."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == targets
    # A probability of exactly 1 belongs to the last bin.
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return bins, (confidence - correct).astype(np.float64)


def binned_error(bins: Bins, gaps: NDArray[np.float64], rows: Rows) -> NDArray[np.float64]:
    """Return the calibration error [b] of each of b samples of messages, `rows` [b, n]."""
    # Each sample has bins of its own, so that one bincount does for all.
    cells = bins[rows] + BINS * np.arange(len(rows))[:, None]
    sums = np.bincount(cells.ravel(), gaps[rows].ravel(), minlength=BINS * len(rows)).reshape(len(rows), BINS)
    return np.abs(sums).sum(1) / rows.shape[1]


def most_confused(matrix: ConfusionMatrix, most: int) -> Rows:
    """Return up to `most` labels, as ordered in the label set: those of the most frequent mix-ups, then the largest."""
    both = np.triu(matrix + matrix.T, 1)
    chosen: dict[int, None] = {}
    for cell in np.argsort(-both, axis=None, kind="stable")[: np.count_nonzero(both)]:
        pair = [int(label) for label in np.unravel_index(cell, both.shape)]
        # A pair is taken whole or not at all: half of a mix-up shows nothing.
        if len(set(chosen) | set(pair)) <= most:
            chosen.update(dict.fromkeys(pair))
    for label in np.argsort(-matrix.sum(1), kind="stable"):
        if len(chosen) < most and matrix[label].sum():
            chosen.setdefault(int(label))
    return np.array(sorted(chosen), np.int64)

"""What share of predictions is right, in all and per label, with bootstrap intervals; and which labels are confused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modeling.evaluation.bootstrap import Draws, Interval, cell_draws, interval, row_draws
from modeling.evaluation.metrics import BINS
from modeling.types import Bins, ConfusionMatrix, Predicted, Probabilities, Rows, Targets


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """Precision, recall and F1 of a label that `support` messages carry."""

    precision: Interval
    recall: Interval
    f1: Interval
    support: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Accuracy and macro averages over the labels that occur; `per_label` by a label's place in the label set."""

    accuracy: Interval
    macro_precision: Interval
    macro_recall: Interval
    macro_f1: Interval
    per_label: dict[int, LabelFigures]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each label was right, said and true: [b, k] for b resamples, the sample itself first."""

    right: Draws
    said: Draws
    true: Draws

    @property
    def precision(self) -> Draws:
        """Share of right answers among those that say a label; 0 where none does."""
        return self.right / np.maximum(self.said, 1)

    @property
    def recall(self) -> Draws:
        """Share of a label's messages that were found; NaN where there are none."""
        return self._where_true(self.right / np.maximum(self.true, 1))

    @property
    def f1(self) -> Draws:
        """Harmonic mean of precision and recall; NaN where a label has no messages."""
        return self._where_true(2 * self.right / np.maximum(self.said + self.true, 1))

    @property
    def accuracy(self) -> Draws:
        """Share of right answers, [b]."""
        return self.right.sum(1) / self.true.sum(1)

    def macro(self, each: Draws) -> Draws:
        """Mean over the labels that occur in a resample, [b]."""
        there = self.true > 0
        return np.where(there, each, 0).sum(1) / np.maximum(there.sum(1), 1)

    def _where_true(self, each: Draws) -> Draws:
        return np.where(self.true > 0, each, np.nan)


def counted(said: Predicted, true: Targets, drawn: Draws, classes: int) -> Counts:
    """Count what c kinds of messages [c] with these labels add up to in draws [b, c]."""
    names = np.arange(classes)
    is_said, is_true = (np.equal.outer(each, names).astype(np.float64) for each in (said, true))
    return Counts(drawn @ (is_said * is_true), drawn @ is_said, drawn @ is_true)


def figures(said: Predicted, true: Targets, classes: int, seed: int = 0) -> Figures:
    """Measure labels [n] that were said against the true ones [n], both places in a label set of `classes`."""
    kinds, drawn = cell_draws(true * classes + said, seed)
    counts = counted(kinds % classes, kinds // classes, drawn, classes)
    precision, recall, f1 = counts.precision, counts.recall, counts.f1
    per_label = {
        int(label): LabelFigures(
            interval(precision[:, label]),
            interval(recall[:, label]),
            interval(f1[:, label]),
            int(counts.true[0, label]),
        )
        for label in np.flatnonzero(counts.true[0])
    }
    return Figures(
        accuracy=interval(counts.accuracy),
        macro_precision=interval(counts.macro(precision)),
        macro_recall=interval(counts.macro(recall)),
        macro_f1=interval(counts.macro(f1)),
        per_label=per_label,
    )


def confusion(said: Predicted, true: Targets, classes: int) -> ConfusionMatrix:
    """Return how often each label was taken for each other, int [true, said]."""
    return np.bincount(true * classes + said, minlength=classes * classes).reshape(classes, classes)


def most_confused(matrix: ConfusionMatrix, most: int) -> Targets:
    """Return up to `most` labels, as ordered in the label set: those of the most frequent mix-ups, then the largest."""
    both = np.triu(matrix + matrix.T, 1)
    chosen: dict[int, None] = {}
    for cell in np.argsort(-both, axis=None, kind="stable")[: np.count_nonzero(both)]:
        pair = [int(place) for place in np.unravel_index(cell, both.shape)]
        if len(set(chosen) | set(pair)) <= most:
            chosen.update(dict.fromkeys(pair))
    for label in np.argsort(-matrix.sum(1), kind="stable"):
        if len(chosen) < most and matrix[label].sum():
            chosen.setdefault(int(label))
    return np.array(sorted(chosen), np.int64)


def calibration_error(probabilities: Probabilities, true: Targets, seed: int = 0) -> Interval:
    """Return the expected calibration error in 15 equal bins of the top probability, with its interval.

    Chance adds to every bin's gap, so an honest model's interval lies a little above its figure.
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == true
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = (confidence - right).astype(np.float64)
    itself = np.arange(len(true))[None]
    return interval(np.concatenate([_errors(bins, gaps, rows) for rows in _first(itself, row_draws(len(true), seed))]))


def _first(one: Rows, more: Iterator[Rows]) -> Iterator[Rows]:
    yield one
    yield from more


def _errors(bins: Bins, gaps: Draws, rows: Rows) -> Draws:
    """The calibration error of each row of drawn messages [b, n]."""
    place = bins[rows] + BINS * np.arange(len(rows))[:, None]
    sums = np.bincount(place.ravel(), gaps[rows].ravel(), minlength=BINS * len(rows)).reshape(len(rows), BINS)
    return np.abs(sums).sum(1) / rows.shape[1]

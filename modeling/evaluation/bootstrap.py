"""How sure a figure is: percentile bootstrap over messages (Efron and Tibshirani 1993), drawn with a seed.

Two models are compared on the same draws of messages (paired bootstrap): what both find hard costs no certainty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeling.evaluation.metrics import binned_error, confidence_gaps
from modeling.types import Groups, Predicted, Probabilities, Rows, Targets

RESAMPLES = 1000
LEVEL = 0.95
METHOD = f"percentile bootstrap over messages, {RESAMPLES} resamples, {LEVEL:.0%}"
AT_ONCE = 4_000_000  # numbers in memory at a time, however many messages there are

Draws = NDArray[np.float64]  # [1 + RESAMPLES, ...]: a figure of the sample itself, then of every resample


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its interval."""

    value: float
    low: float
    high: float

    def summary(self) -> list[float]:
        """The value and both ends, rounded."""
        return [round(number, 4) for number in (self.value, self.low, self.high)]


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """Precision, recall and F1 of a label that `support` messages carry."""

    precision: Interval
    recall: Interval
    f1: Interval
    support: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Accuracy and macro averages over the labels that occur; `per_label` by a label's position in the label set."""

    accuracy: Interval
    macro_precision: Interval
    macro_recall: Interval
    macro_f1: Interval
    per_label: dict[int, LabelFigures]


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """How often each label was correctly predicted, predicted, and true: [1 + RESAMPLES, k] each."""

    correct: Draws
    predicted: Draws
    true: Draws

    @property
    def accuracy(self) -> Draws:
        """Share of correct predictions, [b]."""
        return self.correct.sum(1) / self.true.sum(1)

    @property
    def precision(self) -> Draws:
        """Share of correct ones among the predictions of a label, [b, k]; 0 where there are none."""
        return self.correct / np.maximum(self.predicted, 1)

    @property
    def recall(self) -> Draws:
        """Share of correctly predicted ones among a label's messages, [b, k]; NaN where there are none."""
        return self._where_true(self.correct / np.maximum(self.true, 1))

    @property
    def f1(self) -> Draws:
        """Harmonic mean of precision and recall, [b, k]; NaN where a label has no messages."""
        return self._where_true(2 * self.correct / np.maximum(self.predicted + self.true, 1))

    def macro(self, figures: Draws) -> Draws:
        """Mean [b] of figures [b, k] over the labels that occur in a resample."""
        occurs = self.true > 0
        # A product with `occurs` would keep the NaN of labels that do not occur.
        return np.where(occurs, figures, 0).sum(1) / np.maximum(occurs.sum(1), 1)

    def _where_true(self, figures: Draws) -> Draws:
        return np.where(self.true > 0, figures, np.nan)


@dataclass(frozen=True, slots=True)
class Differences:
    """Our figures less theirs on the same draws: accuracy and macro-F1 [b], F1 of every label [b, k]."""

    accuracy: Draws
    macro_f1: Draws
    f1: Draws


def interval(drawn: Draws, level: float = LEVEL) -> Interval:
    """Return the interval of draws [1 + RESAMPLES] whose first is the figure itself; NaN draws say nothing."""
    numbers = drawn[1:][~np.isnan(drawn[1:])]
    low, high = np.quantile(numbers, ((1 - level) / 2, (1 + level) / 2)) if len(numbers) else (np.nan, np.nan)
    return Interval(float(drawn[0]), float(low), float(high))


def figures(predicted: Predicted, targets: Targets, classes: int, seed: int = 0) -> Figures:
    """Measure predicted labels [n] against the true ones [n], both positions in a label set of `classes`."""
    # One number for each pair of labels, taken apart again below.
    kinds, drawn = kind_draws(targets * classes + predicted, seed)
    counts = _counts(kinds % classes, kinds // classes, drawn, classes)
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


def differences(ours: Predicted, theirs: Predicted, targets: Targets, classes: int, seed: int = 0) -> Differences:
    """Compare two models' predicted labels [n] for the same messages, positions in one label set of `classes`."""
    kinds, drawn = kind_draws((targets * classes + ours) * classes + theirs, seed)
    true = kinds // classes**2
    first, second = (
        _counts(predicted, true, drawn, classes) for predicted in (kinds // classes % classes, kinds % classes)
    )
    return Differences(
        accuracy=first.accuracy - second.accuracy,
        macro_f1=first.macro(first.f1) - second.macro(second.f1),
        f1=first.f1 - second.f1,
    )


def macro_f1_difference(ours: Probabilities, theirs: Probabilities, targets: Targets, seed: int = 0) -> Draws:
    """Return our macro-F1 less theirs [1 + RESAMPLES], from probabilities [n, k] for the same messages."""
    return differences(ours.argmax(1), theirs.argmax(1), targets, ours.shape[1], seed).macro_f1


def calibration_error(probabilities: Probabilities, targets: Targets, seed: int = 0) -> Interval:
    """Return the expected calibration error with its interval.

    Chance adds to every bin's gap, so a well calibrated model's interval lies a little above its figure.
    """
    return interval(_errors(probabilities, targets, seed))


def calibration_difference(ours: Probabilities, theirs: Probabilities, targets: Targets, seed: int = 0) -> Interval:
    """Return our expected calibration error less theirs, on the same draws of messages."""
    return interval(_errors(ours, targets, seed) - _errors(theirs, targets, seed))


def kind_draws(kinds: Groups, seed: int) -> tuple[Groups, Draws]:
    """Return the different kinds of messages [c] and how often each is drawn [1 + RESAMPLES, c].

    Drawing messages with replacement is drawing kinds from a multinomial distribution, so the time depends on the
    number of kinds and not on that of messages.
    """
    names, counts = np.unique(kinds, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(kinds), counts / len(kinds), size=RESAMPLES)
    return names, np.concatenate([counts[None], drawn]).astype(np.float64)


def row_draws(count: int, seed: int) -> Iterator[Rows]:
    """Yield rows [b, n] of `count` messages drawn with replacement, RESAMPLES in all; a portion fits into memory."""
    rng, left = np.random.default_rng(seed), RESAMPLES
    while left:
        portion = min(left, max(1, AT_ONCE // count))
        yield rng.integers(0, count, (portion, count))
        left -= portion


def _counts(predicted: Predicted, true: Targets, drawn: Draws, classes: int) -> LabelCounts:
    """Count what c kinds of messages [c] with these labels add up to in draws [b, c]."""
    names = np.arange(classes)
    is_predicted, is_true = (np.equal.outer(labels, names).astype(np.float64) for labels in (predicted, true))
    return LabelCounts(drawn @ (is_predicted * is_true), drawn @ is_predicted, drawn @ is_true)


def _errors(probabilities: Probabilities, targets: Targets, seed: int) -> Draws:
    bins, gaps = confidence_gaps(probabilities, targets)
    itself = np.arange(len(targets))[None]
    resampled = (binned_error(bins, gaps, rows) for rows in row_draws(len(targets), seed))
    return np.concatenate([binned_error(bins, gaps, itself), *resampled])

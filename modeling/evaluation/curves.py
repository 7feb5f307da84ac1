"""What probabilities are worth: reliability, precision against coverage, and telling out-of-scope messages apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from modeling.evaluation.bootstrap import Draws, Interval, interval, kind_draws
from modeling.evaluation.metrics import BINS, confidence_gaps
from modeling.types import Mask, Probabilities, Targets, Thresholds

POINTS = 101  # of a curve: as many as a picture can show
LEVELS = 4096
WANTED = (0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Bin:
    """The messages whose top probability lies from `low` to `high`: its mean confidence and its accuracy."""

    low: float
    high: float
    messages: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speaking only from a probability of `threshold` on: the share of messages answered, and of correct answers."""

    threshold: float
    coverage: float
    precision: float


@dataclass(frozen=True, slots=True)
class OutOfScopeFigures:
    """How well a score tells out-of-scope messages (the positives) from the others; 0.5 of `auroc` is guessing."""

    messages: int
    auroc: Interval
    auprc: Interval


def reliability(probabilities: Probabilities, targets: Targets) -> list[Bin]:
    """Return the bins of a reliability diagram that hold messages (Niculescu-Mizil and Caruana 2005)."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == targets
    bins, _ = confidence_gaps(probabilities, targets)
    return [
        Bin(
            number / BINS,
            (number + 1) / BINS,
            int((bins == number).sum()),
            float(confidence[bins == number].mean()),
            float(correct[bins == number].mean()),
        )
        for number in np.unique(bins).tolist()
    ]


def coverage(probabilities: Probabilities, targets: Targets) -> list[Spoken]:
    """Return at most POINTS points of the curve, surest answers first; equal probabilities are spoken together."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == targets
    order = np.argsort(-confidence, kind="stable")
    confidence, hits = confidence[order], np.cumsum(correct[order])
    # The last of equal probabilities: no threshold can part them.
    last = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))
    kept = last[np.unique(np.linspace(0, len(last) - 1, POINTS).round().astype(int))]
    return [Spoken(float(confidence[at]), (at + 1) / len(targets), float(hits[at] / (at + 1))) for at in kept.tolist()]


def at_thresholds(
    probabilities: Probabilities, targets: Targets, thresholds: Thresholds, silenced: Mask | None = None
) -> Spoken:
    """Return what is spoken when every label keeps to its own threshold [k]; `threshold` is their median.

    About `silenced` messages, bool [n], nothing is said however sure the model is.
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    spoken = confidence >= thresholds[predicted]
    if silenced is not None:
        spoken &= ~silenced
    precision = float((predicted == targets)[spoken].mean()) if spoken.any() else 0.0
    return Spoken(float(np.median(thresholds)), float(spoken.mean()), precision)


def widest(curve: list[Spoken], precision: float) -> Spoken | None:
    """Return the point of the curve with the largest coverage at this precision or more, if it has any."""
    return max(
        (point for point in curve if point.precision >= precision), key=lambda point: point.coverage, default=None
    )


def out_of_scope(inside: NDArray[np.floating], outside: NDArray[np.floating], seed: int = 0) -> OutOfScopeFigures:
    """Measure scores of messages inside [n] and outside [m] of the labels; higher should mean outside.

    Area under the ROC curve, and average precision with the out-of-scope messages as positives, both with intervals
    from resampling the two kinds separately, on at most LEVELS levels of the score.
    """
    scores = np.concatenate([inside, outside])
    positive = np.arange(len(scores)) >= len(inside)
    negatives, positives = _by_level(scores, len(inside), seed)
    auroc, auprc = interval(_auroc(negatives, positives)), interval(_auprc(negatives, positives))
    return OutOfScopeFigures(
        len(outside),
        # The figures themselves are exact; levels only make their intervals quick.
        replace(auroc, value=float(roc_auc_score(positive, scores))),
        replace(auprc, value=float(average_precision_score(positive, scores))),
    )


def _by_level(scores: NDArray[np.floating], inside: int, seed: int) -> tuple[Draws, Draws]:
    """Counts of both kinds at each level of the score, highest first: two arrays [1 + RESAMPLES, s]."""
    levels = np.unique(scores)
    if len(levels) > LEVELS:
        levels = levels[np.linspace(0, len(levels) - 1, LEVELS).round().astype(int)]
    positions = np.searchsorted(-levels[::-1], -scores, side="right") - 1
    counts: list[Draws] = []
    # Two seeds, or chance would move both kinds alike.
    for part, part_seed in ((positions[:inside], seed), (positions[inside:], seed + 1)):
        kinds, drawn = kind_draws(part, part_seed)
        spread = np.zeros((len(drawn), len(levels)))
        spread[:, kinds] = drawn
        counts.append(spread)
    return counts[0], counts[1]


def _auroc(negative: Draws, positive: Draws) -> Draws:
    lower = negative.sum(1, keepdims=True) - np.cumsum(negative, axis=1)
    # A tie counts as half, as in the Mann-Whitney statistic, which the area is.
    pairs = (positive * (lower + negative / 2)).sum(1)
    return pairs / (negative.sum(1) * positive.sum(1))


def _auprc(negative: Draws, positive: Draws) -> Draws:
    """Average precision: the precision at each level, weighted by the recall gained there."""
    detected = np.cumsum(positive, axis=1)
    precision = detected / np.maximum(detected + np.cumsum(negative, axis=1), 1)
    return (precision * positive).sum(1) / positive.sum(1)

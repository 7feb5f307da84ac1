"""How good predictions are, and whether one model may take another's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from modeling.logistic import Targets, Vectors

BINS = 15
RESAMPLES = 1000
MARGIN = 0.005  # a candidate may be this much worse in macro-F1 at the lower end of its interval
LABEL_SUPPORT, LABEL_LOSS = 30, 0.03
CALIBRATION_SLACK = 0.01


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


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a candidate takes over: macro-F1 `difference` with the ends `low` and `high` of its 95% interval."""

    promote: bool
    reason: str
    difference: float
    low: float
    high: float
    messages: int

    def summary(self) -> dict[str, float | int | bool | str]:
        """The gate as plain values."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def scores(probabilities: Vectors, targets: Targets, labels: tuple[str, ...]) -> Scores:
    """Score probabilities [n, k] against targets [n]."""
    right, predicted, present = _counts(probabilities, targets, np.ones((1, len(targets)), np.float32))
    f1 = _f1(right, predicted, present)[0]
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
    return Scores(accuracy, _macro(f1[None], present)[0], ece(probabilities, targets), len(targets), per_label)


def scores_by_name(probabilities: Vectors, truth: Sequence[str], labels: tuple[str, ...]) -> Scores:
    """Score probabilities [n, k] of `labels` against names; a name that the model does not know counts as wrong."""
    every = (*labels, *sorted(set(truth) - set(labels)))
    places = {label: place for place, label in enumerate(every)}
    wider = np.zeros((len(truth), len(every)), np.float32)
    wider[:, : len(labels)] = probabilities
    return scores(wider, np.array([places[name] for name in truth], np.int64), every)


def ece(probabilities: Vectors, targets: Targets) -> float:
    """Expected calibration error in 15 equal bins of the top probability (Naeini et al. 2015; Guo et al. 2017)."""
    return float(_ece(probabilities, targets, np.ones((1, len(targets)), np.float32))[0])


def macro_f1(probabilities: Vectors, targets: Targets) -> float:
    """Macro-F1 of the most probable labels, over the labels that occur in `targets`."""
    right, predicted, present = _counts(probabilities, targets, np.ones((1, len(targets)), np.float32))
    return float(_macro(_f1(right, predicted, present), present)[0])


def macro_f1_difference(candidate: Vectors, active: Vectors, targets: Targets, seed: int = 0) -> NDArray[np.float64]:
    """Return `RESAMPLES` paired bootstrap differences of macro-F1: both models are scored on the same resample."""
    weights = _resamples(len(targets), seed)
    ours, theirs = _counts(candidate, targets, weights), _counts(active, targets, weights)
    return _macro(_f1(*ours), ours[2]) - _macro(_f1(*theirs), theirs[2])


def gate(candidate: Vectors, active: Vectors, targets: Targets, labels: tuple[str, ...] = (), seed: int = 0) -> Gate:
    """Decide from both models' probabilities [n, k] for the same messages whether the candidate is promoted.

    Promoted when (1) the lower end of the paired bootstrap interval of the macro-F1 difference lies above -0.5 points,
    (2) no label with 30 or more messages lost more than 3 points of F1, and (3) the calibration error is no worse.
    One message more or less moves (2) by 3 points at 30 messages, and (3) is never exactly equal; so each counts only
    where the bootstrap says that it is not noise: the loss of a label at 5% divided by the number of labels looked at,
    the calibration error at 2.5% and by more than one point.
    """
    weights = _resamples(len(targets), seed)
    ones = np.ones((1, len(targets)), np.float32)
    ours, theirs = _counts(candidate, targets, weights), _counts(active, targets, weights)
    drawn = _macro(_f1(*ours), ours[2]) - _macro(_f1(*theirs), theirs[2])
    low, high = (float(end) for end in np.quantile(drawn, (0.025, 0.975)))
    difference = macro_f1(candidate, targets) - macro_f1(active, targets)
    exact = _f1(*_counts(candidate, targets, ones))[0] - _f1(*_counts(active, targets, ones))[0]
    lost = _lost_label(_f1(*ours) - _f1(*theirs), exact, targets, labels)
    calibration = ece(candidate, targets) - ece(active, targets)
    noise = _ece(candidate, targets, weights) - _ece(active, targets, weights)
    worse = calibration > CALIBRATION_SLACK and float(np.quantile(noise, 0.025)) > 0
    figures = f"macro-F1 {_points(difference)} ({_points(low)} to {_points(high)}) on {len(targets)} messages"
    if low <= -MARGIN:
        reason = f"Kept the active model: the candidate may be worse, {figures}."
    elif lost:
        reason = f"Kept the active model: the candidate lost {lost}, though {figures}."
    elif worse:
        reason = f"Kept the active model: the candidate's probabilities are less honest ({_points(calibration)} ECE)."
    else:
        reason = f"The candidate is {'better' if low > 0 else 'no worse'}: {figures}."
    return Gate(low > -MARGIN and not lost and not worse, reason, difference, low, high, len(targets))


def _lost_label(drawn: Vectors, exact: Vectors, targets: Targets, labels: tuple[str, ...]) -> str:
    """Name the label that lost most, if it lost more than 3 points and not by chance."""
    support = np.bincount(targets, minlength=len(exact))
    looked_at = np.flatnonzero(support >= LABEL_SUPPORT)
    if not len(looked_at):
        return ""
    ends = np.quantile(drawn[:, looked_at], 1 - 0.05 / len(looked_at), axis=0)
    lost = looked_at[(exact[looked_at] < -LABEL_LOSS) & (ends < 0)]
    if not len(lost):
        return ""
    worst = int(lost[np.argmin(exact[lost])])
    name = f'"{labels[worst]}"' if worst < len(labels) else f"number {worst}"
    return f"{_points(float(exact[worst]))} F1 of the label {name}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"


def _resamples(count: int, seed: int) -> Vectors:
    """How often each message is drawn in each resample, float32 [RESAMPLES, n]."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(np.float32)


def _counts(probabilities: Vectors, targets: Targets, weights: Vectors) -> tuple[Vectors, Vectors, Vectors]:
    """Per resample and label [b, k]: how many were right, predicted, present."""
    classes = np.eye(probabilities.shape[1], dtype=np.float32)
    said, true = classes[probabilities.argmax(1)], classes[targets]
    right, predicted, present = (np.matmul(weights, each) for each in (said * true, said, true))
    return right, predicted, present


def _f1(right: Vectors, predicted: Vectors, present: Vectors) -> Vectors:
    return (2 * right / np.maximum(predicted + present, 1)).astype(np.float32)


def _macro(f1: Vectors, present: Vectors) -> NDArray[np.float64]:
    there = present > 0
    return (f1 * there).sum(1, dtype=np.float64) / np.maximum(1, there.sum(1))


def _ece(probabilities: Vectors, targets: Targets, weights: Vectors) -> NDArray[np.float64]:
    confidence, right = probabilities.max(1), probabilities.argmax(1) == targets
    bins = np.eye(BINS, dtype=np.float32)[np.minimum((confidence * BINS).astype(int), BINS - 1)]
    gaps = np.abs(weights @ (bins * (confidence - right)[:, None].astype(np.float32)))
    return gaps.sum(1, dtype=np.float64) / weights.sum(1)

"""Whether a candidate may take the place of the model at work: the promotion gate."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from modeling.evaluation.metrics import (
    Counts,
    binned_gaps,
    bootstrap_weights,
    ece,
    f1_scores,
    label_counts,
    macro_average,
    macro_f1,
)
from modeling.types import Probabilities, Targets

MARGIN = 0.005  # a candidate may be this much worse in macro-F1 at the lower end of its interval
LABEL_SUPPORT, LABEL_LOSS = 30, 0.03
CALIBRATION_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class PromotionGate:
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


def promotion_gate(
    candidate: Probabilities, active: Probabilities, targets: Targets, labels: tuple[str, ...] = (), seed: int = 0
) -> PromotionGate:
    """Decide from both models' probabilities [n, k] for the same messages whether the candidate is promoted.

    Promoted when (1) the lower end of the paired bootstrap interval of the macro-F1 difference lies above -0.5 points,
    (2) no label with 30 or more messages lost more than 3 points of F1, and (3) the calibration error is no worse.
    One message more or less moves (2) by 3 points at 30 messages, and (3) is never exactly equal; so each counts only
    where the bootstrap says that it is not noise: the loss of a label at 5% divided by the number of labels looked at,
    the calibration error at 2.5% and by more than one point.
    """
    weights = bootstrap_weights(len(targets), seed)
    ones = np.ones((1, len(targets)), np.float32)
    ours, theirs = label_counts(candidate, targets, weights), label_counts(active, targets, weights)
    drawn = macro_average(f1_scores(*ours), ours[2]) - macro_average(f1_scores(*theirs), theirs[2])
    low, high = (float(end) for end in np.quantile(drawn, (0.025, 0.975)))
    difference = macro_f1(candidate, targets) - macro_f1(active, targets)
    exact = f1_scores(*label_counts(candidate, targets, ones))[0] - f1_scores(*label_counts(active, targets, ones))[0]
    lost = _lost_label(f1_scores(*ours) - f1_scores(*theirs), exact, targets, labels)
    calibration = ece(candidate, targets) - ece(active, targets)
    noise = binned_gaps(candidate, targets, weights) - binned_gaps(active, targets, weights)
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
    return PromotionGate(low > -MARGIN and not lost and not worse, reason, difference, low, high, len(targets))


def _lost_label(drawn: Counts, exact: Counts, targets: Targets, labels: tuple[str, ...]) -> str:
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

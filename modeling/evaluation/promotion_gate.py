"""Whether a candidate may take the place of the model at work: the promotion gate."""

from __future__ import annotations

import numpy as np

from modeling.evaluation.bootstrap import Draws, calibration_difference, differences, interval
from modeling.events import Gate
from modeling.sentences.catalogue import sentence
from modeling.types import Probabilities, Targets

FEWEST = 30  # messages; on fewer, two models that say the same of all of them would pass for equally good
MARGIN = 0.005  # a candidate may be this much worse in macro-F1 at the lower end of its interval
LABEL_SUPPORT, LABEL_LOSS = 30, 0.03
CALIBRATION_SLACK = 0.01


def promotion_gate(
    candidate: Probabilities, active: Probabilities, targets: Targets, labels: tuple[str, ...] = (), seed: int = 0
) -> Gate:
    """Decide from both models' probabilities [n, k] for the same messages whether the candidate is promoted.

    Promoted when (1) the lower end of the paired bootstrap interval of the macro-F1 difference lies above -0.5 points,
    (2) no label with 30 or more messages lost more than 3 points of F1, and (3) the calibration error is no worse;
    never on fewer than 30 messages, which are too few to tell.
    One message more or less moves (2) by 3 points at 30 messages, and (3) is never exactly equal; so each counts only
    where the bootstrap says that it is not noise: the loss of a label at 5% divided by the number of labels looked at,
    the calibration error at 2.5% and by more than one point.
    """
    drawn = differences(candidate.argmax(1), active.argmax(1), targets, candidate.shape[1], seed)
    macro_f1, error = interval(drawn.macro_f1), calibration_difference(candidate, active, targets, seed)
    difference, low, high, calibration = macro_f1.value, macro_f1.low, macro_f1.high, error.value
    lost = _lost_label(drawn.f1, targets, labels)
    worse = calibration > CALIBRATION_SLACK and error.low > 0
    figures = {"difference": _points(difference), "low": _points(low), "high": _points(high), "messages": len(targets)}
    too_few = len(targets) < FEWEST
    if too_few:
        reason = sentence("gate_too_few", fewest=FEWEST, **figures)
    elif low <= -MARGIN:
        reason = sentence("gate_may_be_worse", **figures)
    elif lost:
        reason = sentence("gate_label_lost", label=lost[0], lost=_points(lost[1]), **figures)
    elif worse:
        reason = sentence("gate_worse_calibrated", ece=_points(calibration))
    else:
        reason = sentence("gate_better" if low > 0 else "gate_no_worse", **figures)
    return Gate(
        promote=not too_few and low > -MARGIN and not lost and not worse,
        reason=reason,
        difference=round(difference, 4),
        low=round(low, 4),
        high=round(high, 4),
        messages=len(targets),
    )


def _lost_label(drawn: Draws, targets: Targets, labels: tuple[str, ...]) -> tuple[str, float] | None:
    """Return the label that lost most and its change in F1, if it lost more than 3 points and not by chance."""
    exact, support = drawn[0], np.bincount(targets, minlength=drawn.shape[1])
    looked_at = np.flatnonzero(support >= LABEL_SUPPORT)
    if not len(looked_at):
        return None
    # One-sided, at 5% divided by the labels looked at (Bonferroni); NaN where a draw lacks the label.
    ends = np.nanquantile(drawn[1:, looked_at], 1 - 0.05 / len(looked_at), axis=0)
    lost = looked_at[(exact[looked_at] < -LABEL_LOSS) & (ends < 0)]
    if not len(lost):
        return None
    worst = int(lost[np.argmin(exact[lost])])
    return labels[worst] if worst < len(labels) else str(worst), float(exact[worst])


def _points(share: float) -> float:
    return round(100 * share, 2)

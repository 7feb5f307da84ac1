"""Two models on the same messages: which is correct more often, and whether that could be chance."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binomtest, chi2

from modeling.evaluation.bootstrap import Interval, differences, interval
from modeling.types import Predicted, Targets

EXACT_BELOW = 25  # messages that only one of the two predicted correctly; with more, chi-squared is as good as exact


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test (1947): `ours` and `theirs` count the messages that only this model predicted correctly."""

    ours: int
    theirs: int
    p: float
    method: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our figures less theirs, with intervals from drawing the same messages for both."""

    accuracy: Interval
    macro_f1: Interval
    mcnemar: McNemar


def mcnemar(ours: int, theirs: int) -> McNemar:
    """Test whether both are wrong equally often: exact binomial for small counts, else chi-squared, corrected."""
    different = ours + theirs
    if different < EXACT_BELOW:
        p = float(binomtest(ours, different, 0.5).pvalue) if different else 1.0
        return McNemar(ours, theirs, p, "exact binomial")
    statistic = max(0, abs(ours - theirs) - 1) ** 2 / different  # Edwards' correction (1948)
    return McNemar(ours, theirs, float(chi2.sf(statistic, 1)), "chi-squared with continuity correction")


def compare(ours: Predicted, theirs: Predicted, targets: Targets, classes: int, seed: int = 0) -> Comparison:
    """Compare two models' labels [n] for the same messages, positions in one label set of `classes`."""
    drawn = differences(ours, theirs, targets, classes, seed)
    only_ours = (ours == targets) & (theirs != targets)
    only_theirs = (theirs == targets) & (ours != targets)
    return Comparison(
        interval(drawn.accuracy),
        interval(drawn.macro_f1),
        mcnemar(int(only_ours.sum()), int(only_theirs.sum())),
    )

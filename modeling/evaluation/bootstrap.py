"""How sure a figure is: percentile bootstrap over messages (Efron and Tibshirani 1993), drawn with a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeling.types import Groups, Rows

RESAMPLES = 1000
LEVEL = 0.95
METHOD = f"percentile bootstrap over messages, {RESAMPLES} resamples, {LEVEL:.0%}"
AT_ONCE = 4_000_000  # numbers in memory at a time, however many messages there are

Draws = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its 95% interval."""

    value: float
    low: float
    high: float

    def summary(self) -> list[float]:
        """The value and both ends, rounded."""
        return [round(each, 4) for each in (self.value, self.low, self.high)]


def interval(drawn: Draws) -> Interval:
    """Return the interval of draws [1 + RESAMPLES] whose first is the figure itself; NaN draws say nothing."""
    said = drawn[1:][~np.isnan(drawn[1:])]
    low, high = np.quantile(said, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) if len(said) else (np.nan, np.nan)
    return Interval(float(drawn[0]), float(low), float(high))


def cell_draws(cells: Groups, seed: int) -> tuple[Groups, Draws]:
    """Return the kinds of messages [c] and how often each is drawn [1 + RESAMPLES, c]; row 0 is the sample itself.

    Drawing messages with replacement is drawing kinds from a multinomial distribution, so the time depends on the
    number of kinds and not on that of messages.
    """
    kinds, counts = np.unique(cells, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(cells), counts / len(cells), size=RESAMPLES)
    return kinds, np.concatenate([counts[None], drawn]).astype(np.float64)


def row_draws(count: int, seed: int) -> Iterator[Rows]:
    """Yield rows [b, n] of `count` messages drawn with replacement, RESAMPLES in all; a portion fits into memory."""
    rng, left = np.random.default_rng(seed), RESAMPLES
    while left:
        portion = min(left, max(1, AT_ONCE // count))
        yield rng.integers(0, count, (portion, count))
        left -= portion

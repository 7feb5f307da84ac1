"""A sample of the labelled messages, for a fit that takes no longer the more of them there are.

Every label gets about the same number, which is best for the rare ones; what that distorts, how probable a label is
before anything was read, is known and put right by a constant for each label (Prentice and Pyke 1979; King and Zeng
2001). The newest are always among them, so that the latest word counts. Which others are depends on their numbers
alone: one example more or less changes a few rows of the sample, and one that was withdrawn leaves no trace in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeling.types import Counts, Mask, Numbers, Rows, Targets

MOST = 8192  # up to so many labelled messages, all are taken; up to half as many where there are very many labels
LOGITS = 1_200_000  # examples times labels: what a fit has the time for
NEWEST = 256


@dataclass(frozen=True, slots=True)
class Sample:
    """`rows` [m] are positions, ascending; `counts` [k] says how many examples each label has in all.

    `counts` is None where every example was taken.
    """

    rows: Rows
    counts: Counts | None


def affordable(classes: int) -> int:
    """Return how many examples a fit of so many labels may have, to end within a fraction of a second."""
    return min(MOST, max(MOST // 2, LOGITS // max(1, classes)))


def sample(numbers: Numbers, targets: Targets, changed: Numbers, classes: int, most: int | None = None) -> Sample:
    """Return at most about `most` of n examples, of every label alike, and the NEWEST by (`changed`, `numbers`).

    By default as many as are `affordable`. `numbers` int64 [n] name the examples, `targets` [n] are below `classes`,
    `changed` int64 [n] grows with time.
    """
    most = affordable(classes) if most is None else most
    if len(targets) <= most:
        return Sample(np.arange(len(targets)), None)
    counts = np.bincount(targets, minlength=classes)
    chosen = _first_of_each(targets, _shuffled(numbers), counts, _quota(counts, most - NEWEST))
    chosen[np.lexsort((numbers, changed))[-NEWEST:]] = True
    return Sample(np.flatnonzero(chosen), counts)


def _quota(counts: Counts, most: int) -> int:
    """Return the largest number for which taking so many of each label, or all, makes no more than `most`."""
    ascending = np.sort(counts)
    before = np.cumsum(ascending) - ascending
    # If those that have fewer give all they have, this remains for each of the others.
    shares = (most - before) // np.arange(len(ascending), 0, -1)
    enough = np.flatnonzero(ascending >= shares)
    return max(1, int(shares[enough[0]]) if len(enough) else int(ascending[-1]))


def _first_of_each(targets: Targets, order: NDArray[np.uint64], counts: Counts, quota: int) -> Mask:
    """Mark the `quota` examples of each label that come first by `order` [n]."""
    sorted_rows = np.lexsort((order, targets))
    starts = np.cumsum(counts) - counts
    rank = np.arange(len(targets)) - starts[targets[sorted_rows]]
    chosen = np.zeros(len(targets), np.bool_)
    chosen[sorted_rows[rank < quota]] = True
    return chosen


def _shuffled(numbers: Numbers) -> NDArray[np.uint64]:
    """Return a hash of each number (SplitMix64, of Steele et al. 2014), by which any order is as likely."""
    mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))

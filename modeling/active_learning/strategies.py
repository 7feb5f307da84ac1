"""The choice of what to ask about, by how much is labelled so far or by a strategy that somebody names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from modeling.active_learning.coverage import centred, centres
from modeling.active_learning.uncertainty import badge, entropies, margins, probabilities
from modeling.types import Cosines, Predicted, Probabilities, Rows, Targets, Vectors

Strategy = Literal["auto", "random", "margin", "entropy", "badge"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

EARLY = 3
"""Labelled messages a class, on average, before which centres teach more than doubts do: of 0, 1, 3 and 5 the best."""
DOUBTFUL = 5
"""Among so many times as many messages as are wanted, those of the smallest margin, the choice is by coverage. With 2
or 15 most accuracies were the same within a point."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What can be asked about, and what is labelled.

    `candidates` float32 [n, d] and `labelled` float32 [m, d] are unit vectors of one backbone; `targets` int64 [m]
    index the k `classes` that people can choose. `predicted` int64 [n] is the class that a model foresees for each
    candidate, -1 where none, `certainty` float32 [n] its probability: by them a class without an example is sought.
    """

    candidates: Vectors
    labelled: Vectors
    targets: Targets
    classes: int
    predicted: Predicted
    certainty: Cosines

    @property
    def early(self) -> bool:
        """Whether too little is labelled for a classifier's doubts to mean much."""
        return len(self.targets) < EARLY * self.classes

    @property
    def doubts(self) -> bool:
        """Whether a classifier can doubt at all: that takes two classes."""
        return len(np.unique(self.targets)) > 1


def choose(pool: Pool, count: int, strategy: Strategy = "auto", seed: int = 0) -> Rows:
    """Return at most `count` of the candidates' rows, the best question first; the same for the same seed.

    `auto` seeks classes without an example first, takes centres while little is labelled, and from then on centres
    among the doubtful. The others are what their names say in the literature, alone; while fewer than two classes have
    an example there is no classifier, and they draw at random.
    """
    rng = np.random.default_rng(seed)
    if count < 1 or not len(pool.candidates):
        return np.empty(0, np.int64)
    if strategy == "auto":
        return _auto(pool, count, rng)
    if strategy == "random" or not pool.doubts:
        return rng.permutation(len(pool.candidates))[:count]
    foreseen = probabilities(pool.candidates, pool.labelled, pool.targets)
    if strategy == "badge":
        return badge(foreseen, pool.candidates, count, rng)
    return _most_doubtful(foreseen, strategy, count)


def _most_doubtful(foreseen: Probabilities, strategy: Literal["margin", "entropy"], count: int) -> Rows:
    doubt = -margins(foreseen) if strategy == "margin" else entropies(foreseen)
    return np.argsort(-doubt, kind="stable")[:count]


def _auto(pool: Pool, count: int, rng: np.random.Generator) -> Rows:
    candidates, labelled = centred(pool.candidates, pool.labelled)
    # Half of the questions, by chance for the odd one: a class that nobody writes about must not use up all of them.
    # Not before there are as many examples as classes: until then centres come upon most classes by themselves.
    half = count // 2 + int(count % 2 and rng.integers(2))
    first = sought(pool, half if len(pool.targets) >= pool.classes else 0)
    rows = np.setdiff1d(np.arange(len(candidates)), first)
    if not pool.early and pool.doubts:
        foreseen = probabilities(pool.candidates[rows], pool.labelled, pool.targets)
        rows = rows[_most_doubtful(foreseen, "margin", DOUBTFUL * count)]
    known = np.concatenate([labelled, candidates[first]])
    more = centres(candidates[rows], known, count - len(first))
    return np.concatenate([first, rows[more]])


def sought(pool: Pool, count: int) -> Rows:
    """Return at most `count` rows for classes without an example: for each its surest candidate, the surest first."""
    wanting = np.setdiff1d(np.arange(pool.classes), pool.targets)
    rows = np.flatnonzero(np.isin(pool.predicted, wanting))
    rows = rows[np.argsort(-pool.certainty[rows], kind="stable")]
    _, best = np.unique(pool.predicted[rows], return_index=True)
    return rows[np.sort(best)][:count]

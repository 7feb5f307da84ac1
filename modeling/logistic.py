"""Multinomial logistic regression by L-BFGS, written for being solved again and again with one example more or less."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Vectors: TypeAlias = NDArray[np.float32]
Targets: TypeAlias = NDArray[np.int64]

DESCRIPTION_WEIGHT = 3.0  # examples that a description is worth before there are any
BALANCE = 0.5  # 0: every example counts the same; 1: every label does; between is best for both accuracy and macro-F1
TIGHT, LOOSE = 1e-6, 1e-5  # largest entry of the gradient of the mean loss


@dataclass(frozen=True, slots=True)
class Problem:
    """Examples and pseudo-examples with their weights: what `solve` minimises over.

    A label's description weighs DESCRIPTION_WEIGHT / (1 + n) once the label has n examples. Examples of rare labels weigh
    more, by (mean count / n) ** BALANCE.
    """

    vectors: Vectors
    targets: Targets
    classes: int
    descriptions: Vectors | None
    rows: Vectors = field(init=False)
    places: Targets = field(init=False)
    importance: Vectors = field(init=False)

    def __post_init__(self) -> None:
        counts = np.bincount(self.targets, minlength=self.classes)
        present = max(1, np.count_nonzero(counts))
        share = (len(self.targets) / (present * np.maximum(counts, 1))) ** BALANCE
        rows, places, importance = self.vectors, self.targets, share[self.targets]
        if self.descriptions is not None:
            rows = np.concatenate([rows, self.descriptions])
            places = np.concatenate([places, np.arange(self.classes)])
            importance = np.concatenate([importance, DESCRIPTION_WEIGHT / (1.0 + counts)])
        object.__setattr__(self, "rows", np.ascontiguousarray(rows, np.float32))
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "importance", importance.astype(np.float32))

    def without(self, rows: Targets) -> Problem:
        """Return the problem with these examples held out."""
        kept = np.setdiff1d(np.arange(len(self.targets)), rows)
        return Problem(self.vectors[kept], self.targets[kept], self.classes, self.descriptions)


def softmax(scores: Vectors) -> Vectors:
    """Turn scores [n, k] into probabilities."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def solve(
    problem: Problem, strength: float, start: NDArray[np.floating] | None = None, *, loose: bool = False
) -> tuple[Vectors, Vectors]:
    """Return weights float32 [k, d] and bias float32 [k] that minimise 0.5|W|² + strength * weighted cross-entropy.

    Strictly convex, so `start` [k, d + 1] changes the time and not the answer. The products are float32, the sums of
    the search float64. `loose` stops earlier: enough for comparing strengths.
    """
    rows = np.concatenate([problem.rows, np.ones((len(problem.rows), 1), np.float32)], axis=1)
    shape = (problem.classes, rows.shape[1])
    index = np.arange(len(rows))
    scale = strength / max(1.0, float(problem.importance.sum()) * strength)
    ridge = scale / strength

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(shape)
        scores = rows @ weights.T.astype(np.float32)
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[index, problem.places]
        np.exp(scores, out=scores)
        total = scores.sum(axis=1)
        loss = float(problem.importance @ (np.log(total) - own))
        scores *= (problem.importance / total)[:, None]
        scores[index, problem.places] -= problem.importance
        gradient = scale * (scores.T @ rows).astype(np.float64) + ridge * weights
        return scale * loss + 0.5 * ridge * float(np.vdot(weights, weights)), gradient.ravel()

    first = np.zeros(shape) if start is None else start.astype(np.float64)
    options = {"maxiter": 60 if loose else 500, "gtol": LOOSE if loose else TIGHT, "ftol": 0.0, "maxcor": 12}
    found = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options=options)
    weights = found.x.reshape(shape)
    return weights[:, :-1].astype(np.float32), weights[:, -1].astype(np.float32)

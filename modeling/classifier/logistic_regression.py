"""Multinomial logistic regression by L-BFGS, written for being solved again and again with one example more or less."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

from modeling.types import Bias, ExampleWeights, Logits, Probabilities, Rows, Targets, Vector, Vectors, Weights

GUESS_TEMPERATURE = 0.1  # cosine units: a lead of 0.1 over another label multiplies its odds by e
DESCRIPTION_WEIGHT = 3.0  # examples that a description is worth before there are any
UNKNOWN = 8.0  # zero vectors that join the mean: a few messages share more by chance than all of them do
OFFSET = 0.2  # the bias is the weight of this constant feature: small, so that one example hardly favours its label
BALANCE = 0.5  # 0: every example counts the same; 1: every label does; between is best for both accuracy and macro-F1
TIGHT, LOOSE = 3e-5, 2e-4  # largest entry of the gradient, in coordinates where the curvature is about one


@dataclass(frozen=True, slots=True)
class Prior:
    """What is thought before any example: scores `weights` [k, d] @ x + `bias` [k]; all x share the `centre` [d]."""

    weights: Weights
    bias: Bias
    centre: Vector


def shared(vectors: Vectors) -> Vector:
    """Return what messages [n, d] have in common, float32 [d]: their mean, closer to zero the fewer there are."""
    return (vectors.sum(axis=0) / np.float32(len(vectors) + UNKNOWN)).astype(np.float32)


def prior(classes: int, dimension: int, descriptions: Vectors | None, mean: Vector | None) -> Prior:
    """Return closeness of a message to [k, d] descriptions, both less the [d] mean of all messages.

    Without descriptions nothing is thought, and all scores are zero.
    """
    centre = np.zeros(dimension, np.float32) if mean is None else np.asarray(mean, np.float32)
    if descriptions is None:
        return Prior(np.zeros((classes, dimension), np.float32), np.zeros(classes, np.float32), centre)
    weights = np.asarray(descriptions, np.float32) - centre
    weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)
    weights /= np.float32(GUESS_TEMPERATURE)
    # cos(x - m, w) up to the length of x - m, which is about the same for all messages and one temperature covers.
    return Prior(weights, -weights @ centre, centre)


@dataclass(frozen=True, slots=True)
class Problem:
    """Examples and pseudo-examples with their weights, and the prior: what `solve` minimises over.

    A label's description weighs DESCRIPTION_WEIGHT / (1 + n) once the label has n examples. Examples of rare labels
    weigh more, by (mean count / n) ** BALANCE. `mean` [d] is what all messages share, and says nothing.
    """

    vectors: Vectors
    targets: Targets
    classes: int
    descriptions: Vectors | None
    mean: Vector | None = None
    prior: Prior = field(init=False)
    rows: Vectors = field(init=False)
    places: Targets = field(init=False)
    importance: ExampleWeights = field(init=False)

    def __post_init__(self) -> None:
        counts = np.bincount(self.targets, minlength=self.classes)
        present = max(1, np.count_nonzero(counts))
        share = (len(self.targets) / (present * np.maximum(counts, 1))) ** BALANCE
        rows, places, importance = self.vectors, self.targets, share[self.targets]
        if self.descriptions is not None:
            rows = np.concatenate([rows, self.descriptions])
            places = np.concatenate([places, np.arange(self.classes)])
            importance = np.concatenate([importance, DESCRIPTION_WEIGHT / (1.0 + counts)])
        before = prior(self.classes, rows.shape[1], self.descriptions, self.mean)
        object.__setattr__(self, "prior", before)
        object.__setattr__(self, "rows", np.ascontiguousarray(rows, np.float32))
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "importance", importance.astype(np.float32))

    def without(self, rows: Rows) -> Problem:
        """Return the problem with these examples held out."""
        kept = np.setdiff1d(np.arange(len(self.targets)), rows)
        return Problem(self.vectors[kept], self.targets[kept], self.classes, self.descriptions, self.mean)


def softmax(scores: Logits) -> Probabilities:
    """Turn scores [n, k] into probabilities."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def solve(
    problem: Problem, strength: float, start: NDArray[np.floating] | None = None, *, loose: bool = False
) -> tuple[Weights, Bias]:
    """Return weights float32 [k, d] and bias float32 [k] of the least 0.5|W - W0|² + strength * weighted cross-entropy.

    W0 is the prior, to which a bias counts as the weight of the constant feature OFFSET. Strictly convex, so `start`
    [k, d + 1] changes the time and not the answer. The search runs in coordinates in which the curvature, bounded as
    by Böhning (1992), is about one: a tenth of the steps. The products are float32. `loose` stops earlier: enough for
    comparing strengths.
    """
    prior, constant = problem.prior, np.full((len(problem.rows), 1), OFFSET, np.float32)
    rows = np.concatenate([problem.rows - prior.centre, constant], axis=1)
    scale = strength / max(1.0, float(problem.importance.sum()) * strength)
    with _blas().limit(limits=1, user_api="blas"):
        before = problem.rows @ prior.weights.T + prior.bias
        span, rows = _span(rows)
        factor, inverse = _coordinates(rows, problem, scale, scale / strength)
        objective = _objective(rows @ inverse.T.astype(np.float32), before, problem, scale, scale / strength, inverse)
        shape = (problem.classes, rows.shape[1])
        first = np.zeros(shape) if start is None else _moved(prior, start) @ span @ factor
        options = {"maxiter": 400, "gtol": LOOSE if loose else TIGHT, "ftol": 0.0, "maxcor": 12}
        found: Any = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options=options)
        moved = (found.x.reshape(shape) @ inverse @ span.T).astype(np.float32)
    weights, bias = moved[:, :-1], OFFSET * moved[:, -1]
    return prior.weights + weights, prior.bias + bias - weights @ prior.centre


def _moved(prior: Prior, start: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how far `start` is from the prior, in the weights that `solve` searches."""
    weights = start[:, :-1].astype(np.float64) - prior.weights
    bias = start[:, -1] - prior.bias + weights @ prior.centre
    return np.concatenate([weights, bias[:, None] / OFFSET], axis=1)


def _span(rows: Vectors) -> tuple[Vectors, Vectors]:
    """Return an orthonormal basis [d + 1, r] and the rows [n, r] in it: the weights lie in the span of the examples."""
    if len(rows) >= rows.shape[1]:
        return np.eye(rows.shape[1], dtype=np.float32), rows
    basis, triangle = np.linalg.qr(rows.T)
    return basis, np.ascontiguousarray(triangle.T)


def _coordinates(
    rows: Vectors, problem: Problem, scale: float, ridge: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a lower factor of the bound on the curvature, [d + 1, d + 1], and its inverse."""
    bound = (scale / problem.classes) * ((rows.T * problem.importance) @ rows).astype(np.float64)
    factor = cholesky(bound + ridge * np.eye(len(bound)), lower=True)
    return factor, solve_triangular(factor, np.eye(len(bound)), lower=True)


def _objective(
    rows: Vectors, before: Logits, problem: Problem, scale: float, ridge: float, inverse: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    """Return the function of flat weights, in the coordinates of `rows`, that gives the loss and its gradient.

    The scores `before` [n, k] are the prior's.
    """
    index, shape = np.arange(len(rows)), (problem.classes, rows.shape[1])
    penalty = (ridge * inverse @ inverse.T).astype(np.float32)

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(shape).astype(np.float32)
        scores = rows @ weights.T
        scores += before
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[index, problem.places]
        np.exp(scores, out=scores)
        total = scores.sum(axis=1)
        loss = scale * float(problem.importance @ (np.log(total) - own))
        scores *= (problem.importance / total)[:, None]
        scores[index, problem.places] -= problem.importance
        pulled = weights @ penalty
        gradient = scale * (scores.T @ rows) + pulled
        return loss + 0.5 * float(np.vdot(weights, pulled)), gradient.astype(np.float64).ravel()

    return objective


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    """Products this small gain nothing from a second thread, and where cores are busy they wait long for it."""
    return ThreadpoolController()

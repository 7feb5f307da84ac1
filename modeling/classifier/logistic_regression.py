"""Multinomial logistic regression around a prior, by L-BFGS: solved again and again with one example more or less.

scikit-learn's LogisticRegression shrinks towards zero and knows no other prior.
"""

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

from modeling.types import Bias, Counts, ExampleWeights, Logits, Probabilities, Rows, Targets, Vector, Vectors, Weights

GUESS_TEMPERATURE = 0.1  # cosine units: a lead of 0.1 over another label multiplies its odds by e
DESCRIPTION_WEIGHT = 3.0  # examples that a description counts as before there are any
UNKNOWN = 8.0  # as many messages join the mean as vectors like descriptions: a few share more by chance than all do
NARROWEST = 0.01  # share of a vector's square that is its own; less is noise
OFFSET = 0.2  # the bias is the weight of this constant feature: small, so that one example hardly favours its label
BALANCE = 0.5  # 0: every example counts the same; 1: every label does; between is best for both accuracy and macro-F1
STEPS = 20  # rows for each label from which on it is less work to move the weights than the rows
CURVATURE_ROWS = 2048  # with twice as many rows or more, a part of them gives the curvature
TIGHT, LOOSE = 3e-5, 2e-4  # largest entry of the gradient, in coordinates where the curvature is about one


@dataclass(frozen=True, slots=True)
class Prior:
    """The classifier before any example: logits `weights` [k, d] @ x + `bias` [k]; all x share the `centre` [d].

    `spread` is how long x - centre usually is. Some backbones put all texts into a narrow cone (e5: .4, MiniLM: .95).
    """

    weights: Weights
    bias: Bias
    centre: Vector
    spread: float


def shared(vectors: Vectors, descriptions: Vectors | None = None) -> Vector:
    """Return what messages [n, d] have in common, float32 [d]: their mean.

    The fewer there are, the closer to what the labels' descriptions [k, d] share as well: some backbones give all texts
    one direction. Without descriptions, the closer to zero.
    """
    of_texts: Vector | float = 0.0
    if descriptions is not None and len(descriptions):
        direction = descriptions.mean(axis=0)
        # How much of it messages have; descriptions of other words than they are written in have more in common.
        agreement = vectors.mean(axis=0) @ direction / max(float(direction @ direction), 1e-12) if len(vectors) else 1.0
        of_texts = UNKNOWN * np.clip(agreement, 0.0, 1.0) * direction
    return ((vectors.sum(axis=0) + of_texts) / np.float32(len(vectors) + UNKNOWN)).astype(np.float32)


def prior(classes: int, dimension: int, descriptions: Vectors | None, mean: Vector | None) -> Prior:
    """Return the classifier by cosine of a message to [k, d] descriptions, both less the [d] mean of all messages.

    Without descriptions all its logits are zero.
    """
    centre = np.zeros(dimension, np.float32) if mean is None else np.asarray(mean, np.float32)
    spread = float(np.sqrt(max(NARROWEST, 1.0 - centre @ centre)))  # of unit vectors around their mean
    if descriptions is None:
        return Prior(np.zeros((classes, dimension), np.float32), np.zeros(classes, np.float32), centre, spread)
    weights = np.asarray(descriptions, np.float32) - centre
    weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)
    # cos(x - m, w), as if every x - m had the usual length
    weights /= np.float32(GUESS_TEMPERATURE * spread)
    return Prior(weights, -weights @ centre, centre, spread)


@dataclass(frozen=True, slots=True)
class Problem:
    """What `solve` minimises over: examples [n] and descriptions [k], together m rows with weights, and the prior.

    A label's description weighs DESCRIPTION_WEIGHT / (1 + n) once the label has n examples. Examples of rare labels
    weigh more, by (mean count / n) ** BALANCE. `mean` [d] is what all messages share; it is subtracted. Where the
    examples are a sample of every label alike, `population` [k] says how many examples each label has in all.
    """

    vectors: Vectors
    targets: Targets
    classes: int
    descriptions: Vectors | None
    mean: Vector | None = None
    population: Counts | None = None
    prior: Prior = field(init=False)
    offset: Bias = field(init=False)
    rows: Vectors = field(init=False)
    row_targets: Targets = field(init=False)
    row_weights: ExampleWeights = field(init=False)

    def __post_init__(self) -> None:
        counts = np.bincount(self.targets, minlength=self.classes)
        present = max(1, np.count_nonzero(counts))
        # Labels without an example are no part of the mean count: adding one must not make the others weigh more.
        share = (len(self.targets) / (present * np.maximum(counts, 1))) ** BALANCE
        rows, row_targets, row_weights = self.vectors, self.targets, share[self.targets]
        if self.descriptions is not None:
            rows = np.concatenate([rows, self.descriptions])
            row_targets = np.concatenate([row_targets, np.arange(self.classes)])
            # A description fades as its label gets examples, which say more.
            row_weights = np.concatenate([row_weights, DESCRIPTION_WEIGHT / (1.0 + counts)])
        # Computed once, though the dataclass is frozen: every solution of this problem needs them.
        object.__setattr__(self, "prior", prior(self.classes, rows.shape[1], self.descriptions, self.mean))
        object.__setattr__(self, "offset", self._offset(counts))
        object.__setattr__(self, "rows", np.ascontiguousarray(rows, np.float32))
        object.__setattr__(self, "row_targets", row_targets)
        object.__setattr__(self, "row_weights", row_weights.astype(np.float32))

    @classmethod
    def around(cls, vectors: Vectors, targets: Targets, descriptions: Vectors) -> Problem:
        """Return the problem of vectors [n, d] around descriptions [k, d], less what these vectors share."""
        return cls(vectors, targets, len(descriptions), descriptions, shared(vectors, descriptions))

    def without(self, rows: Rows) -> Problem:
        """Return the problem with these examples held out."""
        kept = np.setdiff1d(np.arange(len(self.targets)), rows)
        vectors, targets = self.vectors[kept], self.targets[kept]
        return Problem(vectors, targets, self.classes, self.descriptions, self.mean, self.population)

    def _offset(self, counts: Counts) -> Bias:
        """Return how much likelier each label, [k] in logits, is among the examples than in the population.

        The weights of examples have evened out a part of that already (Prentice and Pyke 1979).
        """
        if self.population is None:
            return np.zeros(self.classes, np.float32)
        drawn = np.maximum(counts, 1) / np.maximum(self.population, 1)
        return ((1.0 - BALANCE) * np.log(drawn)).astype(np.float32)

    @property
    def stand_for(self) -> ExampleWeights | None:
        """How many examples of the population each example [n] stands for, on average one; None without a sample."""
        if self.population is None:
            return None
        counts = np.bincount(self.targets, minlength=self.classes)
        weights = (self.population / np.maximum(counts, 1))[self.targets]
        return (weights / weights.mean()).astype(np.float32)


def softmax(logits: Logits) -> Probabilities:
    """Turn logits [n, k] into probabilities."""
    # Less the largest, so that no exponential overflows; the shares stay the same.
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def solve(
    problem: Problem, c: float, start: NDArray[np.floating] | None = None, *, loose: bool = False
) -> tuple[Weights, Bias]:
    """Return weights float32 [k, d] and bias float32 [k] that minimise 0.5|W - W0|² + C * weighted cross-entropy.

    W0 is the prior; the bias counts as the weight of a constant feature OFFSET. Rows are taken in units of their
    spread, so that a C means the same for every backbone. What a sample distorts stands in the loss and not in the
    solution. The loss is strictly convex, so `start` [k, d + 1] changes the time and not the solution. `loose` stops
    earlier, which is enough for comparing values of C.

    The search does not run over W: along directions that most messages share the loss is far more curved than along
    others, and L-BFGS then needs many steps. It runs over (W - W0) L, where L Lᵀ = XᵀDX / k + ridge is the curvature
    that the loss has, for every label alike, while all labels are equally probable (Böhning's (1992) bound has the same
    form, with 1/2 in place of 1/k). In these coordinates the curvature is about one in every direction, and a tenth of
    the steps suffices. The products are float32.
    """
    prior, rows = problem.prior, _centred(problem)
    # The loss is divided by the weight of all rows: so one tolerance fits every C and any number of examples.
    scale = c / max(1.0, float(problem.row_weights.sum()) * c)
    with _blas().limit(limits=1, user_api="blas"):
        prior_logits = problem.rows @ prior.weights.T + np.add(prior.bias, problem.offset, dtype=np.float32)
        span, rows = _span(rows)
        factor, inverse = _coordinates(rows, problem, scale, scale / c)
        objective = _objective(rows, prior_logits, problem, scale, scale / c, inverse)
        shape = (problem.classes, rows.shape[1])
        first = np.zeros(shape) if start is None else _moved(prior, start) @ span @ factor
        options = {"maxiter": 400, "gtol": LOOSE if loose else TIGHT, "ftol": 0.0, "maxcor": 12}
        result: Any = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options=options)
        # Back from the new coordinates into those of vectors, and out of the span of the rows.
        moved = (result.x.reshape(shape) @ inverse @ span.T).astype(np.float32)
    weights, bias = moved[:, :-1] / np.float32(prior.spread), OFFSET * moved[:, -1]
    # Rows were centred for the solver; the bias takes that back, so that vectors are used as they are.
    return prior.weights + weights, prior.bias + bias - weights @ prior.centre


def _centred(problem: Problem) -> Vectors:
    """Return the rows less the centre, in units of their spread, and the constant feature, [m, d + 1]."""
    rows = np.empty((len(problem.rows), problem.rows.shape[1] + 1), np.float32)
    np.subtract(problem.rows, problem.prior.centre, out=rows[:, :-1])
    rows[:, :-1] /= np.float32(problem.prior.spread)
    rows[:, -1] = OFFSET
    return rows


def _moved(prior: Prior, start: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return `start` less the prior, [k, d + 1], with the bias as the weight of the constant feature."""
    weights = start[:, :-1].astype(np.float64) - prior.weights
    bias = start[:, -1] - prior.bias + weights @ prior.centre
    return np.concatenate([weights * prior.spread, bias[:, None] / OFFSET], axis=1)


def _span(rows: Vectors) -> tuple[Vectors, Vectors]:
    """Return an orthonormal basis [d + 1, r] of the rows and the rows [m, r] in it; r = min(m, d + 1).

    W - W0 is a sum of multiples of rows, so with fewer rows than dimensions the problem is as small as their number.
    """
    if len(rows) >= rows.shape[1]:
        return np.eye(rows.shape[1], dtype=np.float32), rows
    basis, triangle = np.linalg.qr(rows.T)
    return basis, np.ascontiguousarray(triangle.T)


def _coordinates(
    rows: Vectors, problem: Problem, scale: float, ridge: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower Cholesky factor L of the curvature at equal probabilities, [r, r], and its inverse.

    Of very many rows every second, third … says enough: any coordinates have the same solution.
    """
    step = max(1, len(rows) // CURVATURE_ROWS)
    some, weights = rows[::step], problem.row_weights[::step] * np.float32(step)
    curvature = (scale / problem.classes) * ((some.T * weights) @ some).astype(np.float64)
    factor = cholesky(curvature + ridge * np.eye(len(curvature)), lower=True)
    return factor, solve_triangular(factor, np.eye(len(curvature)), lower=True)


def _objective(
    rows: Vectors, prior_logits: Logits, problem: Problem, scale: float, ridge: float, inverse: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    """Return the function of flat weights, in coordinates by `inverse` [r, r], that gives the loss and its gradient.

    `prior_logits` [m, k] are those of the prior for the same rows [m, r].
    """
    index, shape = np.arange(len(rows)), (problem.classes, rows.shape[1])
    into = inverse.astype(np.float32)
    # Either the rows are put into these coordinates once, or the weights at every step: what is less work.
    by_weights = len(rows) >= max(2 * CURVATURE_ROWS, STEPS * problem.classes)
    rows = rows if by_weights else rows @ into.T
    # |W - W0|² is |V L⁻¹|² for weights V in these coordinates: this is the matrix of that form.
    penalty = (ridge * inverse @ inverse.T).astype(np.float32)

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(shape).astype(np.float32)
        logits = rows @ (weights @ into if by_weights else weights).T
        logits += prior_logits
        logits -= logits.max(axis=1, keepdims=True)
        of_target = logits[index, problem.row_targets]
        odds = np.exp(logits, out=logits)  # in place, which spares a new [m, k] at every step
        total = odds.sum(axis=1)
        loss = scale * float(problem.row_weights @ (np.log(total) - of_target))
        odds *= (problem.row_weights / total)[:, None]
        odds[index, problem.row_targets] -= problem.row_weights  # now the derivative of the loss by each logit
        decay = weights @ penalty
        slope = odds.T @ rows
        gradient = scale * (slope @ into.T if by_weights else slope) + decay
        return loss + 0.5 * float(np.vdot(weights, decay)), gradient.astype(np.float64).ravel()

    return objective


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    """Look up the BLAS once; products this small gain nothing from a second thread, and on busy cores wait for it."""
    return ThreadpoolController()

"""The head: vectors in, probabilities out, refitted within a second whenever a label changes.

A regularised multinomial logistic regression over the backbone's vectors, class-balanced, that starts from closeness to
the labels' descriptions: without an example it is that guess, and each example moves it from there. No torch here:
numpy and scipy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from modeling.classifier import out_of_scope as scopes
from modeling.classifier.calibration import calibrate, choose
from modeling.classifier.logistic_regression import GUESS_TEMPERATURE, Prior, Problem, prior, shared, softmax, solve
from modeling.classifier.out_of_scope import LIMIT, OutOfScope
from modeling.types import (
    Bias,
    Columns,
    Logits,
    Mask,
    OodScores,
    Probabilities,
    Targets,
    Thresholds,
    Vector,
    Vectors,
    Weights,
)

# One reaction turns a wrong guess about the same words, and the first few do not drown what the descriptions say.
DEFAULT_STRENGTH = 5.0
RECHOOSE, EARLY_RECHOOSE, EARLY = 1.25, 1.5, 64  # choices are made again once the examples grew or shrank so much
GUESS_THRESHOLD = 0.5
NEVER = 1.01  # a threshold that no probability reaches: with one label there is nothing to tell it from


@dataclass(frozen=True, slots=True)
class Head:
    """A linear classifier over unit vectors; a value, so it can be swapped while others still use the old one.

    `weights` float32 [k, d], `bias` float32 [k], `thresholds` float32 [k] in probability; `temperature` divides the
    scores; `strength` is the C of the logistic regression. `guess` says that no example was behind it. `examples` is
    how many there were and `chosen_at` how many when strength, temperature and thresholds were last chosen. `scope`
    tells messages of no label apart, where there were enough examples to learn that from.
    """

    labels: tuple[str, ...]
    weights: Weights
    bias: Bias
    temperature: float
    thresholds: Thresholds
    strength: float
    guess: bool
    examples: int = 0
    chosen_at: int = 0
    scope: OutOfScope | None = None

    def probabilities(self, vectors: Vectors) -> Probabilities:
        """Return float32 [n, k], each row summing to one, for float32 [n, d]."""
        return softmax(self._scores(vectors) / np.float32(self.temperature))

    def foreignness(self, vectors: Vectors) -> OodScores | None:
        """Return float32 [n] from 0 to 1, above LIMIT for messages of no label; None where nothing says so."""
        return None if self.scope is None else self.scope.score(np.asarray(vectors, np.float32), self._scores(vectors))

    def foreign(self, vectors: Vectors) -> Mask:
        """Say which of float32 [n, d] seem to belong to no label: about those it is better to be silent."""
        found = self.foreignness(vectors)
        return np.zeros(len(vectors), np.bool_) if found is None else found > LIMIT

    def _scores(self, vectors: Vectors) -> Logits:
        return np.asarray(vectors, np.float32) @ self.weights.T + self.bias


def fit(
    vectors: Vectors,
    targets: Targets,
    labels: Sequence[str],
    descriptions: Vectors | None,
    *,
    mean: Vector | None = None,
    warm: Head | None = None,
    strength: float | None = None,
    temperature: float | None = None,
    thresholds: Thresholds | None = None,
    scope: OutOfScope | None = None,
    landmarks: int | None = None,
    seed: int = 0,
) -> Head:
    """Fit a head to float32 [n, d] vectors and int [n] targets that index `labels`.

    `descriptions` float32 [k, d] are the vectors of what the labels say they mean, `mean` float32 [d] is what the
    chat's messages share, by default what the given ones do. `warm` is the head before: it makes the solution come
    sooner, never different, and lends strength, temperature, thresholds and scope while they are recent. What is given
    explicitly is used as it is. The scope keeps about so many `landmarks`, by default all vectors. Zero examples give
    a guess. Raises ValueError on shapes that do not fit.
    """
    vectors, targets = _checked(vectors, targets, labels, descriptions)
    if len(targets) == 0:
        return _without_examples(vectors.shape[1], labels, descriptions, mean)
    mean = shared(vectors) if mean is None else mean
    used = _used(vectors, mean, descriptions)
    narrow = None if descriptions is None else descriptions[:, used]
    problem = Problem(vectors[:, used], targets, len(labels), narrow, mean[used])
    settings = _recent(warm, labels, len(targets))
    if settings is None and strength is not None and temperature is not None and thresholds is not None:
        settings = _plain(labels, vectors[:0], vectors[:0, 0], temperature, guess=False)
    if settings is None:
        settings = _chosen(problem, labels, strength, seed, landmarks)
    start = _start(warm, labels, problem.prior, used)
    c = settings.strength if strength is None else strength
    weights, bias = solve(problem, c, start)
    wide = np.zeros((len(labels), vectors.shape[1]), np.float32)
    wide[:, used] = weights
    return replace(
        settings,
        weights=wide,
        bias=bias,
        strength=c,
        temperature=settings.temperature if temperature is None else temperature,
        thresholds=settings.thresholds if thresholds is None else np.asarray(thresholds, np.float32),
        examples=len(targets),
        scope=_among(vectors, used, scope or settings.scope, landmarks),
    )


def guess(descriptions: Vectors, mean: Vector | None, labels: Sequence[str]) -> Head:
    """Return a head for labels that nobody has used yet: closeness of a message to float32 [k, d] descriptions.

    The float32 [d] mean of the chat's messages is taken off first, so that what all of them share says nothing.
    """
    return _without_examples(descriptions.shape[1], labels, descriptions, mean)


def _without_examples(dimension: int, labels: Sequence[str], descriptions: Vectors | None, mean: Vector | None) -> Head:
    before = prior(len(labels), dimension, descriptions, mean)
    weights, bias = GUESS_TEMPERATURE * before.weights, GUESS_TEMPERATURE * before.bias
    return _plain(labels, weights, bias, GUESS_TEMPERATURE, guess=True)


def _plain(labels: Sequence[str], weights: Weights, bias: Bias, temperature: float, *, guess: bool) -> Head:
    threshold = GUESS_THRESHOLD if len(labels) > 1 else NEVER
    thresholds = np.full(len(labels), threshold, np.float32)
    return Head(tuple(labels), weights, bias, temperature, thresholds, DEFAULT_STRENGTH, guess)


def _checked(
    vectors: Vectors, targets: Targets, labels: Sequence[str], descriptions: Vectors | None
) -> tuple[Vectors, Targets]:
    vectors = np.ascontiguousarray(vectors, np.float32)
    targets = np.asarray(targets, np.int64)
    if vectors.ndim != 2 or targets.shape != (len(vectors),):
        raise ValueError(f"vectors {vectors.shape} and targets {targets.shape} do not belong together")
    if len(labels) == 0:
        raise ValueError("a head needs at least one label")
    if len(targets) and not (targets.min() >= 0 and targets.max() < len(labels)):
        raise ValueError(f"targets must lie in 0..{len(labels) - 1}")
    if descriptions is not None and descriptions.shape != (len(labels), vectors.shape[1]):
        raise ValueError(f"descriptions {descriptions.shape} do not fit {len(labels)} labels of {vectors.shape[1]}")
    return vectors, targets


def _used(vectors: Vectors, mean: Vector, descriptions: Vectors | None) -> Columns:
    """Return the columns in which anything is not zero: those for scripts that nobody writes in cost nothing."""
    rows = [vectors, mean[None]] if descriptions is None else [vectors, mean[None], descriptions]
    return np.flatnonzero(np.any([each.any(axis=0) for each in rows], axis=0))


def _recent(warm: Head | None, labels: Sequence[str], examples: int) -> Head | None:
    """Return the head whose choices still hold: same labels, about as many examples."""
    if warm is None or warm.guess or warm.labels != tuple(labels) or not warm.chosen_at:
        return None
    most, grown = EARLY_RECHOOSE if examples < EARLY else RECHOOSE, examples / warm.chosen_at
    return warm if 1 / most < grown < most else None


def _chosen(problem: Problem, labels: Sequence[str], strength: float | None, seed: int, landmarks: int | None) -> Head:
    """Return a head that holds freshly chosen strength, temperature, thresholds and scope, its weights still empty."""
    c, scores = choose(
        problem, DEFAULT_STRENGTH if strength is None else strength, fixed=strength is not None, seed=seed
    )
    temperature, thresholds = calibrate(scores, problem.targets, problem.classes)
    if len(labels) == 1:
        thresholds = np.full(1, NEVER, np.float32)
    count, empty = len(problem.targets), np.zeros((0, 0), np.float32)
    known = scopes.fit(problem.vectors, problem.targets, scores, seed=seed, most=landmarks)
    return Head(tuple(labels), empty, empty[:, 0:0].ravel(), temperature, thresholds, c, False, count, count, known)


def _among(vectors: Vectors, used: Columns, known: OutOfScope | None, landmarks: int | None) -> OutOfScope | None:
    """Return the scope around all labelled vectors of today, or around the landmarks that it was chosen with."""
    if known is None or landmarks is None:
        return None if known is None else known.knowing(vectors)
    if known.landmarks.shape[1] == vectors.shape[1]:
        return known
    wide = np.zeros((len(known.landmarks), vectors.shape[1]), np.float32)
    wide[:, used] = known.landmarks
    return known.knowing(wide)


def _start(warm: Head | None, labels: Sequence[str], prior: Prior, used: Columns) -> Weights | None:
    """Place the rows of the head before under their labels' present positions; new labels start at the prior."""
    if warm is None or warm.guess or warm.weights.shape[1] <= used.max(initial=-1):
        return None
    start = np.concatenate([prior.weights, prior.bias[:, None]], axis=1)
    rows = {label: row for row, label in enumerate(warm.labels)}
    for place, label in enumerate(labels):
        if label in rows:
            start[place, :-1], start[place, -1] = warm.weights[rows[label], used], warm.bias[rows[label]]
    return start

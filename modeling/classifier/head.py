"""The head: vectors in, probabilities out, refitted within a second whenever a label changes.

A class-balanced multinomial logistic regression over the backbone's vectors. Its prior is closeness to the labels'
descriptions: without an example it predicts by that, and each example moves it from there. numpy and scipy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from modeling.classifier.calibration import calibrate, choose
from modeling.classifier.logistic_regression import GUESS_TEMPERATURE, Prior, Problem, prior, shared, softmax, solve
from modeling.classifier.out_of_scope import LIMIT, OutOfScopeDetector, fit_detector
from modeling.types import (
    Bias,
    Columns,
    Counts,
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

# With it one reaction corrects a wrong guess about the same words, and the first few leave the descriptions their say.
DEFAULT_C = 8.0
RECHOOSE, EARLY_RECHOOSE, EARLY = 1.25, 1.5, 64  # choices are made again once the examples grew or shrank so much
GUESS_THRESHOLD = 0.6  # on validation messages right nine times of ten where a topic decides, else three of four
NEVER = 1.01  # a threshold that no probability reaches: a single label cannot be told from anything


@dataclass(frozen=True, slots=True)
class Head:
    """A linear classifier over unit vectors; a value, so it can be swapped while others still use the old one.

    `weights` float32 [k, d], `bias` float32 [k], `thresholds` float32 [k] in probability; `temperature` divides the
    logits; `c` is the inverse strength of regularisation. `guess` says that no example was behind it. `examples` is how
    many there were and `chosen_at` how many when C, temperature and thresholds were last chosen. `out_of_scope` detects
    messages of no label, where there were enough examples to learn that from.
    """

    labels: tuple[str, ...]
    weights: Weights
    bias: Bias
    temperature: float
    thresholds: Thresholds
    c: float
    guess: bool
    examples: int = 0
    chosen_at: int = 0
    out_of_scope: OutOfScopeDetector | None = None

    def probabilities(self, vectors: Vectors) -> Probabilities:
        """Return float32 [n, k], each row summing to one, for float32 [n, d]."""
        return softmax(self._logits(vectors) / np.float32(self.temperature))

    def ood_scores(self, vectors: Vectors) -> OodScores | None:
        """Return float32 [n] from 0 to 1, above LIMIT for messages of no label; None without a detector."""
        if self.out_of_scope is None:
            return None
        return self.out_of_scope.scores(np.asarray(vectors, np.float32), self._logits(vectors))

    def is_out_of_scope(self, vectors: Vectors) -> Mask:
        """Say which of the messages float32 [n, d] seem to belong to no label: those are better not answered."""
        scores = self.ood_scores(vectors)
        return np.zeros(len(vectors), np.bool_) if scores is None else scores > LIMIT

    def _logits(self, vectors: Vectors) -> Logits:
        return np.asarray(vectors, np.float32) @ self.weights.T + self.bias


def fit(
    vectors: Vectors,
    targets: Targets,
    labels: Sequence[str],
    descriptions: Vectors | None,
    *,
    mean: Vector | None = None,
    warm: Head | None = None,
    c: float | None = None,
    temperature: float | None = None,
    thresholds: Thresholds | None = None,
    out_of_scope: OutOfScopeDetector | None = None,
    landmarks: int | None = None,
    population: Counts | None = None,
    seed: int = 0,
) -> Head:
    """Fit a head to float32 [n, d] vectors and int [n] targets that index `labels`.

    `descriptions` float32 [k, d] are the vectors of the labels' descriptions, `mean` float32 [d] is what the chat's
    messages share, by default that of the given ones. `warm` is the previous head: the solver starts from it, which
    changes the time and not the solution, and its C, temperature, thresholds and detector are kept while they are
    recent. What is given explicitly is used as it is. The detector keeps about so many `landmarks`, by default all
    vectors. `population` [k] says how many examples the labels have in all, where these are a sample of every label
    alike. Zero examples give a guess. Raises ValueError on shapes that do not fit.
    """
    vectors, targets = _checked(vectors, targets, labels, descriptions)
    if len(targets) == 0:
        return _without_examples(vectors.shape[1], labels, descriptions, mean)
    mean = shared(vectors, descriptions) if mean is None else mean
    used = _used(vectors, mean, descriptions)
    narrow = None if descriptions is None else descriptions[:, used]
    dense = vectors if len(used) == vectors.shape[1] else vectors[:, used]
    problem = Problem(dense, targets, len(labels), narrow, mean[used], population)
    settings = _recent(warm, labels, len(targets))
    # All is given: predicting out of fold to choose it would take most of the time.
    if settings is None and c is not None and temperature is not None and thresholds is not None:
        # Its weights are never used, only its settings.
        settings = _plain(labels, vectors[:0], vectors[:0, 0], temperature, guess=False)
    if settings is None:
        settings = _chosen(problem, labels, c, seed, landmarks)
    start = _start(warm, labels, problem.prior, used)
    c = settings.c if c is None else c
    weights, bias = solve(problem, c, start)
    # Other messages may have something in the columns that are empty in these.
    wide = np.zeros((len(labels), vectors.shape[1]), np.float32)
    wide[:, used] = weights
    return replace(
        settings,
        weights=wide,
        bias=bias,
        c=c,
        temperature=settings.temperature if temperature is None else temperature,
        thresholds=settings.thresholds if thresholds is None else np.asarray(thresholds, np.float32),
        examples=len(targets),
        out_of_scope=_with_today(vectors, used, out_of_scope or settings.out_of_scope, landmarks),
    )


def guess(descriptions: Vectors, mean: Vector | None, labels: Sequence[str]) -> Head:
    """Return a head for labels without examples: closeness of a message to float32 [k, d] descriptions.

    The float32 [d] mean of the chat's messages is subtracted first, so that what all of them share says nothing.
    """
    return _without_examples(descriptions.shape[1], labels, descriptions, mean)


def _without_examples(dimension: int, labels: Sequence[str], descriptions: Vectors | None, mean: Vector | None) -> Head:
    mean = shared(np.empty((0, dimension), np.float32), descriptions) if mean is None else mean
    start = prior(len(labels), dimension, descriptions, mean)
    # The prior is in units of this temperature, by which the head divides, too.
    weights, bias = GUESS_TEMPERATURE * start.weights, GUESS_TEMPERATURE * start.bias
    return _plain(labels, weights, bias, GUESS_TEMPERATURE, guess=True)


def _plain(labels: Sequence[str], weights: Weights, bias: Bias, temperature: float, *, guess: bool) -> Head:
    threshold = GUESS_THRESHOLD if len(labels) > 1 else NEVER
    thresholds = np.full(len(labels), threshold, np.float32)
    return Head(tuple(labels), weights, bias, temperature, thresholds, DEFAULT_C, guess)


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
    return np.flatnonzero(np.any([part.any(axis=0) for part in rows], axis=0))


def _recent(warm: Head | None, labels: Sequence[str], examples: int) -> Head | None:
    """Return the head whose choices still hold: same labels, about as many examples."""
    if warm is None or warm.guess or warm.labels != tuple(labels) or not warm.chosen_at:
        return None
    most, grown = EARLY_RECHOOSE if examples < EARLY else RECHOOSE, examples / warm.chosen_at
    # Withdrawn labels age a choice as new ones do.
    return warm if 1 / most < grown < most else None


def _chosen(problem: Problem, labels: Sequence[str], c: float | None, seed: int, landmarks: int | None) -> Head:
    """Return a head that holds freshly chosen C, temperature, thresholds and detector, its weights still empty."""
    c, logits = choose(problem, DEFAULT_C if c is None else c, fixed=c is not None, seed=seed)
    temperature, thresholds = calibrate(logits, problem.targets, problem.classes, problem.stand_for)
    # Probability is 1 for everything where there is one label: it says nothing.
    if len(labels) == 1:
        thresholds = np.full(1, NEVER, np.float32)
    count, empty = len(problem.targets), np.zeros((0, 0), np.float32)
    detector = fit_detector(problem.vectors, problem.targets, logits, seed=seed, most=landmarks)
    return Head(tuple(labels), empty, empty[:, 0:0].ravel(), temperature, thresholds, c, False, count, count, detector)


def _with_today(
    vectors: Vectors, used: Columns, detector: OutOfScopeDetector | None, landmarks: int | None
) -> OutOfScopeDetector | None:
    """Return the detector around all labelled vectors of today, or around the landmarks that it was chosen with."""
    if detector is None or landmarks is None:
        return None if detector is None else detector.with_landmarks(vectors)
    if detector.landmarks.shape[1] == vectors.shape[1]:
        return detector
    wide = np.zeros((len(detector.landmarks), vectors.shape[1]), np.float32)
    wide[:, used] = detector.landmarks
    return detector.with_landmarks(wide)


def _start(warm: Head | None, labels: Sequence[str], prior: Prior, used: Columns) -> Weights | None:
    """Return the previous head's weights and bias [k, d + 1] by today's labels; new labels start at the prior."""
    # Another backbone's head may be too narrow for these columns.
    if warm is None or warm.guess or warm.weights.shape[1] <= used.max(initial=-1):
        return None
    start = np.concatenate([prior.weights, prior.bias[:, None]], axis=1)
    rows = {label: row for row, label in enumerate(warm.labels)}
    for position, label in enumerate(labels):
        if label in rows:
            start[position, :-1], start[position, -1] = warm.weights[rows[label], used], warm.bias[rows[label]]
    return start

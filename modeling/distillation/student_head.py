"""A student's head: its own classifier or one fitted to its vectors, whichever is better on texts it did not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modeling.classifier import head
from modeling.classifier.calibration import best_temperature, thresholds
from modeling.classifier.head import Head
from modeling.classifier.logistic_regression import Problem, shared, softmax, solve
from modeling.types import Bias, Logits, Targets, Vectors, Weights

C_GRID = (0.3, 1.0, 3.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class EncodedExamples:
    """Unit vectors [n, d] with their targets [n]."""

    vectors: Vectors
    targets: Targets


def fit_student_head(
    classifier: tuple[Weights, Bias],
    learned: EncodedExamples,
    held_out: EncodedExamples,
    labels: tuple[str, ...],
    description_vectors: Vectors,
) -> Head:
    """Return the head of a student that has its own `classifier` (weights [k, d], bias [k]).

    Its `c` is for heads that are fitted later to the same vectors: the best one for those that were `learned`,
    measured, like temperature and thresholds, on `held_out`.
    """
    weights, bias = classifier
    candidates = [(*_loss(_fitted(learned, held_out, description_vectors, c), held_out), c) for c in C_GRID]
    loss, temperature, c = min(candidates)
    own_loss, own_temperature = _loss(held_out.vectors @ weights.T + bias, held_out)
    if own_loss <= loss:
        scores, temperature = held_out.vectors @ weights.T + bias, own_temperature
    else:
        scores = _fitted(learned, held_out, description_vectors, c)
    limits = thresholds(softmax(scores / np.float32(temperature)), held_out.targets)
    if own_loss <= loss:
        count = len(learned.targets)
        return Head(labels, weights, bias, temperature, limits, c, False, count, count)
    return head.fit(
        learned.vectors,
        learned.targets,
        labels,
        description_vectors,
        c=c,
        temperature=temperature,
        thresholds=limits,
    )


def _loss(scores: Logits, held_out: EncodedExamples) -> tuple[float, float]:
    temperature, loss = best_temperature(scores, held_out.targets)
    return loss, temperature


def _fitted(learned: EncodedExamples, held_out: EncodedExamples, description_vectors: Vectors, c: float) -> Logits:
    """Scores [m, k] of held-out vectors by a head fitted to the learned ones."""
    problem = Problem(
        learned.vectors, learned.targets, len(description_vectors), description_vectors, shared(learned.vectors)
    )
    weights, bias = solve(problem, c, loose=True)
    return held_out.vectors @ weights.T + bias

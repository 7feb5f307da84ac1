"""Choosing a head's strength, temperature and thresholds from predictions on examples it did not see."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from modeling.classifier.logistic_regression import Problem, softmax, solve
from modeling.data.folds import stratified_folds
from modeling.types import Folds, Logits, Probabilities, Targets, Thresholds, Weights

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # tried from one in the middle on, until the loss rises
FIRST = 2
CAUTION = 1.0  # how much out-of-fold loss a strength far from the usual one must save, the more the fewer examples
WANTED_PRECISION = 0.9
DEFAULT_THRESHOLD = 0.5  # where there are too few examples for out-of-fold predictions
SUPPORT = 20  # out-of-fold predictions of a label after which its own precision counts for more than that of all
PROMISED = 10  # out-of-fold predictions after which precision counts for more than what the probabilities promise
FOLDS = 4
LEAVE_ONE_OUT = 12  # up to this many examples each is held out alone
ENOUGH = 4  # fewer examples than this say nothing about any choice


def choose(problem: Problem, default: float, *, fixed: bool, seed: int) -> tuple[float, Logits | None]:
    """Return the strength with the smallest out-of-fold loss and the out-of-fold scores [n, k] that it gave.

    The fits without a fold start from the same prior as the one with it. The fewer examples, the closer to the default.
    `fixed` only tries the default. Too few examples give the default and None.
    """
    count = len(problem.targets)
    if count < ENOUGH or len(np.unique(problem.targets)) < 2:
        return default, None
    parts = stratified_folds(problem.targets, count if count <= LEAVE_ONE_OUT else FOLDS, seed)
    starts: list[Weights | None] = [None] * len(parts)

    def tried(strength: float) -> tuple[float, float, Logits]:
        scores = out_of_fold(problem, parts, strength, starts)
        far = CAUTION * np.log(strength / default) ** 2 / count
        return best_temperature(scores, problem.targets)[1] + far, strength, scores

    best = tried(default if fixed else STRENGTHS[FIRST])
    for direction in () if fixed else (STRENGTHS[FIRST + 1 :], STRENGTHS[FIRST - 1 :: -1]):
        for strength in direction:
            found = tried(strength)
            if found[0] >= best[0]:
                break
            best = found
        if best[1] != STRENGTHS[FIRST]:
            break
    return best[1], best[2]


def calibrate(scores: Logits | None, targets: Targets, classes: int) -> tuple[float, Thresholds]:
    """Return the temperature and the thresholds [k] that out-of-fold scores [n, k] call for."""
    if scores is None:
        return 1.0, np.full(classes, DEFAULT_THRESHOLD, np.float32)
    temperature = best_temperature(scores, targets)[0]
    return temperature, thresholds(softmax(scores / np.float32(temperature)), targets)


def out_of_fold(problem: Problem, parts: Folds, strength: float, starts: list[Weights | None]) -> Logits:
    """Return scores [n, k] for every example from a fit without its fold; `starts` is kept up for the next strength."""
    scores = np.zeros((len(problem.targets), problem.classes), np.float32)
    for place, part in enumerate(parts):
        weights, bias = solve(problem.without(part), strength, starts[place], loose=True)
        starts[place] = np.concatenate([weights, bias[:, None]], axis=1)
        scores[part] = problem.vectors[part] @ weights.T + bias
    return scores


def best_temperature(scores: Logits, targets: Targets) -> tuple[float, float]:
    """Return the temperature with the smallest mean cross-entropy, and that loss; a few examples stay near one."""
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        scaled = scores / np.float32(np.exp(log_temperature))
        scaled -= scaled.max(axis=1, keepdims=True)
        surprise = np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, targets]
        return float(surprise.mean()) + 2.0 * log_temperature**2 / len(targets)

    found: Any = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x)), float(found.fun)


def thresholds(probabilities: Probabilities, targets: Targets, wanted: float = WANTED_PRECISION) -> Thresholds:
    """Return, per label, the lowest probability from which on predictions of it were right `wanted` of the time.

    A few predictions of a label say little, so its precision is mixed with that of all labels together, as if SUPPORT
    more predictions had been as good as those, and theirs with what the probabilities promise. A label that never
    was said gets the threshold of all. One that never reached the wanted precision gets `wanted` itself: with
    calibrated probabilities that is where the precision should be.
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    order = np.argsort(-confidence, kind="stable")
    predicted, confidence = predicted[order], confidence[order]
    right, seen = predicted == targets[order], np.arange(1, len(order) + 1)
    pooled = (np.cumsum(right) + PROMISED * np.cumsum(confidence) / seen) / (seen + PROMISED)
    result = np.empty(probabilities.shape[1], np.float32)
    for label in range(len(result)):
        mine = predicted == label
        precision = (np.cumsum(mine & right) + SUPPORT * pooled) / (np.cumsum(mine) + SUPPORT)
        precise = np.flatnonzero(precision >= wanted)
        result[label] = confidence[precise[-1]] if len(precise) else wanted
    return result

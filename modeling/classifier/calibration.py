"""Choosing a head's C, temperature and thresholds from predictions on examples that it did not see (out of fold)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from modeling.classifier.logistic_regression import Problem, softmax, solve
from modeling.data.folds import stratified_folds
from modeling.types import ExampleWeights, Folds, Logits, Probabilities, Targets, Thresholds, Weights

C_GRID = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # tried from one in the middle on, until the loss rises
FIRST = 2
CAUTION = 1.0  # out-of-fold loss that a C far from the default must save; more with few examples
WANTED_PRECISION = 0.9
DEFAULT_THRESHOLD = 0.5  # where there are too few examples for out-of-fold predictions
SUPPORT = 60  # out-of-fold predictions of a label after which its own precision counts for more than that of all
PROMISED = 100  # out-of-fold predictions after which precision counts for more than what the probabilities promise
LUCK = 2  # errors that are added: of many thresholds on few predictions, the one that looks best was lucky, too
FOLDS = 4
LEAVE_ONE_OUT = 12  # up to so many examples, every one is a fold of its own
ENOUGH = 4  # fewer examples than this say nothing about any choice


def choose(problem: Problem, default: float, *, fixed: bool, seed: int) -> tuple[float, Logits | None]:
    """Return the C with the smallest out-of-fold cross-entropy, and the out-of-fold logits [n, k] that it gave.

    The fewer examples, the closer to the default. `fixed` only tries the default. Too few examples give the default
    and None.
    """
    count, stand_for = len(problem.targets), problem.stand_for
    if count < ENOUGH or len(np.unique(problem.targets)) < 2:
        return default, None
    folds = stratified_folds(problem.targets, count if count <= LEAVE_ONE_OUT else FOLDS, seed)
    starts: list[Weights | None] = [None] * len(folds)

    def tried(c: float) -> tuple[float, float, Logits]:
        logits = out_of_fold(problem, folds, c, starts)
        # C acts by factors, so its distance is one of logarithms; the loss is a mean, so the pull fades with n.
        far = CAUTION * np.log(c / default) ** 2 / count
        return best_temperature(logits, problem.targets, stand_for)[1] + far, c, logits

    best = tried(default if fixed else C_GRID[FIRST])
    for direction in () if fixed else (C_GRID[FIRST + 1 :], C_GRID[FIRST - 1 :: -1]):
        for c in direction:
            candidate = tried(c)
            if candidate[0] >= best[0]:
                break
            best = candidate
        # Larger values were better, and the loss is taken to have one valley: smaller ones need no look.
        if best[1] != C_GRID[FIRST]:
            break
    return best[1], best[2]


def calibrate(
    logits: Logits | None, targets: Targets, classes: int, stand_for: ExampleWeights | None = None
) -> tuple[float, Thresholds]:
    """Return the temperature and the thresholds [k] that out-of-fold logits [n, k] call for.

    Where the examples are a sample, `stand_for` [n] says how many each stands for, on average one.
    """
    if logits is None:
        # Many examples of one label pull everything towards it, and nothing shows how far.
        unsure = WANTED_PRECISION if len(targets) >= ENOUGH else DEFAULT_THRESHOLD
        return 1.0, np.full(classes, unsure, np.float32)
    temperature = best_temperature(logits, targets, stand_for)[0]
    return temperature, thresholds(softmax(logits / np.float32(temperature)), targets, stand_for=stand_for)


def out_of_fold(problem: Problem, folds: Folds, c: float, starts: list[Weights | None] | None = None) -> Logits:
    """Return logits [n, k] for every example from a fit without its fold; zeros for one that is in no fold.

    `starts` holds a solution [k, d + 1] for every fold, or None, and gets the new ones: the next C is solved sooner.
    """
    logits = np.zeros((len(problem.targets), problem.classes), np.float32)
    before: list[Weights | None] = [None] * len(folds) if starts is None else starts
    for number, fold in enumerate(folds):
        weights, bias = solve(problem.without(fold), c, before[number], loose=True)
        before[number] = np.concatenate([weights, bias[:, None]], axis=1)
        logits[fold] = problem.vectors[fold] @ weights.T + bias
    return logits


def best_temperature(logits: Logits, targets: Targets, stand_for: ExampleWeights | None = None) -> tuple[float, float]:
    """Return the temperature with the smallest mean cross-entropy, and that loss; `stand_for` as in `calibrate`.

    Temperature scaling is of Guo et al. (2017). A penalty on the logarithm of the temperature keeps that of a few
    examples near one.
    """
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.float32(np.exp(log_temperature))
        # No exponential may overflow at a small temperature.
        scaled -= scaled.max(axis=1, keepdims=True)
        losses = np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, targets]
        mean = losses.mean() if stand_for is None else np.average(losses, weights=stand_for)
        return float(mean) + 2.0 * log_temperature**2 / len(targets)

    result: Any = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(result.x)), float(result.fun)


def thresholds(
    probabilities: Probabilities,
    targets: Targets,
    wanted: float = WANTED_PRECISION,
    stand_for: ExampleWeights | None = None,
) -> Thresholds:
    """Return for every label the lowest probability from which on its predictions had the precision `wanted`.

    A few predictions of a label say little, so its precision is mixed with that of all labels together, as if SUPPORT
    more predictions had been as good as those, and theirs with the mean of the probabilities, as if PROMISED more had
    been as good as that. LUCK more errors keep few predictions from promising too much (conformal risk control, of
    Angelopoulos et al. 2022, arXiv:2208.02814, adds one). A label that was never predicted gets the threshold of all.
    One that never reached the wanted precision gets `wanted` itself: with calibrated probabilities that is where the
    precision should be. `stand_for` as in `calibrate`.
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    order = np.argsort(-confidence, kind="stable")
    predicted, confidence = predicted[order], confidence[order]
    weights = np.ones(len(order), np.float32) if stand_for is None else stand_for[order]
    correct, seen = weights * (predicted == targets[order]), np.cumsum(weights, dtype=np.float64)
    pooled = (np.cumsum(correct) + PROMISED * np.cumsum(weights * confidence) / seen) / (seen + PROMISED + LUCK)
    result = np.empty(probabilities.shape[1], np.float32)
    for label in range(len(result)):
        of_label = predicted == label
        right, all_of_it = np.cumsum(of_label * correct), np.cumsum(of_label * weights)
        precision = (right + SUPPORT * pooled) / (all_of_it + SUPPORT)
        precise = np.flatnonzero(precision >= wanted)
        # The last: precision may dip in between, but all predictions above this one together have it.
        result[label] = confidence[precise[-1]] if len(precise) else wanted
    return result

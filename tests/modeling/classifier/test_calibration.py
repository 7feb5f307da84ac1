"""C, temperature and thresholds are those that predictions on unseen examples call for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from modeling.classifier import calibration
from modeling.classifier.calibration import C_GRID, best_temperature, calibrate, choose, out_of_fold
from modeling.classifier.logistic_regression import Problem, softmax
from modeling.data.folds import stratified_folds
from modeling.types import Logits, Targets
from tests.modeling.classifier.test_head import blobs


def problem(each: int, noise: float, seed: int = 0, rough: float = 0.0) -> Problem:
    """Three labels around directions, with descriptions that lie `rough` beside them."""
    vectors, targets, centres = blobs(3, each, seed, noise)
    descriptions = centres + rough * np.random.default_rng(seed + 1).normal(size=centres.shape) / np.sqrt(24)
    return Problem(vectors, targets, 3, descriptions.astype(np.float32), vectors.mean(0))


def loss(of: Problem, c: float, folds: int) -> float:
    """The mean cross-entropy out of fold at the best temperature, and the temperature's own penalty."""
    return best_temperature(out_of_fold(of, stratified_folds(of.targets, folds, 0), c), of.targets)[1]


@pytest.mark.parametrize(
    ("each", "noise", "rough"),
    [(100, 0.8, 3.0), (100, 2.5, 0.0), (60, 1.5, 2.0), (30, 1.0, 1.0), (4, 1.0, 2.0)],
)
def test_the_c_with_the_smallest_loss_out_of_fold_is_chosen(each: int, noise: float, rough: float) -> None:
    of = problem(each, noise, rough=rough)
    count, folds = 3 * each, 3 * each if each <= 4 else 4
    penalised = {c: loss(of, c, folds) + np.log(c / 3.0) ** 2 / count for c in C_GRID}
    chosen, logits = choose(of, 3.0, fixed=False, seed=0)
    assert penalised[chosen] == pytest.approx(min(penalised.values()), abs=1e-3)
    assert logits is not None
    assert best_temperature(logits, of.targets)[1] == pytest.approx(loss(of, chosen, folds), abs=1e-3)


def test_good_descriptions_and_noisy_messages_call_for_a_small_c_and_the_reverse_for_a_large_one() -> None:
    assert choose(problem(100, 2.5), 3.0, fixed=False, seed=0)[0] < 3.0
    assert choose(problem(100, 0.8, rough=3.0), 3.0, fixed=False, seed=0)[0] > 3.0


def tried(
    monkeypatch: pytest.MonkeyPatch, losses: dict[float, float], default: float = 3.0
) -> tuple[float, list[float]]:
    """What is chosen where each C has this loss, and which are tried for it."""
    order: list[float] = []

    def pretended(of: Problem, folds: object, c: float, starts: object) -> Logits:
        order.append(c)
        return np.full((len(of.targets), 3), c, np.float32)

    def looked_up(logits: Logits, targets: Targets, stand_for: object = None) -> tuple[float, float]:
        return 1.0, losses[float(logits[0, 0])]

    monkeypatch.setattr(calibration, "out_of_fold", pretended)
    monkeypatch.setattr(calibration, "best_temperature", looked_up)
    chosen, logits = choose(problem(100, 1.0), default, fixed=False, seed=0)
    assert logits is not None
    assert logits[0, 0] == np.float32(chosen), "they are those of the chosen one"
    return chosen, order


GRID = [float(np.float32(c)) for c in C_GRID]
SEARCHES = [
    ([9, 9, 1, 9, 9, 9], 3.0, [3.0, 10.0, 1.0]),
    ([9, 9, 5, 4, 3, 2], 100.0, [3.0, 10.0, 30.0, 100.0]),
    ([9, 9, 5, 4, 6, 2], 10.0, [3.0, 10.0, 30.0]),
    ([1, 2, 5, 9, 9, 9], 0.3, [3.0, 10.0, 1.0, 0.3]),
    ([9, 2, 5, 9, 9, 9], 1.0, [3.0, 10.0, 1.0, 0.3]),
]


@pytest.mark.parametrize(("losses", "chosen", "order"), SEARCHES)
def test_the_search_begins_in_the_middle_and_goes_on_while_it_gets_better(
    monkeypatch: pytest.MonkeyPatch, losses: list[float], chosen: float, order: list[float]
) -> None:
    assert tried(monkeypatch, dict(zip(GRID, losses, strict=True))) == (chosen, order)


@pytest.mark.parametrize(("gain", "chosen"), [(0.004, 3.0), (0.006, 10.0)])
def test_another_c_must_be_better_by_as_much_as_its_distance_costs(
    monkeypatch: pytest.MonkeyPatch, gain: float, chosen: float
) -> None:
    """Of 300 examples the step from 3 to 10 costs (log 10/3)² / 300, which is 0.0048."""
    assert tried(monkeypatch, dict(zip(GRID, [9, 9, 1 + gain, 1, 9, 9], strict=True)))[0] == chosen


def test_only_the_default_is_tried_where_it_is_fixed_and_too_few_examples_say_nothing() -> None:
    of = problem(10, 1.0)
    chosen, logits = choose(of, 7.0, fixed=True, seed=0)
    assert chosen == 7.0
    assert logits is not None
    assert np.allclose(logits, out_of_fold(of, stratified_folds(of.targets, 4, 0), 7.0), atol=1e-4)
    three = of.without(np.arange(3, 30))
    one_label = of.without(np.arange(10, 30))
    assert choose(three, 7.0, fixed=False, seed=0) == choose(one_label, 7.0, fixed=False, seed=0) == (7.0, None)
    four = of.without(np.setdiff1d(np.arange(30), [0, 1, 10, 11]))
    assert choose(four, 7.0, fixed=False, seed=0)[1] is not None


def sample(sure: float, right: float, count: int = 2000) -> tuple[Logits, Targets]:
    """Logits that promise `sure` for label 0 of two, which is right in this share."""
    logits = np.tile(np.array([[np.log(sure / (1 - sure)), 0.0]], np.float32), (count, 1))
    return logits, (np.arange(count) >= right * count).astype(np.int64)


@pytest.mark.parametrize(("sure", "right"), [(0.99, 0.8), (0.7, 0.9), (0.8, 0.8), (0.6, 0.95)])
def test_the_temperature_makes_promises_true(sure: float, right: float) -> None:
    logits, targets = sample(sure, right)
    temperature, found = best_temperature(logits, targets)
    assert softmax(logits / np.float32(temperature))[0, 0] == pytest.approx(right, abs=0.01)
    entropy = -(right * np.log(right) + (1 - right) * np.log(1 - right))
    assert found == pytest.approx(entropy, abs=0.01)


def test_a_few_examples_keep_the_temperature_near_one() -> None:
    few, many = (best_temperature(*sample(0.9999, 0.5, count))[0] for count in (4, 4000))
    assert 1 < few < 0.5 * many


def test_a_sample_counts_for_as_many_as_each_stands_for() -> None:
    logits, targets = sample(0.9, 0.5, 1000)
    weights = np.where(targets == 0, 1.8, 0.2).astype(np.float32)
    temperature, _ = best_temperature(logits, targets, weights)
    assert softmax(logits / np.float32(temperature))[0, 0] == pytest.approx(0.9, abs=0.01)
    assert calibrate(logits, targets, 2, weights)[0] == temperature


@pytest.mark.parametrize("scale", [1e2, 1e4, 1e6])
def test_logits_of_any_size_overflow_nothing(scale: float) -> None:
    logits, targets = sample(0.9, 0.6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        temperature, found = best_temperature(logits * np.float32(scale), targets)
    assert np.isfinite(found)
    assert temperature > 15


def test_without_predictions_out_of_fold_nothing_is_promised() -> None:
    few, more = np.zeros(3, np.int64), np.zeros(4, np.int64)
    assert calibrate(None, few, 2)[0] == 1.0
    assert calibrate(None, few, 2)[1].tolist() == [0.5, 0.5]
    assert calibrate(None, more, 3)[1].tolist() == pytest.approx([0.9] * 3)


def test_what_is_in_no_fold_has_no_prediction_and_a_fold_learns_nothing_of_itself() -> None:
    of = problem(20, 0.5)
    logits = out_of_fold(of, [np.arange(5), np.arange(20, 25)], 3.0)
    assert not logits[5:20].any()
    assert not logits[25:].any()
    assert (logits[:5].argmax(1) == 0).all()
    wrong = Problem(of.vectors, np.where(np.arange(60) == 0, 1, of.targets), 3, of.descriptions, of.mean)
    assert np.allclose(out_of_fold(wrong, [np.arange(5)], 3.0)[0], logits[0], atol=1e-3), "its own label is not seen"

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.classifier import head
from modeling.classifier.calibration import WANTED_PRECISION, out_of_fold, thresholds
from modeling.classifier.head import NEVER, Head
from modeling.classifier.logistic_regression import OFFSET, Problem, solve
from modeling.types import Targets, Vectors


def blobs(labels: int, each: int, seed: int = 0, noise: float = 1.0, d: int = 24) -> tuple[Vectors, Targets, Vectors]:
    """Unit vectors around `labels` directions, their targets, and the directions."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.normal(size=(labels, d)))
    targets = np.repeat(np.arange(labels), each)
    return unit(centres[targets] + noise * rng.normal(size=(len(targets), d)) / np.sqrt(d)), targets, centres


def unit(rows: np.ndarray) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def names(count: int) -> list[str]:
    return [f"label-{number}" for number in range(count)]


def agree(one: Head, other: Head, vectors: Vectors) -> bool:
    return bool(np.abs(one.probabilities(vectors) - other.probabilities(vectors)).max() < 2e-3)


def test_examples_are_learnt_and_unseen_ones_recognised() -> None:
    vectors, targets, centres = blobs(5, 20)
    fitted = head.fit(vectors[::2], targets[::2], names(5), centres)
    assert (fitted.probabilities(vectors[1::2]).argmax(1) == targets[1::2]).mean() > 0.9
    assert not fitted.guess
    assert fitted.examples == 50


def test_a_withdrawn_label_leaves_no_trace() -> None:
    vectors, targets, centres = blobs(4, 12)
    chosen = {"c": 10.0, "temperature": 1.0, "thresholds": np.full(4, 0.5, np.float32)}
    before = head.fit(vectors, targets, names(4), centres, **chosen)
    wrong = targets.copy()
    wrong[0] = 3
    disturbed = head.fit(vectors, wrong, names(4), centres, warm=before, **chosen)
    assert not agree(before, disturbed, vectors)
    withdrawn = head.fit(vectors, targets, names(4), centres, warm=disturbed, **chosen)
    assert agree(before, withdrawn, vectors)


@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 99), st.sampled_from([0.3, 3.0, 30.0]))
@settings(max_examples=30, deadline=None)
def test_a_warm_start_changes_the_time_and_not_the_answer(labels: int, each: int, seed: int, c: float) -> None:
    vectors, targets, centres = blobs(labels, each, seed)
    chosen = {"c": c, "temperature": 1.0, "thresholds": np.full(labels, 0.5, np.float32)}
    rng = np.random.default_rng(seed)
    other = head.fit(vectors, rng.permutation(targets), names(labels), centres, **chosen)
    warm = head.fit(vectors, targets, names(labels), centres, warm=other, **chosen)
    assert agree(warm, head.fit(vectors, targets, names(labels), centres, **chosen), vectors)


def test_the_solution_is_that_of_a_textbook_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, targets, _ = blobs(4, 25)
    weights, bias = solve(Problem(vectors, targets, 4, None), 5.0)
    # The bias is regularised here, as one more feature would be.
    wider = np.concatenate([vectors, np.full((len(vectors), 1), OFFSET, np.float32)], axis=1)
    book = LogisticRegression(C=5.0, fit_intercept=False, tol=1e-8, max_iter=2000).fit(wider, targets)
    assert np.abs(weights - book.coef_[:, :-1]).max() < 0.02
    assert np.abs(bias - OFFSET * book.coef_[:, -1]).max() < 0.02


def test_a_head_without_examples_is_the_guess_and_hardly_any_strength_leaves_it_so() -> None:
    vectors, targets, centres = blobs(4, 12)
    mean = vectors.mean(0)
    guessed = head.guess(centres, mean, names(4))
    none = head.fit(vectors[:0], targets[:0], names(4), centres, mean=mean)
    assert np.array_equal(none.probabilities(vectors), guessed.probabilities(vectors))
    chosen = {"c": 1e-4, "temperature": 1.0, "thresholds": np.full(4, 0.5, np.float32)}
    assert agree(head.fit(vectors, targets, names(4), centres, mean=mean, **chosen), guessed, vectors)


def test_one_example_moves_the_guess_a_little_and_mostly_where_it_is() -> None:
    vectors, targets, centres = blobs(4, 30)
    mean = vectors.mean(0)
    guessed = head.guess(centres, mean, names(4)).probabilities(vectors)
    row = int(guessed[np.arange(len(targets)), targets].argmin())
    fitted = head.fit(vectors[[row]], targets[[row]], names(4), centres, mean=mean)
    moved = fitted.probabilities(vectors) - guessed
    assert not fitted.guess
    assert moved[row, targets[row]] > 0.05
    others = np.delete(moved, row, axis=0)
    assert np.abs(others).mean() < 0.05
    assert (fitted.probabilities(vectors).argmax(1) == guessed.argmax(1)).mean() > 0.9


def test_a_withdrawn_example_leaves_no_trace() -> None:
    vectors, targets, centres = blobs(4, 5)
    chosen = {"c": 3.0, "temperature": 1.0, "thresholds": np.full(4, 0.5, np.float32)}
    more = head.fit(vectors, targets, names(4), centres, mean=vectors.mean(0), **chosen)
    fewer = {"mean": vectors.mean(0), **chosen}
    warm = head.fit(vectors[:-1], targets[:-1], names(4), centres, warm=more, **fewer)
    assert not agree(more, warm, vectors)
    assert agree(warm, head.fit(vectors[:-1], targets[:-1], names(4), centres, **fewer), vectors)


def test_out_of_fold_scores_start_from_the_guess_too() -> None:
    vectors, targets, centres = blobs(3, 8, noise=0.5)
    problem = Problem(vectors, targets, 3, centres, vectors.mean(0))
    parts = [np.flatnonzero(targets == label) for label in range(3)]  # a fold's label has no other example
    scores = out_of_fold(problem, parts, 1e-4, [None] * 3)
    guessed = vectors @ problem.prior.weights.T + problem.prior.bias
    assert np.abs(guessed).max() > 1
    assert np.abs(scores - guessed).max() < 0.01


def test_the_first_few_examples_do_not_spoil_the_guess() -> None:
    vectors, targets, centres = blobs(6, 40, noise=1.5)
    rough = unit(centres + 0.25 * np.random.default_rng(4).normal(size=centres.shape))
    mean, order = vectors.mean(0), np.random.default_rng(5).permutation(len(targets))
    rest = order[60:]

    def accuracy(count: int) -> float:
        rows = order[:count]
        fitted = head.fit(vectors[rows], targets[rows], names(6), rough, mean=mean)
        return float((fitted.probabilities(vectors[rest]).argmax(1) == targets[rest]).mean())

    guessed = accuracy(0)
    assert min(accuracy(count) for count in (1, 2, 3, 5, 8, 12, 20)) > guessed - 0.07
    assert accuracy(60) > guessed


def test_zero_examples_give_a_guess_by_description() -> None:
    vectors, targets, centres = blobs(3, 10, noise=0.5)
    fitted = head.fit(vectors[:0], targets[:0], names(3), centres)
    assert fitted.guess
    assert (fitted.probabilities(vectors).argmax(1) == targets).mean() > 0.9


def test_a_guess_takes_off_what_all_messages_share() -> None:
    vectors, targets, centres = blobs(3, 10, noise=0.4)
    shared = unit(np.random.default_rng(5).normal(size=24)) * 2
    shifted, mean = unit(vectors + shared), unit(vectors + shared).mean(0)
    guessed = head.guess(unit(centres + 0.2 * shared), mean, names(3))
    assert (guessed.probabilities(shifted).argmax(1) == targets).mean() > 0.9


def test_nothing_at_all_gives_even_odds() -> None:
    fitted = head.fit(np.zeros((0, 8), np.float32), np.zeros(0, np.int64), names(4), None)
    assert np.allclose(fitted.probabilities(np.ones((2, 8), np.float32)), 0.25)


def test_a_label_without_examples_is_known_by_its_description() -> None:
    vectors, targets, centres = blobs(4, 12, noise=0.5)
    seen = targets != 3
    fitted = head.fit(vectors[seen], targets[seen], names(4), centres)
    assert (fitted.probabilities(vectors[~seen]).argmax(1) == 3).mean() > 0.7


def test_what_labels_say_they_mean_holds_against_many_examples_of_others() -> None:
    """Not by the prior alone, from which a large C moves far away."""
    vectors, targets, centres = blobs(3, 60, noise=1.2)
    seen = targets != 2
    chosen = {"c": 100.0, "temperature": 1.0, "thresholds": np.full(3, 0.5, np.float32)}
    fitted = head.fit(vectors[seen], targets[seen], names(3), centres, **chosen)
    assert fitted.probabilities(centres)[2].argmax() == 2
    assert fitted.probabilities(centres)[2, 2] > 0.9
    assert (fitted.probabilities(vectors[~seen]).argmax(1) == 2).mean() > 0.7


def test_a_description_weighs_as_three_examples_and_fades_as_they_come() -> None:
    vectors, targets, centres = blobs(2, 5)
    problem = Problem(vectors[:6], targets[:6], 2, centres)
    assert problem.row_targets.tolist() == [0, 0, 0, 0, 0, 1, 0, 1]
    assert np.array_equal(problem.rows, np.concatenate([vectors[:6], centres]))
    share = [(6 / (2 * count)) ** 0.5 for count in (5, 1)]
    assert problem.row_weights.tolist() == pytest.approx([*[share[0]] * 5, share[1], 3 / 6, 3 / 2])
    assert Problem(vectors, targets, 2, None).row_weights.tolist() == [1.0] * 10


def test_a_label_with_neither_examples_nor_description_is_hardly_ever_said() -> None:
    vectors, targets, _ = blobs(3, 12)
    seen = targets != 2
    fitted = head.fit(vectors[seen], targets[seen], names(3), None)
    assert (fitted.probabilities(vectors[seen]).argmax(1) != 2).all()


def test_one_label_alone_is_never_sure_enough() -> None:
    vectors, targets, centres = blobs(1, 6)
    fitted = head.fit(vectors, targets, names(1), centres)
    assert np.allclose(fitted.probabilities(vectors), 1.0)
    assert fitted.thresholds.tolist() == [pytest.approx(NEVER)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 25, 60])
def test_any_number_of_examples_works(count: int) -> None:
    vectors, targets, centres = blobs(3, 20)
    order = np.random.default_rng(1).permutation(60)[:count]
    fitted = head.fit(vectors[order], targets[order], names(3), centres)
    odds = fitted.probabilities(vectors)
    assert odds.dtype == np.float32
    assert np.allclose(odds.sum(1), 1, atol=1e-5)
    assert np.isfinite(fitted.weights).all()
    assert 0.04 < fitted.temperature < 21


def test_labels_are_found_again_when_one_is_added_or_removed() -> None:
    vectors, targets, centres = blobs(4, 12)
    four = head.fit(vectors, targets, names(4), centres)
    kept = targets != 1
    fewer = [name for name in names(4) if name != "label-1"]
    moved = np.where(targets[kept] > 1, targets[kept] - 1, targets[kept])
    warm = head.fit(vectors[kept], moved, fewer, centres[[0, 2, 3]], warm=four)
    assert agree(warm, head.fit(vectors[kept], moved, fewer, centres[[0, 2, 3]]), vectors)


def test_choices_are_lent_by_a_recent_head_and_made_again_when_examples_grew() -> None:
    vectors, targets, centres = blobs(4, 40)
    rows = np.random.default_rng(2).permutation(160)
    first = head.fit(vectors[rows[:80]], targets[rows[:80]], names(4), centres)
    near = head.fit(vectors[rows[:90]], targets[rows[:90]], names(4), centres, warm=first)
    far = head.fit(vectors[rows], targets[rows], names(4), centres, warm=near)
    assert (near.chosen_at, near.examples) == (80, 90)
    assert (near.c, near.temperature) == (first.c, first.temperature)
    assert far.chosen_at == 160


def test_probabilities_are_calibrated() -> None:
    from modeling.evaluation.metrics import ece

    vectors, targets, centres = blobs(4, 300, noise=2.2)
    fitted = head.fit(vectors[::2], targets[::2], names(4), centres)
    assert ece(fitted.probabilities(vectors[1::2]), targets[1::2]) < 0.06


def test_examples_of_one_label_alone_make_it_careful_with_all() -> None:
    vectors, targets, centres = blobs(3, 20)
    fitted = head.fit(vectors[:20], targets[:20], names(3), centres)
    assert fitted.thresholds.tolist() == pytest.approx([WANTED_PRECISION] * 3)
    assert head.fit(vectors[:2], targets[:2], names(3), centres).thresholds.max() < WANTED_PRECISION


def test_thresholds_reach_the_wanted_precision_where_there_is_support() -> None:
    rng = np.random.default_rng(3)
    sure = rng.uniform(0.5, 1.0, 400)
    odds = np.stack([sure, 1 - sure], axis=1).astype(np.float32)
    targets = (rng.uniform(size=400) > sure).astype(np.int64)
    limits = thresholds(odds, targets)
    said = odds[:, 0] >= limits[0]
    assert (targets[said] == 0).mean() >= 0.9
    assert limits[1] == pytest.approx(limits[0], abs=0.05)  # never predicted, so what holds for all holds for it


def test_a_label_with_few_predictions_borrows_the_threshold_of_all() -> None:
    rng = np.random.default_rng(6)
    sure, place = rng.uniform(0.5, 1.0, 603), np.concatenate([rng.integers(0, 2, 600), [2, 2, 2]])
    odds = np.repeat((1 - sure[:, None]) / 2, 3, axis=1)
    odds[np.arange(603), place] = sure
    targets = np.where(rng.uniform(size=603) < sure, place, (place + 1) % 3)
    limits = thresholds(odds.astype(np.float32), targets)
    assert limits[2] == pytest.approx(limits[:2].mean(), abs=0.1)


def test_a_label_that_is_often_wrong_speaks_less_than_the_others() -> None:
    rng = np.random.default_rng(7)
    sure, place = rng.uniform(0.5, 1.0, 600), rng.integers(0, 2, 600)
    odds = np.repeat(1 - sure[:, None], 2, axis=1)
    odds[np.arange(600), place] = sure
    right = rng.uniform(size=600) < np.where(place == 0, 0.95, sure - 0.15)
    limits = thresholds(odds.astype(np.float32), np.where(right, place, 1 - place))
    assert limits[0] < 0.6
    assert limits[1] > 0.85


@pytest.mark.parametrize(
    ("targets", "descriptions"),
    [(np.array([0, 5]), None), (np.array([0]), None), (np.array([0, 1]), np.zeros((3, 8), np.float32))],
)
def test_shapes_that_do_not_fit_are_refused(targets: Targets, descriptions: Vectors | None) -> None:
    with pytest.raises(ValueError, match=r"targets|descriptions"):
        head.fit(np.ones((2, 8), np.float32), targets, names(2), descriptions)


def test_a_process_with_only_the_head_never_loads_torch() -> None:
    code = "import sys, modeling.classifier.head, modeling.text.cleaning, modeling.classifier.bundle_files; "
    code += "import modeling.backbones.resolve, modeling.backbones.backbone; "
    code += "sys.exit('torch' in sys.modules or 'transformers' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

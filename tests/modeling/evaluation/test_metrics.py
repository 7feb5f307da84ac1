from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from modeling.evaluation import bootstrap, curves, metrics, significance

RANDOM = st.tuples(st.integers(1, 80), st.integers(2, 6), st.integers(0, 999))


def sample(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, count)
    return rng.dirichlet(np.ones(classes), count).astype(np.float32), true


@given(RANDOM)
@settings(max_examples=30, deadline=None)
def test_figures_agree_with_scikit_learn_and_lie_in_their_intervals(of: tuple[int, int, int]) -> None:
    probabilities, true = sample(*of)
    said, classes = probabilities.argmax(1), of[1]
    found = bootstrap.figures(said, true, classes)
    present = np.unique(true)
    book = precision_recall_fscore_support(true, said, labels=present, zero_division=0)
    for row, label in enumerate(present.tolist()):
        mine = found.per_label[label]
        assert (mine.precision.value, mine.recall.value, mine.f1.value) == pytest.approx(
            [each[row] for each in book[:3]]
        )
        assert mine.support == book[3][row]
        assert all(0 <= each.low <= each.high <= 1 for each in (mine.precision, mine.recall, mine.f1))
    macro = precision_recall_fscore_support(true, said, labels=present, average="macro", zero_division=0)
    assert (found.macro_precision.value, found.macro_recall.value, found.macro_f1.value) == pytest.approx(macro[:3])
    assert found.accuracy.value == pytest.approx((said == true).mean())


def test_the_interval_of_a_share_is_the_binomial_one() -> None:
    """Half of 400 right: two standard errors are five points."""
    true = np.zeros(400, np.int64)
    found = bootstrap.figures(np.arange(400) % 2, true, 2).accuracy
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.451, 0.549), abs=0.006)


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not() -> None:
    probabilities, true = sample(200, 3, 1)
    said = probabilities.argmax(1)
    first, again, other = (bootstrap.figures(said, true, 3, seed).macro_f1 for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_kinds_are_drawn_as_often_as_messages_are() -> None:
    kinds, drawn = bootstrap.kind_draws(np.array([7, 7, 7, 2]), 0)
    assert kinds.tolist() == [2, 7]
    assert drawn[0].tolist() == [1, 3]
    assert (drawn.sum(1) == 4).all()
    assert drawn[1:, 1].mean() == pytest.approx(3, abs=0.1)


@given(RANDOM)
@settings(max_examples=20, deadline=None)
def test_the_calibration_error_is_the_gate_s_and_never_needs_much_memory(of: tuple[int, int, int]) -> None:
    probabilities, true = sample(*of)
    found = bootstrap.calibration_error(probabilities, true)
    assert found.value == pytest.approx(metrics.ece(probabilities, true), abs=1e-5)
    assert 0 <= found.low <= found.high <= 1
    assert sum(len(rows) for rows in bootstrap.row_draws(of[0], 0)) == bootstrap.RESAMPLES
    assert next(bootstrap.row_draws(bootstrap.AT_ONCE, 0)).shape == (1, bootstrap.AT_ONCE)


def test_the_most_confused_labels_come_first_and_in_the_order_of_the_label_set() -> None:
    matrix = np.diag([50, 40, 30, 20, 10])
    matrix[4, 1] = 9
    matrix[0, 3] = 2
    assert metrics.most_confused(matrix, 2).tolist() == [1, 4]
    assert metrics.most_confused(matrix, 4).tolist() == [0, 1, 3, 4]
    assert metrics.most_confused(matrix, 3).tolist() == [0, 1, 4]
    assert metrics.most_confused(np.diag([1, 0, 2]), 8).tolist() == [0, 2]


@given(RANDOM)
@settings(max_examples=30, deadline=None)
def test_out_of_scope_figures_agree_with_scikit_learn(of: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(of[2])
    inside, outside = (rng.integers(0, 9, size) / 9 for size in of[:2])  # many equal scores
    found = curves.out_of_scope(inside, outside)
    scores, positive = np.concatenate([inside, outside]), np.repeat([0, 1], of[:2])
    assert found.auroc.value == pytest.approx(roc_auc_score(positive, scores))
    assert found.auprc.value == pytest.approx(average_precision_score(positive, scores))
    negatives, positives = curves._by_level(scores, len(inside), 0)  # pyright: ignore[reportPrivateUsage]
    assert curves._auroc(negatives, positives)[0] == pytest.approx(found.auroc.value)  # pyright: ignore[reportPrivateUsage]
    assert curves._auprc(negatives, positives)[0] == pytest.approx(found.auprc.value)  # pyright: ignore[reportPrivateUsage]
    assert 0 <= found.auroc.low <= found.auroc.high <= 1


def test_many_different_scores_are_resampled_on_fewer_levels_with_the_same_answer() -> None:
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(0, 1, 9000), rng.normal(1, 1, 1000)
    negatives, positives = curves._by_level(np.concatenate([inside, outside]), 9000, 0)  # pyright: ignore[reportPrivateUsage]
    assert negatives.shape == positives.shape == (1001, curves.LEVELS)
    found = curves.out_of_scope(inside, outside)
    assert found.auroc.value == pytest.approx(0.76, abs=0.02)
    assert found.auroc.low < found.auroc.value < found.auroc.high
    assert found.auprc.low < found.auprc.value < found.auprc.high
    assert found.auroc.high - found.auroc.low < 0.05


def test_reliability_bins_hold_all_messages_and_add_up_to_the_calibration_error() -> None:
    probabilities, true = sample(500, 3, 4)
    bins = curves.reliability(probabilities, true)
    assert sum(each.messages for each in bins) == 500
    assert all(each.low <= each.confidence <= each.high + 1e-6 for each in bins)
    total = sum(each.messages * abs(each.confidence - each.accuracy) for each in bins) / 500
    assert total == pytest.approx(metrics.ece(probabilities, true), abs=1e-5)


@given(RANDOM)
@settings(max_examples=30, deadline=None)
def test_coverage_grows_to_everything_and_precision_is_counted_there(of: tuple[int, int, int]) -> None:
    probabilities, true = sample(*of)
    curve = curves.coverage(probabilities, true)
    right, confidence = probabilities.argmax(1) == true, probabilities.max(1)
    assert [each.coverage for each in curve] == sorted({each.coverage for each in curve})
    assert curve[-1].coverage == 1
    assert curve[-1].precision == pytest.approx(right.mean())
    for each in curve:
        assert each.precision == pytest.approx(right[confidence >= np.float32(each.threshold)].mean())


def test_each_label_keeps_to_its_own_threshold() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]], np.float32)
    found = curves.at_thresholds(probabilities, np.array([0, 0, 1, 0]), np.array([0.5, 0.8], np.float32))
    assert (found.coverage, found.precision) == (0.75, pytest.approx(2 / 3))
    silent = curves.at_thresholds(probabilities, np.array([0, 0, 1, 0]), np.ones(2, np.float32))
    assert (silent.coverage, silent.precision) == (0, 0)


def test_the_widest_point_at_a_precision_is_found_or_none() -> None:
    curve = [curves.Spoken(0.9, 0.1, 0.8), curves.Spoken(0.8, 0.5, 0.95), curves.Spoken(0.1, 1.0, 0.6)]
    assert curves.widest(curve, 0.9) == curve[1]
    assert curves.widest(curve, 0.99) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "p", "method"),
    [
        (0, 0, 1.0, "exact"),
        (5, 5, 1.0, "exact"),
        (1, 9, 0.021484375, "exact"),  # 2 * (1 + 10) / 2**10
        (59, 121, 5.45e-6, "chi-squared"),  # (|59 - 121| - 1)² / 180 = 20.67
        (15, 10, 0.4237, "chi-squared"),  # (|15 - 10| - 1)² / 25 = 0.64
    ],
)
def test_mcnemar_says_what_the_books_say(ours: int, theirs: int, p: float, method: str) -> None:
    found = significance.mcnemar(ours, theirs)
    assert found.p == pytest.approx(p, rel=0.01)
    assert found.method.startswith(method)


def test_exact_and_chi_squared_nearly_meet_where_one_follows_the_other() -> None:
    from scipy.stats import binomtest

    assert significance.mcnemar(8, 17).p == pytest.approx(binomtest(8, 25).pvalue, abs=0.01)


def test_two_models_are_compared_on_the_same_messages() -> None:
    true = np.arange(600) % 3
    good, bad = true.copy(), true.copy()
    good[:30] = (true[:30] + 1) % 3
    bad[:90] = (true[:90] + 1) % 3
    found = significance.compare(good, bad, true, 3)
    assert found.accuracy.value == pytest.approx(0.1)
    assert found.accuracy.low > 0.07  # paired: the errors that both make cost no certainty
    assert found.macro_f1.low > 0
    assert (found.mcnemar.ours, found.mcnemar.theirs) == (60, 0)
    assert found.mcnemar.p < 1e-6
    assert significance.compare(good, good, true, 3).macro_f1 == bootstrap.Interval(0, 0, 0)


@given(RANDOM)
@settings(max_examples=15, deadline=None)
def test_a_comparison_is_the_difference_of_the_figures(of: tuple[int, int, int]) -> None:
    ours, true = sample(*of)
    theirs, _ = sample(of[0], of[1], of[2] + 1)
    found = significance.compare(ours.argmax(1), theirs.argmax(1), true, of[1])
    first, second = (bootstrap.figures(each.argmax(1), true, of[1]) for each in (ours, theirs))
    assert found.accuracy.value == pytest.approx(first.accuracy.value - second.accuracy.value)
    assert found.macro_f1.value == pytest.approx(first.macro_f1.value - second.macro_f1.value)

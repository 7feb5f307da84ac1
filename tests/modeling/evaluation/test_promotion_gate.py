from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.evaluation import metrics, promotion_gate
from modeling.types import Predicted, Probabilities, Targets

LABELS = ("a", "b", "c")


def odds(predicted: Predicted, sure: float = 0.9) -> Probabilities:
    rest = (1 - sure) / 2
    return np.where(np.eye(3)[predicted] > 0, sure, rest).astype(np.float32)


def flipped(targets: Targets, share: float, seed: int) -> Targets:
    """Wrong on about `share` of the messages."""
    rng = np.random.default_rng(seed)
    wrong = rng.uniform(size=len(targets)) < share
    return np.where(wrong, (targets + 1) % 3, targets)


TARGETS = np.random.default_rng(0).integers(0, 3, 600)


@given(st.integers(1, 60), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_figures_agree_with_scikit_learn(count: int, seed: int) -> None:
    from sklearn.metrics import (  # pyright: ignore[reportUnknownVariableType]
        accuracy_score,
        f1_score,
        precision_recall_fscore_support,
    )

    rng = np.random.default_rng(seed)
    targets, probabilities = rng.integers(0, 3, count), rng.dirichlet([1, 1, 1], count).astype(np.float32)
    found = metrics.scores(probabilities, targets, LABELS)
    predicted, present = probabilities.argmax(1), np.unique(targets)
    book = f1_score(targets, predicted, labels=present, average="macro", zero_division=0)  # pyright: ignore[reportArgumentType]
    assert found.accuracy == pytest.approx(accuracy_score(targets, predicted))
    assert found.macro_f1 == pytest.approx(book, abs=1e-5)
    figures = precision_recall_fscore_support(targets, predicted, labels=present, zero_division=0)  # pyright: ignore[reportArgumentType]
    assert found.messages == count
    assert list(found.per_label) == [LABELS[place] for place in present]
    for score, *wanted in zip(found.per_label.values(), *figures, strict=True):
        assert (score.precision, score.recall, score.f1, score.support) == pytest.approx(tuple(wanted))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    targets = np.zeros(100, np.int64)
    predicted = np.where(np.arange(100) < 60, 0, 1)
    assert metrics.ece(odds(predicted, 0.9), targets) == pytest.approx(0.3, abs=1e-3)
    assert metrics.ece(odds(targets, 1.0), targets) == pytest.approx(0.0, abs=1e-6)


def test_a_clearly_better_candidate_is_promoted() -> None:
    decided = promotion_gate.promotion_gate(
        odds(flipped(TARGETS, 0.1, 1), 0.9), odds(flipped(TARGETS, 0.3, 2), 0.7), TARGETS, LABELS
    )
    assert decided.promote
    assert decided.low > 0
    assert "better" in decided.reason.text


def test_the_same_predictions_are_no_worse() -> None:
    same = odds(flipped(TARGETS, 0.2, 1))
    decided = promotion_gate.promotion_gate(same, same, TARGETS, LABELS)
    assert decided.promote
    assert (decided.low, decided.difference, decided.high) == (0, 0, 0)


def test_a_worse_candidate_is_kept_back() -> None:
    decided = promotion_gate.promotion_gate(
        odds(flipped(TARGETS, 0.3, 1)), odds(flipped(TARGETS, 0.1, 2)), TARGETS, LABELS
    )
    assert not decided.promote
    assert "may be worse" in decided.reason.text


def test_a_label_that_suffers_keeps_the_candidate_back_though_the_average_is_better() -> None:
    targets = np.repeat([0, 1, 2], 100)
    active, candidate = targets.copy(), targets.copy()
    active[:80] = np.where(np.arange(80) % 2, 1, 0)  # a and b are mixed up
    active[100:180] = np.where(np.arange(80) % 2, 0, 1)
    active[200:] = 2
    candidate[200:225] = 0  # c suffers
    decided = promotion_gate.promotion_gate(odds(candidate, 0.8), odds(active, 0.8), targets, LABELS)
    assert decided.difference > 0.05
    assert not decided.promote
    assert 'label "c"' in decided.reason.text


def test_a_label_that_lost_more_than_three_points_by_chance_keeps_nothing_back() -> None:
    """Two of 30 messages more are wrong: 4 points of F1, and many draws have neither of them."""
    targets = np.repeat([0, 1, 2], [30, 300, 300])
    active, candidate = targets.copy(), targets.copy()
    active[:5] = 1
    candidate[:7] = 2
    active[30:90] = 2  # elsewhere the candidate is better
    decided = promotion_gate.promotion_gate(odds(candidate, 0.98), odds(active, 0.9), targets, LABELS)
    lost = f1_of(candidate, targets) - f1_of(active, targets)
    assert -0.05 < lost < -0.03
    assert decided.promote, decided.reason.text


def test_a_label_with_fewer_than_30_messages_is_not_looked_at() -> None:
    targets = np.repeat([0, 1, 2], [29, 500, 500])
    active, candidate = targets.copy(), targets.copy()
    candidate[:20] = 1
    active[29:479] = np.where(np.arange(450) % 2, 2, 1)
    active[529:979] = np.where(np.arange(450) % 2, 1, 2)
    decided = promotion_gate.promotion_gate(odds(candidate, 0.9), odds(active, 0.5), targets, LABELS)
    assert f1_of(candidate, targets) - f1_of(active, targets) < -0.3
    assert decided.promote, decided.reason.text


def f1_of(predicted: Predicted, targets: Targets) -> float:
    """Of the first label."""
    return metrics.scores(odds(predicted), targets, LABELS).per_label["a"].f1


def test_overconfidence_alone_keeps_a_candidate_back() -> None:
    predicted = flipped(TARGETS, 0.3, 1)
    decided = promotion_gate.promotion_gate(odds(predicted, 0.99), odds(predicted, 0.7), TARGETS, LABELS)
    assert not decided.promote
    assert "worse calibrated" in decided.reason.text


def test_noise_in_the_calibration_error_does_not() -> None:
    predicted = flipped(TARGETS, 0.3, 1)
    assert promotion_gate.promotion_gate(odds(predicted, 0.705), odds(predicted, 0.70), TARGETS, LABELS).promote


@pytest.mark.parametrize(("sure", "promote"), [(0.735, True), (0.745, False)])
def test_a_point_of_calibration_is_forgiven_and_more_is_not(sure: float, promote: bool) -> None:
    """60% are right, so that every draw says the same difference, and none of it is noise."""
    predicted = np.where(np.arange(600) % 5 < 2, (TARGETS + 1) % 3, TARGETS)
    decided = promotion_gate.promotion_gate(odds(predicted, sure), odds(predicted, 0.73), TARGETS, LABELS)
    assert decided.promote is promote
    assert ("worse calibrated" in decided.reason.text) is not promote


def test_an_error_of_calibration_that_may_be_chance_is_forgiven() -> None:
    """Two points more on 40 messages: a draw of others says as often that it is less."""
    targets = TARGETS[:40]
    wrong = (targets + 1) % 3
    ours = np.where(np.arange(40) < 4, wrong, targets)
    theirs = np.where((np.arange(40) >= 4) & (np.arange(40) < 8), wrong, targets)
    decided = promotion_gate.promotion_gate(odds(ours, 0.94), odds(theirs, 0.92), targets, LABELS)
    assert "calibrated" not in decided.reason.text


@pytest.mark.parametrize(("messages", "promote"), [(1, False), (5, False), (29, False), (30, True)])
def test_fewer_than_30_messages_are_too_few_to_tell(messages: int, promote: bool) -> None:
    same = odds(TARGETS[:messages])
    decided = promotion_gate.promotion_gate(same, same, TARGETS[:messages], LABELS)
    assert decided.promote is promote
    assert (f"{messages} messages that neither model learned from are too few" in decided.reason.text) is not promote
    assert (f"只有 {messages} 条，太少，无法判断（至少需要 30 条）" in decided.reason.render("zh")) is not promote


def test_even_a_far_better_candidate_needs_so_many() -> None:
    targets = TARGETS[:29]
    decided = promotion_gate.promotion_gate(odds(targets), odds((targets + 1) % 3), targets, LABELS)
    assert decided.low > 0.5
    assert not decided.promote


@given(st.integers(1, 40), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_gate_decides_on_any_number_of_messages(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, count)
    ours, theirs = (rng.dirichlet([1, 1, 1], count).astype(np.float32) for _ in range(2))
    decided = promotion_gate.promotion_gate(ours, theirs, targets, LABELS)
    assert decided.low <= decided.high
    assert decided.reason.text.endswith(".")

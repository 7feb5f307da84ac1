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
    from sklearn.metrics import accuracy_score, f1_score  # pyright: ignore[reportUnknownVariableType]

    rng = np.random.default_rng(seed)
    targets, probabilities = rng.integers(0, 3, count), rng.dirichlet([1, 1, 1], count).astype(np.float32)
    found = metrics.scores(probabilities, targets, LABELS)
    predicted, present = probabilities.argmax(1), np.unique(targets)
    book = f1_score(targets, predicted, labels=present, average="macro", zero_division=0)  # pyright: ignore[reportArgumentType]
    assert found.accuracy == pytest.approx(accuracy_score(targets, predicted))
    assert found.macro_f1 == pytest.approx(book, abs=1e-5)
    assert set(found.per_label) == {LABELS[place] for place in present}


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


def test_overconfidence_alone_keeps_a_candidate_back() -> None:
    predicted = flipped(TARGETS, 0.3, 1)
    decided = promotion_gate.promotion_gate(odds(predicted, 0.99), odds(predicted, 0.7), TARGETS, LABELS)
    assert not decided.promote
    assert "worse calibrated" in decided.reason.text


def test_noise_in_the_calibration_error_does_not() -> None:
    predicted = flipped(TARGETS, 0.3, 1)
    assert promotion_gate.promotion_gate(odds(predicted, 0.705), odds(predicted, 0.70), TARGETS, LABELS).promote


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

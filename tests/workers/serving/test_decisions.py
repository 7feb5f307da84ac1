"""From probabilities to a decision: the likeliest label, how far ahead it is, and whether people see it."""

from __future__ import annotations

import numpy as np
import pytest

from workers.serving.decisions import Decision, decide
from workers.store.labels import Label

LABELS = tuple(Label(number, name, "", emoji) for number, (name, emoji) in enumerate(["a1", "b2", "c3", "d4"], 1))
PROBABILITIES = np.array([0.125, 0.5, 0.25, 0.0625], np.float32)
EVEN = np.full(4, 0.5, np.float32)


def test_the_margin_is_the_distance_to_the_second_and_the_three_likeliest_are_told() -> None:
    decision = decide(PROBABILITIES, LABELS, EVEN, guess=False)
    one, two, three = LABELS[1], LABELS[2], LABELS[0]
    ranked = ((one, 0.5), (two, 0.25), (three, 0.125))
    assert decision == Decision(one, 0.5, 0.25, guess=False, shown=True, ranked=ranked)


@pytest.mark.parametrize(("threshold", "shown"), [(0.4375, True), (0.5, True), (0.5625, False)])
def test_a_label_is_shown_from_its_own_threshold_on(threshold: float, shown: bool) -> None:
    thresholds = np.array([0.9, threshold, 0.1, 0.1], np.float32)
    decision = decide(PROBABILITIES, LABELS, thresholds, guess=True)
    assert (decision.label, decision.guess, decision.shown) == (LABELS[1], True, shown)


def test_what_is_out_of_scope_keeps_its_likeliest_label_and_is_not_shown() -> None:
    decision = decide(PROBABILITIES, LABELS, EVEN, guess=False, out_of_scope=True)
    assert (decision.label, decision.margin, decision.shown) == (LABELS[1], 0.25, False)


def test_of_two_labels_both_are_ranked() -> None:
    decision = decide(np.array([0.25, 0.75], np.float32), LABELS[:2], EVEN[:2], guess=False)
    assert decision.ranked == ((LABELS[1], 0.75), (LABELS[0], 0.25))


def test_with_nothing_to_choose_from_nothing_is_decided() -> None:
    nothing = Decision(None, 0.0, 0.0, guess=True, shown=False)
    assert decide(None, LABELS, EVEN, guess=True) == nothing
    assert decide(PROBABILITIES, LABELS, None, guess=True) == nothing

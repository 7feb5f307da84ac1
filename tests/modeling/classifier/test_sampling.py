"""The sample of very many labelled messages, and that a head of it says what a head of all of them would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.classifier import head
from modeling.classifier.calibration import best_temperature, thresholds
from modeling.classifier.logistic_regression import softmax
from modeling.classifier.sampling import MOST, NEWEST, affordable, sample


def skewed(count: int, classes: int, seed: int = 0) -> np.ndarray:
    """Labels of which the first are many and the last are few."""
    odds = 1 / np.arange(1, classes + 1) ** 1.5
    return np.random.default_rng(seed).choice(classes, count, p=odds / odds.sum())


@given(count=st.integers(0, 60), classes=st.integers(1, 12), most=st.integers(1, 40), seed=st.integers(0, 9))
def test_every_label_gives_all_it_has_or_as_many_as_any_other(count: int, classes: int, most: int, seed: int) -> None:
    targets = skewed(count, classes, seed)
    numbers = np.arange(count) * 7
    drawn = sample(numbers, targets, numbers, classes, most)
    if count <= most:
        assert drawn.rows.tolist() == list(range(count))
        assert drawn.counts is None
        return
    assert drawn.counts is not None
    assert drawn.counts.tolist() == np.bincount(targets, minlength=classes).tolist()
    assert np.isin(np.arange(count)[-NEWEST:], drawn.rows).all()


def test_a_large_sample_is_no_larger_than_wanted_and_balanced() -> None:
    targets = skewed(100_000, 100)
    numbers = np.arange(len(targets))
    drawn = sample(numbers, targets, numbers, 100)
    all_of, taken = np.bincount(targets, minlength=100), np.bincount(targets[drawn.rows], minlength=100)
    assert MOST - 200 < len(drawn.rows) <= MOST
    quota = taken[all_of > taken].min()
    assert (taken >= np.minimum(all_of, quota)).all()
    assert np.array_equal(drawn.rows[-NEWEST:], numbers[-NEWEST:])


def test_what_changed_last_is_in_the_sample_however_old_its_message_is() -> None:
    targets, changed = skewed(20_000, 10), np.zeros(20_000, np.int64)
    oldest = np.flatnonzero(targets == 0)[:NEWEST]
    changed[oldest] = 1
    assert np.isin(oldest, sample(np.arange(20_000), targets, changed, 10).rows).all()


def test_one_example_less_changes_a_few_rows_and_once_it_is_gone_nothing_is_left_of_it() -> None:
    targets, numbers = skewed(20_000, 10), np.arange(20_000) * 3
    before = sample(numbers, targets, numbers, 10)
    less = np.delete(numbers, before.rows[100])
    without = sample(less, np.delete(targets, before.rows[100]), less, 10)
    assert len(set(numbers[before.rows].tolist()) ^ set(less[without.rows].tolist())) < 20
    again = sample(numbers, targets, numbers, 10)
    assert np.array_equal(again.rows, before.rows)


def test_the_more_labels_the_fewer_examples_of_each_are_affordable() -> None:
    sizes = [affordable(labels) for labels in (0, 1, 10, 100, 300, 1000)]
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[3], sizes[-1]) == (MOST, MOST, MOST // 2)


def test_more_labels_than_a_sample_has_room_for_are_all_in_it() -> None:
    targets = np.repeat(np.arange(6000), 2)
    drawn = sample(np.arange(12_000), targets, np.arange(12_000), 6000)
    assert len(np.unique(targets[drawn.rows])) == 6000


def clusters(count: int, seed: int, shares: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of labels that overlap, so frequent in all; float32 [n, 8]."""
    rng = np.random.default_rng(seed)
    targets = rng.choice(len(shares), count, p=shares)
    vectors = rng.normal(0, 0.6, (count, 8)).astype(np.float32)
    vectors[np.arange(count), targets] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), targets


def test_the_head_of_a_sample_gives_probabilities_of_all_and_not_of_the_sample() -> None:
    vectors, targets = clusters(20_000, 0, (0.9, 0.07, 0.03))
    names, numbers = ["a", "b", "c"], np.arange(len(targets))
    drawn = sample(numbers, targets, numbers, 3, most=1500)
    of_all = head.fit(vectors, targets, names, None, c=8.0)
    part = vectors[drawn.rows], targets[drawn.rows]
    corrected = head.fit(*part, names, None, c=8.0, population=drawn.counts)
    plain = head.fit(*part, names, None, c=8.0)
    fresh, truth = clusters(5000, 1, (0.9, 0.07, 0.03))

    def apart(one: head.Head) -> float:
        return float(np.abs(one.probabilities(fresh) - of_all.probabilities(fresh)).mean())

    def right(one: head.Head) -> float:
        return float((one.probabilities(fresh).argmax(1) == truth).mean())

    assert apart(corrected) < 0.03 < apart(plain)
    assert right(corrected) > right(of_all) - 0.01 > right(plain)


def test_an_example_that_stands_for_three_counts_as_three() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 200)
    logits = (rng.normal(0, 1, (200, 3)) + 2 * np.eye(3)[targets]).astype(np.float32)
    times = rng.integers(1, 4, 200)
    repeated, same = np.repeat(logits, times, axis=0), np.repeat(targets, times)
    weighted = thresholds(softmax(logits), targets, stand_for=times.astype(np.float32))
    assert weighted == pytest.approx(thresholds(softmax(repeated), same), abs=0.02)
    loss = best_temperature(logits, targets, times.astype(np.float32))[0]
    assert loss == pytest.approx(best_temperature(repeated, same)[0], rel=0.05)

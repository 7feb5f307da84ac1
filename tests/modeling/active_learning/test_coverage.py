"""Centres stand for others, once each, and not for what is labelled already."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modeling.active_learning.coverage import COPY, centred, centres
from modeling.types import Vectors

NONE = np.empty((0, 8), np.float32)


def clusters(sizes: list[int], seed: int = 0, spread: float = 0.4) -> tuple[Vectors, list[int]]:
    """Unit vectors in groups around the axes, and which group each is of."""
    rng = np.random.default_rng(seed)
    groups = [group for group, size in enumerate(sizes) for _ in range(size)]
    vectors = np.eye(8)[groups] + spread * rng.normal(size=(len(groups), 8)) / np.sqrt(8)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), groups


def value(vectors: Vectors, chosen: list[int]) -> float:
    """What a choice is worth: the similarity of every message to the nearest chosen one."""
    return float(np.maximum((vectors @ vectors[chosen].T).max(axis=1, initial=0.0), 0).sum())


def test_each_group_is_asked_about_once_the_largest_first() -> None:
    vectors, groups = clusters([4, 20, 12])
    rows = centres(vectors, NONE, 3)
    assert [groups[row] for row in rows] == [1, 2, 0]


def test_what_is_labelled_needs_no_asking() -> None:
    vectors, groups = clusters([5, 20, 10])
    labelled, _ = clusters([0, 1])
    assert [groups[row] for row in centres(vectors, labelled, 2)] == [2, 0]


def test_near_copies_are_one_question() -> None:
    vectors, _ = clusters([1, 1, 1])
    copies = np.repeat(vectors, 5, axis=0)
    assert len(set(centres(copies, NONE, 10) // 5)) == len(centres(copies, NONE, 10)) == 3


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(1, 4))
def test_the_greedy_choice_is_within_its_bound_of_the_best_one(seed: int, messages: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(messages, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = centres(vectors, NONE[:, :4], count).tolist()
    best = max(value(vectors, list(some)) for some in itertools.combinations(range(messages), min(count, messages)))
    copies = np.count_nonzero(vectors @ vectors.T >= COPY) > messages
    assert len(set(rows)) == len(rows) <= count
    assert copies or value(vectors, rows) >= (1 - 1 / np.e) * best - 1e-4


@given(st.integers(0, 10_000), st.integers(1, 30))
def test_every_centre_is_the_one_that_adds_most(seed: int, messages: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(messages, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = centres(vectors, np.empty((0, 16), np.float32), 5).tolist()
    for position, row in enumerate(rows):
        before = rows[:position]
        free = [other for other in range(messages) if (vectors[before] @ vectors[other] < COPY).all()]
        most = max(value(vectors, [*before, other]) for other in free)
        assert value(vectors, [*before, row]) >= most - 1e-3


def test_what_all_messages_share_says_nothing() -> None:
    vectors, groups = clusters([10, 10])
    shifted = vectors + 20 * np.ones(8, np.float32)
    shifted /= np.linalg.norm(shifted, axis=1, keepdims=True)
    assert (shifted @ shifted.T).min() > 0.99
    candidates, labelled = centred(shifted.astype(np.float32), NONE)
    assert {groups[row] for row in centres(candidates, labelled, 2)} == {0, 1}


def test_one_message_and_vectors_of_zeros_can_be_asked_about() -> None:
    assert centres(*centred(np.ones((1, 8), np.float32), NONE), 3).tolist() == [0]
    assert len(centres(*centred(np.zeros((4, 8), np.float32), NONE), 3)) == 3
    assert centres(NONE, NONE, 3).tolist() == []

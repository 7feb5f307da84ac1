"""What is chosen to be asked about: centres, then doubts, classes without an example, and the named strategies."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.active_learning.strategies import EARLY, STRATEGIES, Pool, Strategy, choose, sought
from modeling.active_learning.uncertainty import margins, probabilities

CLASSES = 4


def messages(count: int, seed: int = 0, spread: float = 0.5) -> tuple[Any, Any]:
    """Unit vectors around one axis a class, and their classes."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, CLASSES, count)
    vectors = np.eye(16)[targets] + spread * rng.normal(size=(count, 16)) / 4
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), targets


def pool(candidates: int, labelled: int, seed: int = 0, **more: Any) -> Pool:
    vectors, _ = messages(candidates, seed)
    known, targets = messages(labelled, seed + 1)
    values: dict[str, Any] = {"predicted": np.full(candidates, -1), "certainty": np.zeros(candidates, np.float32)}
    values |= {"classes": CLASSES, **more}
    return Pool(vectors, known, targets, **values)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(candidates=st.integers(0, 40), labelled=st.integers(0, 40), count=st.integers(0, 12), seed=st.integers(0, 99))
def test_rows_are_distinct_at_most_as_many_as_wanted_and_the_same_for_a_seed(
    strategy: Strategy, candidates: int, labelled: int, count: int, seed: int
) -> None:
    asked = pool(candidates, labelled, seed)
    rows = choose(asked, count, strategy, seed).tolist()
    assert rows == choose(asked, count, strategy, seed).tolist()
    assert len(set(rows)) == len(rows) <= min(count, candidates)
    assert len(rows) == min(count, candidates) or strategy == "auto"  # which leaves near copies out
    assert bool(rows) == (min(count, candidates) > 0)
    assert all(0 <= row < candidates for row in rows)


def test_with_no_label_every_class_is_asked_about_at_once() -> None:
    vectors, targets = messages(60)
    asked = Pool(vectors, vectors[:0], targets[:0], CLASSES, np.full(60, -1), np.zeros(60, np.float32))
    assert set(targets[choose(asked, CLASSES)]) == set(range(CLASSES))


def test_once_enough_is_labelled_the_doubtful_are_asked_about() -> None:
    enough = pool(200, EARLY * CLASSES)
    doubts = margins(probabilities(enough.candidates, enough.labelled, enough.targets))
    assert doubts[choose(enough, 5)].max() < np.median(doubts)
    assert choose(enough, 5, "margin").tolist() == np.argsort(doubts, kind="stable")[:5].tolist()
    early = pool(200, EARLY * CLASSES - 1)
    doubts = margins(probabilities(early.candidates, early.labelled, early.targets))
    assert doubts[choose(early, 5)].max() > np.median(doubts)


def test_one_label_alone_leaves_nothing_to_doubt() -> None:
    one = pool(30, 8, classes=1)
    one = Pool(one.candidates, one.labelled, np.zeros(8, np.int64), 1, one.predicted, one.certainty)
    for strategy in STRATEGIES:
        assert len(choose(one, 3, strategy)) == 3


def test_a_class_without_an_example_is_sought_where_the_model_foresees_it() -> None:
    predicted, certainty = np.full(50, 0), np.full(50, 0.9, np.float32)
    predicted[[7, 9, 11]], certainty[[7, 9, 11]] = [2, 2, 3], [0.3, 0.5, 0.4]
    known, _ = messages(30)
    asked = Pool(messages(50)[0], known, np.arange(30) % 2, CLASSES, predicted, certainty)
    assert sought(asked, 5).tolist() == [9, 11]
    assert sought(asked, 1).tolist() == [9]
    assert choose(asked, 4)[:2].tolist() == [9, 11]
    assert 9 in [choose(asked, 1, seed=seed)[0] for seed in range(20)]
    assert not all(choose(asked, 1, seed=seed)[0] == 9 for seed in range(20))


@pytest.mark.parametrize("labelled", [0, 8, 40])
def test_copies_are_asked_about_once(labelled: int) -> None:
    few, _ = messages(3)
    known, targets = messages(labelled, 1)
    copies = np.repeat(few, 6, axis=0)
    rows = choose(Pool(copies, known, targets, CLASSES, np.full(18, -1), np.zeros(18, np.float32)), 10)
    assert len(set(rows // 6)) == len(rows) <= 3


def test_it_needs_no_torch_and_no_scikit_learn() -> None:
    code = "import sys, modeling.active_learning.strategies; print({'torch', 'sklearn'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

"""Margins, entropies and BADGE on probabilities whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from modeling.active_learning.uncertainty import badge, entropies, margins, probabilities

FORESEEN = np.array([[0.5, 0.5, 0.0], [0.9, 0.05, 0.05], [0.4, 0.3, 0.3]], np.float32)


def test_margins_and_entropies() -> None:
    assert margins(FORESEEN) == pytest.approx([0.0, 0.85, 0.1])
    assert entropies(FORESEEN) == pytest.approx([0.6931, 0.3944, 1.0889], abs=1e-4)


def test_a_classifier_knows_only_classes_with_an_example() -> None:
    labelled = np.eye(4, dtype=np.float32)[:2]
    foreseen = probabilities(np.eye(4, dtype=np.float32), labelled, np.array([7, 3]))
    assert foreseen.shape == (4, 2)
    assert foreseen[:2].argmax(axis=1).tolist() == [1, 0]  # in the order of the classes' numbers: 3, then 7
    assert margins(foreseen)[2:] == pytest.approx([0, 0], abs=1e-3)


def test_badge_distances_are_those_of_the_gradients() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 5)).astype(np.float32)
    foreseen = rng.dirichlet(np.ones(3), 30).astype(np.float32)
    residuals = foreseen - np.eye(3)[foreseen.argmax(axis=1)]
    gradients = np.einsum("nk,nd->nkd", residuals, vectors).reshape(30, -1)
    first = badge(foreseen, vectors, 1, rng)
    assert first.tolist() == [np.linalg.norm(gradients, axis=1).argmax()]
    rows = badge(foreseen, vectors, 30, rng)
    assert sorted(rows.tolist()) == list(range(30))


def test_badge_takes_no_copy_of_what_it_took() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    foreseen = np.full((12, 3), 1 / 3, np.float32)
    rows = badge(foreseen, vectors, 12, np.random.default_rng(0))
    assert sorted(rows // 4) == [0, 1, 2]

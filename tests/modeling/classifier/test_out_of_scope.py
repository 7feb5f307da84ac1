from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from modeling.backbones.backbone import Backbone
from modeling.classifier import bundle as bundles
from modeling.classifier import head, out_of_scope
from modeling.classifier.bundle import Bundle
from modeling.classifier.head import Head
from modeling.classifier.out_of_scope import FEWEST, LIMIT, OodSignals
from modeling.types import Targets, Vectors

LABELS, DIMENSION = 5, 32


def unit(rows: NDArray[np.floating]) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def around(centres: Vectors, each: int, seed: int) -> tuple[Vectors, Targets]:
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(centres)), each)
    return unit(centres[targets] + 0.12 * rng.standard_normal((len(targets), DIMENSION))), targets


@pytest.fixture(scope="module")
def centres() -> Vectors:
    """Eight places: five are labels, three are what nobody labelled."""
    return unit(np.random.default_rng(1).standard_normal((LABELS + 3, DIMENSION)))


@pytest.fixture(scope="module")
def fitted(centres: Vectors) -> Head:
    vectors, targets = around(centres[:LABELS], 60, 2)
    return head.fit(vectors, targets, [f"label {place}" for place in range(LABELS)], centres[:LABELS])


def test_messages_of_no_label_are_out_of_scope_and_those_of_labels_are_not(fitted: Head, centres: Vectors) -> None:
    inside, outside = around(centres[:LABELS], 80, 3)[0], around(centres[LABELS:], 80, 4)[0]
    assert fitted.is_out_of_scope(inside).mean() <= 0.04
    assert fitted.is_out_of_scope(outside).mean() >= 0.95
    scores = fitted.ood_scores(np.concatenate([inside, outside]))
    assert scores is not None
    assert 0 < scores.min() < LIMIT < scores.max() < 1
    assert scores.dtype == np.float32


def test_with_too_little_support_nothing_is_out_of_scope(centres: Vectors) -> None:
    vectors, targets = around(centres[:LABELS], 6, 2)
    few = head.fit(vectors, targets, [str(place) for place in range(LABELS)], centres[:LABELS])
    outside = around(centres[LABELS:], 20, 4)[0]
    assert few.out_of_scope is None
    assert few.ood_scores(outside) is None
    assert not few.is_out_of_scope(outside).any()


def test_a_new_label_is_at_home_from_its_first_message_on(fitted: Head, centres: Vectors) -> None:
    """The limit was chosen without it, but its message joins the landmarks at the next quick fit."""
    vectors, targets = around(centres[:LABELS], 60, 2)
    new = around(centres[LABELS : LABELS + 1], 4, 5)[0]
    after = head.fit(
        np.concatenate([vectors, new[:1]]),
        np.append(targets, LABELS),
        [*fitted.labels, "new"],
        centres[: LABELS + 1],
        c=fitted.c,
        temperature=fitted.temperature,
        thresholds=np.full(LABELS + 1, 0.5, np.float32),
        out_of_scope=fitted.out_of_scope,
    )
    assert fitted.is_out_of_scope(new[1:]).any()
    assert not after.is_out_of_scope(new[1:]).any()


def test_a_withdrawn_message_leaves_no_trace_in_the_detector(fitted: Head, centres: Vectors) -> None:
    vectors, targets = around(centres[:LABELS], 60, 2)
    again = head.fit(vectors[1:], targets[1:], fitted.labels, centres[:LABELS], warm=fitted)
    assert again.out_of_scope is not None
    assert not (again.out_of_scope.landmarks == vectors[0]).all(axis=1).any()


def test_a_limit_lets_ninety_nine_of_a_hundred_held_out_messages_pass() -> None:
    rng = np.random.default_rng(0)
    seen, new = (OodSignals(*rng.standard_normal((2, 4000)).astype(np.float32)) for _ in range(2))
    found = out_of_scope.calibrated_detector(np.eye(2, dtype=np.float32), [seen])
    assert found is not None
    strange = (found.centre[0] - new.near) / found.spread[0] + (found.centre[1] - new.top) / found.spread[1]
    assert (strange <= found.limit).mean() == pytest.approx(0.99, abs=0.006)


def test_fewer_held_out_messages_than_the_promise_needs_give_no_limit() -> None:
    rng = np.random.default_rng(0)
    enough = OodSignals(*rng.standard_normal((2, FEWEST)).astype(np.float32))
    assert out_of_scope.calibrated_detector(np.eye(2, dtype=np.float32), [enough]) is not None
    assert (
        out_of_scope.calibrated_detector(np.eye(2, dtype=np.float32), [OodSignals(enough.near[1:], enough.top[1:])])
        is None
    )
    assert out_of_scope.calibrated_detector(np.eye(2, dtype=np.float32), []) is None


def test_both_signals_count_in_units_of_their_spread() -> None:
    """The nearest landmark varies by 0.01 and the largest logit by 10: neither may drown the other."""
    rng = np.random.default_rng(0)
    near, top = rng.normal(0.8, 0.01, 4000), rng.normal(30, 10, 4000)
    found = out_of_scope.calibrated_detector(
        np.eye(2, dtype=np.float32), [OodSignals(near.astype(np.float32), top.astype(np.float32))]
    )
    assert found is not None
    assert found.limit == pytest.approx(2.326 * 2**0.5, abs=0.2), "of the sum of two normal ones, 99% are below"
    usual, odd_near, odd_top = np.array([[0.8], [0.76], [0.8]]), 0.8 - 0.01 * found.limit, 30 - 10 * found.limit
    vectors = np.concatenate([usual[:1], [[odd_near - 0.001]], [[odd_near + 0.001]], usual[:1], usual[:1]])
    vectors = np.pad(vectors, ((0, 0), (0, 1))).astype(np.float32)
    logits = np.array([[30], [30], [30], [odd_top - 1], [odd_top + 1]], np.float32)
    assert (found.scores(vectors, logits) > LIMIT).tolist() == [False, True, False, True, False]


def test_without_predictions_out_of_fold_there_is_no_detector(centres: Vectors) -> None:
    vectors, targets = around(centres[:LABELS], 20, 2)
    logits = (vectors @ centres[:LABELS].T).astype(np.float32)
    assert out_of_scope.fit_detector(vectors, targets, None, seed=0) is None
    assert out_of_scope.fit_detector(vectors[:98], targets[:98], logits[:98], seed=0) is None
    assert out_of_scope.fit_detector(vectors[:99], targets[:99], logits[:99], seed=0) is not None


def test_equal_messages_do_not_break_the_spread() -> None:
    same = OodSignals(np.ones(200, np.float32), np.ones(200, np.float32))
    found = out_of_scope.calibrated_detector(np.eye(2, dtype=np.float32), [same])
    assert found is not None
    assert np.isfinite(found.scores(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32))).all()


def test_landmarks_are_few_unit_vectors_that_every_label_shares(centres: Vectors) -> None:
    vectors, targets = around(centres, 100, 6)
    vectors, targets = np.concatenate([vectors, vectors[:50]]), np.concatenate([targets, targets[:50]])
    kept = out_of_scope.choose_landmarks(vectors, targets, 40)
    assert len(kept) == 40
    assert np.allclose(np.linalg.norm(kept, axis=1), 1, atol=1e-5)
    assert np.bincount((kept @ centres.T).argmax(1)).tolist() == [5] * len(centres)
    assert out_of_scope.choose_landmarks(vectors, targets, None) is vectors
    assert np.array_equal(kept, out_of_scope.choose_landmarks(vectors, targets, 40))


def test_it_is_saved_with_the_bundle_and_an_old_bundle_without_it_still_loads(
    minilm: Backbone, fitted: Head, centres: Vectors, tmp_path: Path
) -> None:
    pad = ((0, 0), (0, minilm.dimension - DIMENSION))
    assert fitted.out_of_scope is not None
    wide = replace(
        fitted,
        weights=np.pad(fitted.weights, pad),
        out_of_scope=fitted.out_of_scope.with_landmarks(np.pad(fitted.out_of_scope.landmarks, pad)),
    )
    Bundle(minilm, wide).save(tmp_path / "new")
    vectors = np.pad(np.concatenate([around(each[None], 20, 7)[0] for each in centres]), pad)
    before, after = wide.ood_scores(vectors), bundles.load(tmp_path / "new").head.ood_scores(vectors)
    assert before is not None
    assert after is not None
    assert np.allclose(before, after, atol=5e-3)
    Bundle(minilm, replace(wide, out_of_scope=None)).save(tmp_path / "old")  # as before there was a detector
    loaded = bundles.load(tmp_path / "old")
    assert loaded.head.out_of_scope is None
    probabilities, scores = loaded.read(["is anybody there", "the lamp is green"])
    assert np.allclose(scores, 1 - probabilities.max(axis=1))

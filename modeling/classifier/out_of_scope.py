"""Knowing when to be silent: how foreign a message is to all that was labelled, learnt from labelled messages alone.

Two signs, each in units of its spread among labelled messages that were held out: how far the nearest labelled message
lies (Sun et al. 2022), and how small the largest score of the head is (Hendrycks et al. 2022), for the one sees what is
unlike all examples and the other what lies between labels. Held-out labels and CLINC150's validation messages spoke for
this pair over Mahalanobis distance, class means, energy, and averages over more neighbours.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from modeling.classifier.calibration import FOLDS
from modeling.data.folds import stratified_folds
from modeling.types import Cosines, Logits, Mask, OodScores, Targets, Vectors

PASSED = 0.99  # of in-scope messages stay below the limit
FEWEST = 99  # held-out messages without which no limit can promise that: there is no scope then
LIMIT = 0.5  # the score from which on a message is foreign
LANDMARKS = 1024  # what a bundle keeps; a chat's own head keeps every labelled vector
ROUNDS = 5
PORTION = 512


@dataclass(frozen=True, slots=True)
class ScopeSigns:
    """Both signs of messages: `near` float32 [n] is the cosine of the nearest landmark, `top` [n] the largest score."""

    near: Cosines
    top: NDArray[np.float32]

    def of(self, rows: Mask) -> ScopeSigns:
        """Return those of some messages."""
        return ScopeSigns(self.near[rows], self.top[rows])


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """What is known: `landmarks` float32 [m, d] of length one, and where labelled messages lie.

    `centre` and `spread` float32 [2] are of both signs over held-out messages, `limit` is the sum of both, turned
    around, that PASSED of them stay below.
    """

    landmarks: Vectors
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    limit: float

    def score(self, vectors: Vectors, scores: Logits) -> OodScores:
        """Return float32 [n] between 0 and 1, larger for more foreign messages; above LIMIT it is better to be silent.

        `vectors` float32 [n, d] have length one, `scores` float32 [n, k] are the head's before its temperature.
        """
        strange = _strange(ScopeSigns(nearest(vectors, self.landmarks), scores.max(axis=1)), self.centre, self.spread)
        return (0.5 + np.arctan(strange - self.limit) / np.pi).astype(np.float32)

    def knowing(self, vectors: Vectors) -> OutOfScope:
        """Return the scope with these labelled vectors [m, d] in place of its landmarks."""
        return replace(self, landmarks=vectors)

    def tensors(self) -> dict[str, NDArray[np.floating]]:
        """Return it as arrays for a safetensors file; landmarks are float16, for which cosines care little."""
        marks = np.array([*self.centre, *self.spread, self.limit], np.float32)
        return {"landmarks": self.landmarks.astype(np.float16), "scope": marks}

    @staticmethod
    def of(tensors: Mapping[str, NDArray[np.floating]]) -> OutOfScope | None:
        """Return what `tensors` gave; None where a file holds no scope. Raises KeyError on half of one."""
        if "scope" not in tensors:
            return None
        marks = np.asarray(tensors["scope"], np.float32)
        return OutOfScope(tensors["landmarks"].astype(np.float32), marks[:2], marks[2:4], float(marks[4]))


def fit(
    vectors: Vectors, targets: Targets, scores: Logits | None, *, seed: int, most: int | None = None
) -> OutOfScope | None:
    """Return the scope of labelled vectors float32 [n, d]; `scores` float32 [n, k] are the head's, out of fold.

    None with too few messages for saying anything. `most` landmarks are kept, by default all vectors.
    """
    if scores is None or len(vectors) < FEWEST:
        return None
    return limited(landmarks(vectors, targets, most), [signs(vectors, targets, scores, seed=seed, most=most)])


def signs(vectors: Vectors, targets: Targets, scores: Logits, *, seed: int, most: int | None = None) -> ScopeSigns:
    """Return both signs of labelled messages, each held out of the landmarks; `scores` [n, k] are out of fold."""
    near = np.zeros(len(vectors), np.float32)
    for part in stratified_folds(targets, FOLDS, seed):
        rest = np.setdiff1d(np.arange(len(vectors)), part)
        near[part] = nearest(vectors[part], landmarks(vectors[rest], targets[rest], most))
    return ScopeSigns(near, scores.max(axis=1))


def limited(known: Vectors, held_out: Sequence[ScopeSigns]) -> OutOfScope | None:
    """Return the scope around `known` landmarks [m, d] whose limit PASSED of held-out messages stay below.

    The limit is the rank among n held-out messages that keeps this promise for the next one, whatever they look like
    (conformal prediction, Vovk et al. 2005); below FEWEST there is no such rank, and None is returned.
    """
    if sum(len(each.near) for each in held_out) < FEWEST:
        return None
    near = np.concatenate([each.near for each in held_out])
    top = np.concatenate([each.top for each in held_out])
    pair = np.stack([near, top])
    centre, spread = pair.mean(axis=1), np.maximum(pair.std(axis=1), 1e-6)
    rank = min(len(near), int(np.ceil(PASSED * (len(near) + 1))))
    limit = float(np.sort(_strange(ScopeSigns(near, top), centre, spread))[rank - 1])
    return OutOfScope(known, centre, spread, limit)


def landmarks(vectors: Vectors, targets: Targets, most: int | None) -> Vectors:
    """Return at most about `most` unit vectors that lie where labelled ones [n, d] lie, each label's by k-means.

    Every label gets the same number, for how often one was used says nothing about how much it covers.
    """
    if most is None or len(vectors) <= most:
        return vectors
    present = np.unique(targets)
    share = max(1, most // len(present))
    found = np.concatenate([_condensed(vectors[targets == label], share) for label in present])
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def nearest(vectors: Vectors, known: Vectors) -> Cosines:
    """Return the cosine of the nearest of the unit vectors `known` [m, d] for each of [n, d], float32 [n]."""
    found = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), PORTION):
        found[start : start + PORTION] = (vectors[start : start + PORTION] @ known.T).max(axis=1)
    return found


def _condensed(vectors: Vectors, count: int) -> Vectors:
    if len(vectors) <= count:
        return vectors
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # equal messages leave clusters empty, which harms nothing
        centres, _ = kmeans2(vectors.astype(np.float64), count, iter=ROUNDS, minit="++", rng=0)
    return np.asarray(centres, np.float32)


def _strange(signs: ScopeSigns, centre: NDArray[np.float32], spread: NDArray[np.float32]) -> NDArray[np.float32]:
    near = (centre[0] - signs.near) / spread[0]
    return near + (centre[1] - signs.top) / spread[1]

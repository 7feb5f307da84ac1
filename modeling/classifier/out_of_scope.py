"""The out-of-scope score: how likely it is that a message belongs to none of the labels.

No out-of-scope message is needed to learn it. Two signals, each in units of its spread over held-out labelled messages,
are added: the distance to the nearest labelled message (Sun et al. 2022), which sees what is unlike all examples, and
the largest logit, turned around (Hendrycks et al. 2022), which sees what lies between labels. On held-out labels and on
CLINC150's validation messages this pair did better than Mahalanobis distance, distance to class means, energy, and
averages over more neighbours.
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
from modeling.types import Cosines, Logits, Mask, OodScores, Rows, Targets, Vectors

PASSED = 0.99  # of in-scope messages stay below the limit
FEWEST = 99  # held-out messages without which no limit can promise that: there is no detector then
LIMIT = 0.5  # the score above which a message is out of scope
LANDMARKS = 1024  # what a bundle keeps; a chat's own head keeps every labelled vector
ROUNDS = 5  # of k-means
PORTION = 512  # messages whose cosines are in memory at a time


@dataclass(frozen=True, slots=True)
class OodSignals:
    """Both signals of n messages: `near` [n] is the cosine of the nearest landmark, `top` [n] the largest logit."""

    near: Cosines
    top: NDArray[np.float32]

    def of(self, rows: Mask) -> OodSignals:
        """Return those of some messages."""
        return OodSignals(self.near[rows], self.top[rows])


@dataclass(frozen=True, slots=True)
class OutOfScopeDetector:
    """Where labelled messages lie: `landmarks` float32 [m, d] of length one, and what is usual among them.

    `centre` and `spread` [2] are mean and standard deviation of both signals over held-out messages, `limit` is the sum
    of both standardised signals, turned around, that PASSED of those messages stay below.
    """

    landmarks: Vectors
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    limit: float

    def scores(self, vectors: Vectors, logits: Logits) -> OodScores:
        """Return the out-of-scope scores [n] of messages, above LIMIT where it is better not to answer.

        `vectors` [n, d] have length one; `logits` [n, k] are the head's before its temperature.
        """
        signals = OodSignals(nearest(vectors, self.landmarks), logits.max(axis=1))
        beyond = _strangeness(signals, self.centre, self.spread) - self.limit
        # The arctangent maps any distance from the limit to 0..1, the limit itself to one half.
        return (0.5 + np.arctan(beyond) / np.pi).astype(np.float32)

    def with_landmarks(self, landmarks: Vectors) -> OutOfScopeDetector:
        """Return the detector with these labelled vectors [m, d] in place of its landmarks."""
        return replace(self, landmarks=landmarks)

    def tensors(self) -> dict[str, NDArray[np.floating]]:
        """Return it as arrays for a safetensors file; landmarks are float16, for which cosines care little."""
        marks = np.array([*self.centre, *self.spread, self.limit], np.float32)
        return {"landmarks": self.landmarks.astype(np.float16), "scope": marks}

    @staticmethod
    def from_tensors(tensors: Mapping[str, NDArray[np.floating]]) -> OutOfScopeDetector | None:
        """Return what `tensors` gave; None where a file holds no detector. Raises KeyError on half of one."""
        if "scope" not in tensors:
            return None
        marks = np.asarray(tensors["scope"], np.float32)
        return OutOfScopeDetector(tensors["landmarks"].astype(np.float32), marks[:2], marks[2:4], float(marks[4]))


def fit_detector(
    vectors: Vectors, targets: Targets, logits: Logits | None, *, seed: int, most: int | None = None
) -> OutOfScopeDetector | None:
    """Return the detector for labelled vectors [n, d]; `logits` [n, k] are the head's, out of fold.

    None with fewer than FEWEST messages. `most` landmarks are kept, by default all vectors.
    """
    if logits is None or len(vectors) < FEWEST:
        return None
    held_out = signals(vectors, targets, logits, seed=seed, most=most)
    return calibrated_detector(choose_landmarks(vectors, targets, most), [held_out])


def signals(vectors: Vectors, targets: Targets, logits: Logits, *, seed: int, most: int | None = None) -> OodSignals:
    """Return both signals of labelled messages, each held out of the landmarks; `logits` [n, k] are out of fold."""
    near = np.zeros(len(vectors), np.float32)
    for fold in stratified_folds(targets, FOLDS, seed):
        near[fold] = held_out_nearest(vectors, targets, fold, most)
    return OodSignals(near, logits.max(axis=1))


def calibrated_detector(landmarks: Vectors, held_out: Sequence[OodSignals]) -> OutOfScopeDetector | None:
    """Return the detector around `landmarks` [m, d] whose limit PASSED of held-out messages stay below.

    The limit is the rank among n held-out messages that keeps this promise for the next one, whatever their
    distribution (conformal prediction, Vovk et al. 2005); below FEWEST there is no such rank, and None is returned.
    """
    if sum(len(part.near) for part in held_out) < FEWEST:
        return None
    near = np.concatenate([part.near for part in held_out])
    top = np.concatenate([part.top for part in held_out])
    pair = np.stack([near, top])
    # Where all messages are equal nothing spreads, and nothing may be divided by that.
    centre, spread = pair.mean(axis=1), np.maximum(pair.std(axis=1), 1e-6)
    # Of n + 1 ranks, for the next message may fall anywhere among the n.
    rank = min(len(near), int(np.ceil(PASSED * (len(near) + 1))))
    limit = float(np.sort(_strangeness(OodSignals(near, top), centre, spread))[rank - 1])
    return OutOfScopeDetector(landmarks, centre, spread, limit)


def choose_landmarks(vectors: Vectors, targets: Targets, most: int | None) -> Vectors:
    """Return at most about `most` unit vectors that lie where labelled ones [n, d] lie, each label's by k-means.

    Every label gets the same number, for how often one was used says nothing about how much it covers.
    """
    if most is None or len(vectors) <= most:
        return vectors
    present = np.unique(targets)
    # One for each label even where there are more labels than landmarks.
    share = max(1, most // len(present))
    landmarks = np.concatenate([_condensed(vectors[targets == label], share) for label in present])
    # Means of unit vectors are shorter than one, and `nearest` takes products for cosines.
    return landmarks / np.maximum(np.linalg.norm(landmarks, axis=1, keepdims=True), 1e-12)


def held_out_nearest(vectors: Vectors, targets: Targets, fold: Rows, most: int | None) -> Cosines:
    """Return the cosine [m] of the nearest landmark for the rows `fold` [m], with landmarks of all other rows."""
    rest = np.setdiff1d(np.arange(len(vectors)), fold)
    return nearest(vectors[fold], choose_landmarks(vectors[rest], targets[rest], most))


def nearest(vectors: Vectors, landmarks: Vectors) -> Cosines:
    """Return the cosine [n] of the nearest of the unit vectors `landmarks` [m, d] for each of [n, d]."""
    cosines = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), PORTION):
        cosines[start : start + PORTION] = (vectors[start : start + PORTION] @ landmarks.T).max(axis=1)
    return cosines


def _condensed(vectors: Vectors, count: int) -> Vectors:
    if len(vectors) <= count:
        return vectors
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # equal messages leave clusters empty, which harms nothing
        # A fixed seed: the same messages have the same landmarks after every fit.
        centres, _ = kmeans2(vectors.astype(np.float64), count, iter=ROUNDS, minit="++", rng=0)
    return np.asarray(centres, np.float32)


def _strangeness(signals: OodSignals, centre: NDArray[np.float32], spread: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum [n] of both signals in standard deviations below their mean."""
    near = (centre[0] - signals.near) / spread[0]
    return near + (centre[1] - signals.top) / spread[1]

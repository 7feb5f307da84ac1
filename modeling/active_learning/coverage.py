"""Messages that stand for many others: the centres of a chat, by facility location.

The value of a choice is how close every message is to the nearest chosen or labelled one, summed over all messages.
Taking greedily what adds most comes within 1 - 1/e of the best choice, as the sum is submodular (G. Nemhauser,
L. Wolsey, M. Fisher 1978); it is used for asking by K. Wei, R. Iyer, J. Bilmes (2015), "Submodularity in data subset
selection and active learning". The clusters of TypiClust (G. Hacohen, A. Dekel, D. Weinshall 2022) serve the same
purpose; this goes on from any number of labelled messages without clustering them anew.
"""

from __future__ import annotations

import numpy as np

from modeling.types import Cosines, Rows, Vectors

COPY = 0.95
"""Cosine, less what all messages share, from which on two messages are one question."""


def centred(vectors: Vectors, others: Vectors) -> tuple[Vectors, Vectors]:
    """Both float32 [n, d] and [m, d] less what all of them share, each row of length one or zero.

    Without this a backbone in whose vectors all messages are close (E5: cosines from 0.75) finds everything alike.
    """
    centre = np.concatenate([vectors, others]).mean(axis=0)
    return _unit(vectors - centre), _unit(others - centre)


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))


def centres(candidates: Vectors, labelled: Vectors, count: int) -> Rows:
    """Return at most `count` of the rows [n, d] `candidates`, those first that stand for most of the others.

    What is close to `labelled` [m, d] needs no asking; near copies of a row that was taken are left out. Both are
    `centred`. Takes n² similarities: 16 MB for 2,000 candidates.
    """
    similarity = candidates @ candidates.T
    covered = (labelled @ candidates.T).max(axis=0, initial=0.0)
    gains = _gains(similarity, covered)
    chosen: list[int] = []
    while len(chosen) < count and np.isfinite(gains).any():
        row = _largest(gains, similarity, covered)
        chosen.append(row)
        covered = np.maximum(covered, similarity[row])
        gains[similarity[row] >= COPY] = -np.inf
        gains[row] = -np.inf  # a vector of zeros is no copy of itself
    return np.array(chosen, np.int64)


def _gains(similarity: Vectors, covered: Cosines) -> Cosines:
    """How much each of the rows [r, n] would add to what is covered [n]."""
    return np.maximum(similarity - covered, 0).sum(axis=1)


def _largest(gains: Cosines, similarity: Vectors, covered: Cosines) -> int:
    """The row that adds most. Gains only shrink, so most of the older ones need no new look (M. Minoux 1978)."""
    while True:
        row = int(gains.argmax())
        before, gains[row] = gains[row], _gains(similarity[row : row + 1], covered)[0]
        if gains[row] >= before or gains[row] >= gains.max():
            return row

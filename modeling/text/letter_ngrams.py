"""A second, cheap vector for scripts that the backbone does not read: which letters stand beside which.

Signed feature hashing (Weinberger et al. 2009) of runs of one to three letters. It knows nothing of meaning; but words
that were labelled are recognised again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.text.scripts import RANGES

DIMENSION = 256
SHARE = 0.5  # of a vector's square that the spelling gets when a text has no letter that the backbone reads
LETTERS = 3  # in a row, at most


def spell(texts: Sequence[str], scripts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what to do with the backbone's unit vectors: multiply by float32 [n, 1], then put float32 [n, d] beside.

    Rows stay of length one, and exactly as they are, with zeros beside, where a text has no letter of the scripts.
    """
    if not scripts:
        return np.ones((len(texts), 1), np.float32), np.zeros((len(texts), 0), np.float32)
    letters = _letters(tuple(scripts))
    runs = [letters.findall(text.casefold()) for text in texts]
    share = np.array([_share(text, run) for text, run in zip(texts, runs, strict=True)], np.float32)[:, None]
    added, rows = np.zeros((len(texts), DIMENSION), np.float32), np.flatnonzero(share)
    if len(rows):
        added[rows] = _hashed([runs[row] for row in rows])
    share *= added.any(axis=1, keepdims=True)  # two letters can cancel each other out
    return np.sqrt(1 - SHARE * share), added * np.sqrt(SHARE * share)


def _share(text: str, runs: list[str]) -> float:
    """The share of a text's letters that are in these runs."""
    count = sum(map(len, runs))
    return min(1.0, count / max(1, sum(map(str.isalpha, text)))) if count else 0.0


def _hashed(runs: list[list[str]]) -> NDArray[np.float32]:
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing: Any = HashingVectorizer  # its types know no function as an analyzer
    return hashing(n_features=DIMENSION, analyzer=_grams, norm="l2", dtype=np.float32).transform(runs).toarray()


def _grams(runs: list[str]) -> list[str]:
    return [
        run[start : start + size]
        for run in runs
        for size in range(1, LETTERS + 1)
        for start in range(len(run) - size + 1)
    ]


@lru_cache(maxsize=8)
def _letters(scripts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("[" + "".join(RANGES[name] for name in scripts) + "]+")

"""What a bundle keeps of the texts that it learned from, so that near copies of them are known again in a test.

Of each text the lowest byte of each of its MinHash values (b-bit minwise hashing, Li and König 2010): 64 bytes from
which no text can be read, and of which two texts share about the part that they share of their pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modeling.data.near_duplicates import ALIKE, BANDS, DEEP, minhashes
from modeling.text.cleaning import same_words
from modeling.types import Mask, Rows, Sketches

MOST = 20_000  # texts of which something is kept: 1.3 MB, made within ten seconds


def sketch(texts: Sequence[str], most: int = MOST) -> Sketches:
    """Return the sketches of cleaned texts, uint8 [n, 64], of at most `most` different ones from all over the list."""
    distinct = list(dict.fromkeys(same_words(text) or text for text in texts))
    distinct = distinct[:: max(1, -(-len(distinct) // most))]
    values = [hashes.hashvalues.astype(np.uint8) for hashes in minhashes(distinct)]
    return np.array(values, np.uint8).reshape(-1, BANDS * DEEP)


def repeated(texts: Sequence[str], kept: Sketches) -> Mask:
    """Say of each cleaned text whether it nearly repeats one of those that were sketched, [n]."""
    words = [same_words(text) or text for text in texts]
    distinct = list(dict.fromkeys(words))
    ours = sketch(distinct, len(distinct) or 1)
    nearly = np.zeros(len(distinct), bool)
    for start in range(0, BANDS * DEEP, DEEP):
        theirs = _bands(kept, start)
        order = np.argsort(theirs, kind="stable")
        candidates = _bands(ours, start)
        first = np.searchsorted(theirs[order], candidates, "left")
        last = np.searchsorted(theirs[order], candidates, "right")
        for row in np.flatnonzero((first < last) & ~nearly):
            nearly[row] = _agrees(ours[row], kept, order[first[row] : last[row]])
    copied = dict(zip(distinct, nearly.tolist(), strict=True))
    return np.array([copied[text] for text in words], bool)


def _bands(sketches: Sketches, start: int) -> Rows:
    """One number for the DEEP values of a band, by which candidates are found."""
    return np.ascontiguousarray(sketches[:, start : start + DEEP]).view(np.uint32).ravel().astype(np.int64)


def _agrees(ours: Sketches, kept: Sketches, rows: Rows) -> bool:
    return bool(((kept[rows] == ours).mean(axis=1) >= ALIKE).any())

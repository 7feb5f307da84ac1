"""Messages that say the same in nearly the same words, found by MinHash (Broder 1997) with the library datasketch.

Measured on the 9,999 messages of Banking77's training file: MinHash took 4 s and found 628 pairs, 4% of them with
different labels. Vectors of MiniLM take as long as encoding does and found twice as many pairs at a cosine of 0.97,
mostly paraphrases in other words, which a model should be tested with; and another backbone would find others, so that
a split would depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import DisjointSet

from modeling.text.cleaning import same_words
from modeling.types import Groups

if TYPE_CHECKING:
    from datasketch import MinHash

ALIKE = 0.7  # of the pieces of two messages, as a share of all their pieces (Jaccard)
PIECE = 5  # characters: a changed word changes few of them, whatever the script
BANDS, DEEP = 16, 4  # of 64 permutations: a pair that is just ALIKE enough is looked at in 99 of 100 cases


def near_copies(texts: Sequence[str], of: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield places (i, j) where cleaned texts[i] nearly repeats of[j]: at least ALIKE of their pieces are shared.

    Takes about half a millisecond and a few kB for each text. Finds nearly all such pairs, and only such pairs.
    """
    from datasketch import MinHashLSH

    index, rows_by_words = MinHashLSH(num_perm=BANDS * DEEP, params=(BANDS, DEEP)), dict[str, list[int]]()
    for other, text in enumerate(of):
        # Emoji or marks alone are no words: then the text itself is compared.
        rows_by_words.setdefault(same_words(text) or text, []).append(other)
    for words, sketch in zip(rows_by_words, minhashes(rows_by_words), strict=True):
        index.insert(words, sketch, check_duplication=False)
    words_of_texts = [same_words(text) or text for text in texts]
    for row, (words, sketch) in enumerate(zip(words_of_texts, minhashes(words_of_texts), strict=True)):
        for similar in map(str, index.query(sketch)):
            # MinHash only proposes; the pieces themselves decide.
            if _alike(_pieces(words), _pieces(similar)):
                yield from ((row, other) for other in rows_by_words[similar])


def near_copy_groups(texts: Sequence[str]) -> Groups:
    """Return a number for each cleaned text, int64 [n], equal for those that chains of near copies join.

    Takes as long as `near_copies`; nothing is compared with itself.
    """
    from datasketch import MinHashLSH

    words = [same_words(text) or text for text in texts]
    distinct = list(dict.fromkeys(words))
    index, joined = MinHashLSH(num_perm=BANDS * DEEP, params=(BANDS, DEEP)), DisjointSet(distinct)
    for text, sketch in zip(distinct, minhashes(distinct), strict=True):
        for other in map(str, index.query(sketch)):
            if _alike(_pieces(text), _pieces(other)):
                joined.merge(text, other)
        index.insert(text, sketch, check_duplication=False)
    numbers = {root: number for number, root in enumerate(dict.fromkeys(joined[text] for text in distinct))}
    return np.array([numbers[joined[text]] for text in words], np.int64)


def repeats(texts: Sequence[str], of: Sequence[str]) -> set[int]:
    """Return the places of those cleaned texts that nearly repeat some of the others, as `near_copies` does."""
    copied, seen = set[str](), list(dict.fromkeys(same_words(text) or text for text in of))
    from datasketch import MinHashLSH

    index = MinHashLSH(num_perm=BANDS * DEEP, params=(BANDS, DEEP))
    for text, sketch in zip(seen, minhashes(seen), strict=True):
        index.insert(text, sketch, check_duplication=False)
    words_of_texts = [same_words(text) or text for text in texts]
    distinct = list(dict.fromkeys(words_of_texts))
    for words, sketch in zip(distinct, minhashes(distinct), strict=True):
        if any(_alike(_pieces(words), _pieces(similar)) for similar in map(str, index.query(sketch))):
            copied.add(words)
    return {row for row, words in enumerate(words_of_texts) if words in copied}


def minhashes(words: Iterable[str]) -> Iterator[MinHash]:
    """Yield the MinHash of each of the words of texts, as `same_words` gives them."""
    from datasketch import MinHash

    pieces = ([piece.encode("utf-8", "replace") for piece in _pieces(text)] for text in words)
    yield from MinHash.generator(pieces, num_perm=BANDS * DEEP)


def _pieces(words: str) -> frozenset[str]:
    """All runs of PIECE characters."""
    # Framed by spaces, so that a first or last word counts like the same word in between.
    padded = f" {words} "
    return frozenset(padded[start : start + PIECE] for start in range(max(1, len(padded) - PIECE + 1)))


def _alike(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    shared = len(ours & theirs)
    return shared >= ALIKE * (len(ours) + len(theirs) - shared)

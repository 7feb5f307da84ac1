"""Fewer tokens for static embeddings: those that texts are made of, every letter, and a general share of all scripts.

A tokeniser of a hundred languages has a quarter of a million, most of which no chat ever says. What is left out is
written in shorter pieces that stay, if need be in letters, so that nothing becomes unknown.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from modeling.types import Rows

MOST = 32_000  # tokens; of 256 numbers each 33 MB
ELSEWHERE = 0.1  # share of the general ones that scripts get by the vocabulary alone, whatever the texts are in
_BYTE = re.compile("<0x[0-9A-F]{2}>")  # what SentencePiece writes an unknown letter in, where it does


def cut(tokenizer: Tokenizer, counts: NDArray[np.float64], most: int) -> tuple[Tokenizer, Rows]:
    """Return a tokeniser of at most `most` tokens, and which of the old one's they are [v], in its order.

    `counts` [size] says how often texts have each of the old one's tokens. Texts whose tokens all fit are written in
    the same ones. Every letter and special token stays, even if that is more. Only tokenisers of unigram pieces (Kudo
    2018) can be cut: others are returned as they are, with all of their tokens.
    """
    size = tokenizer.get_vocab_size()
    if size <= most or not isinstance(tokenizer.model, Unigram):
        return tokenizer, np.arange(size)
    content = json.loads(tokenizer.to_str())
    needed = set(_needed(content))
    said = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist()
    ranked = dict.fromkeys(token for token in (*said, *_general(content, counts, needed)) if token not in needed)
    kept = sorted([*needed, *islice(ranked, max(0, most - len(needed)))])
    return _smaller(content, kept), np.array(kept)


def _needed(content: dict[str, Any]) -> Iterator[int]:
    """Yield the tokens without which texts could not be written, or would be cut in other ways."""
    pieces = content["model"]["vocab"]
    if content["model"]["unk_id"] is not None:
        yield content["model"]["unk_id"]
    yield from (token["id"] for token in content["added_tokens"])
    yield from (token for token, (piece, _) in enumerate(pieces) if len(piece) == 1 or _BYTE.fullmatch(piece))
    # An unknown letter is as likely as the least likely piece, less a constant.
    yield min(range(len(pieces)), key=lambda token: pieces[token][1])


def _general(content: dict[str, Any], counts: NDArray[np.float64], needed: set[int]) -> Iterator[int]:
    """Yield tokens that are not `needed`, likely ones first, of each script by its share of texts and vocabulary."""
    pieces = content["model"]["vocab"]
    scripts = [_script(piece) for piece, _ in pieces]
    of_texts, of_vocabulary = Counter[str](), Counter(scripts)
    for token in np.flatnonzero(counts[: len(pieces)]).tolist():
        of_texts[scripts[token]] += int(counts[token])
    total = max(1, of_texts.total())
    shares = {
        script: (1 - ELSEWHERE) * of_texts[script] / total + ELSEWHERE * number / len(pieces)
        for script, number in of_vocabulary.items()
    }
    turns: list[tuple[float, int]] = []
    places = Counter[str]()
    for token in sorted(set(range(len(pieces))) - needed, key=lambda token: (-pieces[token][1], token)):
        script = scripts[token]
        places[script] += 1
        turns.append((places[script] / shares[script], token))
    return (token for _, token in sorted(turns))


def _script(piece: str) -> str:
    """Return the script of a piece's first letter, "" for a piece without letters."""
    return next((script for letter in piece if (script := _script_of(letter))), "")


@cache
def _script_of(letter: str) -> str:
    """Return what Unicode calls the script of a letter or of a mark on one, such as LATIN or CJK; "" for the rest."""
    return unicodedata.name(letter, "").split(" ", 1)[0] if unicodedata.category(letter)[0] in "LM" else ""


def _smaller(content: dict[str, Any], kept: Sequence[int]) -> Tokenizer:
    """Return the tokeniser without the other tokens, and without what it puts around a text."""
    new = {old: at for at, old in enumerate(kept)}
    model, added = content["model"], content["added_tokens"]
    # Some added tokens are no pieces; they are numbered after those.
    pieces = [model["vocab"][old] for old in kept if old < len(model["vocab"])]
    model = model | {"vocab": pieces, "unk_id": new.get(model["unk_id"])}
    added = [token | {"id": new[token["id"]]} for token in added]
    return Tokenizer.from_str(json.dumps(content | {"model": model, "added_tokens": added, "post_processor": None}))

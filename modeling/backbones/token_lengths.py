"""How long messages are in tokens, and how many are longer than a backbone reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from modeling.backbones import custom_modules
from modeling.backbones.backbone import MAX_TOKENS, Backbone
from modeling.events import TokenLengths

AT_ONCE = 1000
FEWEST = 32


def token_lengths(backbone: Backbone, texts: Sequence[str]) -> TokenLengths:
    """Count the tokens of cleaned texts, special ones too, as this backbone's tokeniser makes them, before any cut."""
    counts = _counts(backbone, texts)
    limit = custom_modules.longest(backbone.model) or int(counts.max())
    median, p95 = (int(length) for length in np.percentile(counts, (50, 95), method="nearest"))
    cut = float(np.mean(counts > limit))
    return TokenLengths(median=median, p95=p95, most=int(counts.max()), limit=limit, cut=cut)


def tokens_for_most(backbone: Backbone, texts: Sequence[str]) -> int:
    """Return how many tokens all but one in a hundred texts have, from FEWEST to what a backbone reads at most."""
    most = int(np.percentile(_counts(backbone, texts), 99, method="nearest"))
    return min(max(most, FEWEST), MAX_TOKENS)


def _counts(backbone: Backbone, texts: Sequence[str]) -> NDArray[np.int64]:
    """What is counted is what the backbone reads: a prompt, and English words where it reads no Chinese."""
    counts: list[int] = []
    for start in range(0, len(texts), AT_ONCE):
        read = [backbone.prompt + backbone.reading.words(text) for text in texts[start : start + AT_ONCE]]
        counts += _count(backbone.model.tokenizer, read)
    return np.array(counts, np.int64)


def _count(tokenizer: object, texts: list[str]) -> list[int]:
    if hasattr(tokenizer, "encode_batch"):  # a bare tokeniser, as static backbones have
        encodings = tokenizer.encode_batch(texts)  # pyright: ignore[reportAttributeAccessIssue]
        # What truncation cut off stands in `overflowing`; it counts, for the cut is what is asked about.
        return [len(encoding.ids) + sum(len(more.ids) for more in encoding.overflowing) for encoding in encodings]
    return [len(ids) for ids in tokenizer(texts, verbose=False)["input_ids"]]  # pyright: ignore[reportCallIssue]

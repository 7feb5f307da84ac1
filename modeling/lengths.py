"""How long messages are in tokens, and how many are longer than a backbone reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modeling import modules
from modeling.backbone import Backbone

AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of a message, special ones included: median, 95th centile, most; `cut` is the share that is cut off."""

    median: int
    p95: int
    most: int
    limit: int
    cut: float


def token_lengths(backbone: Backbone, texts: Sequence[str]) -> Lengths:
    """Count the tokens of cleaned texts as this backbone's tokeniser makes them, before anything is cut."""
    counts: list[int] = []
    for start in range(0, len(texts), AT_ONCE):
        counts += _counts(backbone.model.tokenizer, list(texts[start : start + AT_ONCE]))
    limit = modules.longest(backbone.model) or max(counts)
    median, p95 = (int(each) for each in np.percentile(counts, (50, 95), method="nearest"))
    return Lengths(median, p95, max(counts), limit, float(np.mean(np.array(counts) > limit)))


def _counts(tokenizer: object, texts: list[str]) -> list[int]:
    if hasattr(tokenizer, "encode_batch"):  # a bare tokeniser, as static backbones have
        found = tokenizer.encode_batch(texts)  # pyright: ignore[reportAttributeAccessIssue]
        return [len(each.ids) + sum(len(more.ids) for more in each.overflowing) for each in found]
    return [len(ids) for ids in tokenizer(texts, verbose=False)["input_ids"]]  # pyright: ignore[reportCallIssue]

"""What every backbone does around its own part: equal texts are read once, and scripts that it lacks are helped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from modeling.text.script_reading import Reading
from modeling.types import Vectors


def read_once(texts: Sequence[str], reading: Reading, read: Callable[[list[str]], Vectors]) -> Vectors:
    """Return float32 [n, d + e] in the order of the texts: what `read` makes of unique ones, and columns beside it."""
    unique = list(dict.fromkeys(texts))
    own = read([reading.words(text) for text in unique])
    kept, added = reading.beside(unique)
    vectors = np.concatenate([own * kept, added], axis=1) if added.shape[1] else own
    row_of = {text: row for row, text in enumerate(unique)}
    return vectors[[row_of[text] for text in texts]] if len(unique) < len(texts) else vectors


def batches(lengths: Sequence[int], most: int, most_tokens: int) -> Iterator[list[int]]:
    """Yield rows, longest first and equal lengths together: at most so many, and so many tokens with padding.

    Hardly anything is padded, and running out of memory shows at once.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        # The first is the longest, and all of a batch are padded to it.
        if batch and (len(batch) == most or (len(batch) + 1) * lengths[batch[0]] > most_tokens):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch

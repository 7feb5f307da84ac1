"""What every backbone does around its own part: equal texts are read once, and scripts that it lacks are helped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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

"""The model that answers now: a version's backbone with the head that was last fitted, as one immutable value."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeling.classifier.head import Head
from modeling.inference.encoder import Encoder
from workers.serving.decisions import Decision, decide
from workers.serving.head_fitting import HeadSettings
from workers.store.labels import Label
from workers.store.versions import Version


@dataclass(frozen=True, slots=True)
class ServedModel:
    """`revision` is the state of the labels that the head was fitted on; `head` is None with fewer than two labels.

    `recent` holds the last vectors that this backbone made, float32 [d] each, and `texts_read` says how many texts had
    been read when the head was fitted; both are for the mean of the chat. `rewritten` counts what was erased by then.
    """

    version: Version
    backbone: Encoder
    settings: HeadSettings
    recent: deque[NDArray[np.float32]]
    labels: tuple[Label, ...] = ()
    head: Head | None = None
    revision: int = -1
    texts_read: int = 0
    rewritten: int = 0

    def decide(self, vectors: NDArray[np.float32]) -> list[Decision]:
        """One decision per row of `vectors`, float32 [n, d]."""
        if self.head is None:
            return [decide(None, self.labels, None, guess=True) for _ in vectors]
        rows = zip(self.head.probabilities(vectors), self.head.is_out_of_scope(vectors).tolist(), strict=True)
        thresholds, guess = self.head.thresholds, self.head.guess
        return [decide(row, self.labels, thresholds, guess=guess, out_of_scope=outside) for row, outside in rows]

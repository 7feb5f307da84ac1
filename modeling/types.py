"""Names for arrays, so that a signature says what an array holds: n messages, d dimensions, k labels.

All names of one dtype are the same type to a checker; the shape stands in the docstring where it differs.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float32]  # [d]: a mean, a centre, a direction
Vectors: TypeAlias = NDArray[np.float32]  # [n, d]: of messages or of label descriptions, each of length one
Weights: TypeAlias = NDArray[np.float32]  # [k, d]: of a linear classifier
Bias: TypeAlias = NDArray[np.float32]  # [k]
Logits: TypeAlias = NDArray[np.float32]  # [n, k]: what a classifier gives before the softmax
Probabilities: TypeAlias = NDArray[np.float32]  # [n, k]: each row sums to one
Thresholds: TypeAlias = NDArray[np.float32]  # [k]: the probability from which on a label is answered
ExampleWeights: TypeAlias = NDArray[np.float32]  # [n]: how much an example counts in a loss
Cosines: TypeAlias = NDArray[np.float32]  # [n]: from -1 to 1
OodScores: TypeAlias = NDArray[np.float32]  # [n]: from 0 to 1, higher for messages of no label

Targets: TypeAlias = NDArray[np.int64]  # [n]: true labels, as positions in the label set
Predicted: TypeAlias = NDArray[np.int64]  # [n]: predicted labels, as positions in the label set
Numbers: TypeAlias = NDArray[np.int64]  # [n]: what names each example, or orders them in time
Counts: TypeAlias = NDArray[np.int64]  # [k]: examples of each label
Rows: TypeAlias = NDArray[np.int64]  # [m]: positions of some of the messages
Columns: TypeAlias = NDArray[np.int64]  # [m]: positions of some of the dimensions
Folds: TypeAlias = list[Rows]  # of cross-validation: every message is in one of them
Groups: TypeAlias = NDArray[np.int64]  # [n]: equal numbers for messages that belong together
Bins: TypeAlias = NDArray[np.int64]  # [n]: which bin of the top probability a message falls into
ConfusionMatrix: TypeAlias = NDArray[np.int64]  # [k, k]: messages by true label (row) and predicted label (column)

Sketches: TypeAlias = NDArray[np.uint8]  # [n, 64]: what is kept of texts to know near copies of them again
Mask: TypeAlias = NDArray[np.bool_]  # [n]: marks some of the messages

"""Names for arrays, so that a signature says what an array holds."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
Targets: TypeAlias = NDArray[np.int64]

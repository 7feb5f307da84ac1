"""Weights in 8 bits: one scale for each output, and numbers that no processor adds up wrongly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Processors without VNNI add two products of a byte (0 to 255) and a weight in 16 bits, which 2 * 255 * 64 just fits.
LARGEST_WEIGHT = 63
LARGEST_ENTRY = 127


def per_output(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return float32 [out, in] weights as int8 [in, out] and their scales float32 [out]."""
    scales = _scales(np.abs(weights).max(axis=1), LARGEST_WEIGHT)
    return np.rint(weights / scales[:, None]).astype(np.int8).T, scales


def per_row(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a float32 [v, d] table as int8 [v, d] and the scales of its rows, float32 [v, 1]."""
    scales = _scales(np.abs(table).max(axis=1, keepdims=True), LARGEST_ENTRY)
    return np.rint(table / scales).astype(np.int8), scales


def _scales(largest: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    # All zeros stay zeros by any scale.
    return (np.where(largest > 0, largest, 1) / steps).astype(np.float32)

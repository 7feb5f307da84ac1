"""What is done when memory runs out in training: batches are computed in two halves, once."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import nn

from modeling.errors import ModelingError

T = TypeVar("T")


def in_halves_if_needed(
    attempt: Callable[[int], T],
    too_little: Callable[[int], ModelingError],
    *,
    divisible: bool = True,
    model: nn.Module | None = None,
) -> T:
    """Return `attempt(1)`, or `attempt(2)` where memory runs out: the argument is in how many parts to compute a batch.

    A `model` that is trained in place starts the second attempt with the weights that it had. Raises
    `too_little(parts)` if memory runs out again, or at once where a batch is not `divisible`.
    """
    weights = model.state_dict() if model is not None else {}
    # On the CPU, so that the copy takes nothing of the memory that may run out.
    start = {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}
    try:
        return attempt(1)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if not divisible:
            raise too_little(1) from None
    # Outside of the except clause, which would keep all tensors of the first attempt alive.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        if model is not None:
            model.load_state_dict(start)
        return attempt(2)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise too_little(2) from None


def is_out_of_memory(error: Exception) -> bool:
    """Say whether an error means that there is not enough memory, on a GPU or not."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return should_reduce_batch_size(error) or (isinstance(error, RuntimeError) and "not enough memory" in str(error))

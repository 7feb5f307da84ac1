"""What is done when memory runs out in a fine-tuning: half the batch once, then a sentence that says what to set."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

import torch
from accelerate.utils.memory import should_reduce_batch_size

from modeling.errors import ModelingError
from modeling.sentences.catalogue import sentence
from modeling.training.recipe import FineTuneConfig, Method


def is_out_of_memory(error: Exception) -> bool:
    """Say whether an error means that there is not enough memory, on a GPU or not."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return should_reduce_batch_size(error) or (isinstance(error, RuntimeError) and "not enough memory" in str(error))


def halved(tuning: FineTuneConfig, method: Method, *, alone: bool) -> FineTuneConfig:
    """Return settings with half the batch and as many messages a step as before. Raises ModelingError if it cannot be.

    Several processes cannot do so: those that had enough memory would wait for ever for the one that had not.
    """
    if tuning.batch < 2 or not alone:
        raise _sentence(tuning, method)
    return tuning.model_copy(update={"batch": tuning.batch // 2, "accumulation": 2 * tuning.accumulation})


def free() -> None:
    """Give back what a failed attempt has left."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def explained(tuning: FineTuneConfig, method: Method) -> Generator[None]:
    """Turn running out of memory into a sentence."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise _sentence(tuning, method) from None


def _sentence(tuning: FineTuneConfig, method: Method) -> ModelingError:
    smaller = {"full": "lora", "lora": "qlora"}.get(method)
    other = sentence("use_method", method=smaller) if smaller else sentence("use_smaller_backbone")
    return ModelingError(
        "too_little_memory_to_tune",
        batch=tuning.batch,
        smaller=max(1, tuning.batch // 2),
        accumulation=2 * tuning.accumulation,
        method=method,
        other=other,
    )

"""A picture that cannot be drawn takes nothing with it: the words come all the same, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from modeling.errors import short
from modeling.sentences.catalogue import Sentence, sentence

Result = TypeVar("Result")


def attempt(draw: Callable[[], Result]) -> Result | Sentence:
    """Return what `draw` returns, or the sentence that says why there is no picture."""
    try:
        return draw()
    # Whatever goes wrong in fonts, in matplotlib or on the disk: the picture is the smaller part.
    except Exception as error:
        return sentence("picture_not_drawn", reason=f"{type(error).__name__}: {short(error)}")

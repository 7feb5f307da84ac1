"""The one error that modeling raises on purpose."""

from __future__ import annotations

from modeling.sentences.catalogue import Parameter, sentence


class ModelingError(Exception):
    """What happened and what to do: `sentence` is a code of the catalogue with parameters, `message` its English.

    Raises KeyError for a code that the catalogue does not have, or a parameter that is missing.
    """

    def __init__(self, code: str, /, **params: Parameter) -> None:
        self.sentence = sentence(code, **params)
        self.message = self.sentence.text
        super().__init__(self.message)


def short(error: BaseException) -> str:
    """Return the first line of an error, fit for a sentence."""
    lines = str(error).strip().splitlines()
    return (lines[0][:160].rstrip(" .:") if lines else "") or type(error).__name__

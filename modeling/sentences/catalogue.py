"""Sentences as codes with parameters, which cross the boundary to other programs, and their words in two languages."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ModelWrapValidatorHandler, computed_field, model_validator

from modeling.sentences import files, inputs, learning

CATALOGUE: dict[str, tuple[str, str]] = {
    "verbatim": ("{text}", "{text}"),  # a sentence of which only the text is known, such as one stored long ago
    **inputs.SENTENCES,
    **files.SENTENCES,
    **learning.SENTENCES,
}
LONGEST_NAME = 120  # characters of a quoted name
JOINED = {
    "": (", ", "、"),
    "quoted": (", ", "、"),
    "and": (" and ", " 和 "),
    "or": (" or ", " 或 "),
    "nor": (" and no column ", " 和 "),
}


class Sentence(BaseModel):
    """A code of the catalogue with its parameters; a parameter may be a sentence itself.

    As JSON it has the English `text` beside the code. A sentence that is read and is not in the catalogue, as from
    another version of this program, keeps the text that it came with.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    params: dict[str, Sentence | tuple[str, ...] | str | int | float | None] = {}

    @computed_field
    @property
    def text(self) -> str:
        """The sentence in English."""
        return self.render("en")

    def render(self, language: str) -> str:
        """The sentence in a language: Chinese for "zh", else English."""
        return _Formatter(language).vformat(CATALOGUE[self.code][language == "zh"], (), self.params)

    def __str__(self) -> str:
        return self.text

    @model_validator(mode="wrap")
    @classmethod
    def _verbatim_where_unknown(cls, value: Any, read: ModelWrapValidatorHandler[Sentence]) -> Sentence:
        made = read(value)
        try:
            made.render("en")
        except (KeyError, ValueError, TypeError):  # of another version of this program
            if not isinstance(value, dict) or "text" not in value:
                raise
            return verbatim(str(value["text"]))
        return made


Parameter = Sentence | Sequence[str] | Path | str | int | float | None


def verbatim(text: str) -> Sentence:
    """Return a sentence that reads the same in every language."""
    return Sentence(code="verbatim", params={"text": text})


StoredSentence = Annotated[
    Sentence, BeforeValidator(lambda value: verbatim(value) if isinstance(value, str) else value)
]
"""A sentence, or the plain text of one that an earlier version of this program wrote."""


def sentence(code: str, /, **params: Parameter) -> Sentence:
    """Make a sentence. Raises KeyError for an unknown code or a missing parameter."""
    return Sentence(code=code, params={name: _plain(value) for name, value in params.items()})


def say(language: str, code: str, /, **params: Parameter) -> str:
    """Return the sentence of a code in a language: Chinese for "zh", else English."""
    return sentence(code, **params).render(language)


def parameters(template: str) -> set[str]:
    """Return the names of a template's parameters."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def _plain(value: Parameter) -> Any:
    if isinstance(value, Path):
        return str(value)
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


class _Formatter(string.Formatter):
    """`str.format` with sentences and lists as values and the formats "quoted", "and", "or" and "bytes"."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._chinese = language == "zh"

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Sentence):
            return value.render(self._language)
        if isinstance(value, tuple):
            words = [self.format_field(word, "quoted") if format_spec == "quoted" else str(word) for word in value]
            return JOINED[format_spec][self._chinese].join(words)
        if format_spec == "quoted":
            name = str(value)[:LONGEST_NAME]
            return f"“{name}”" if self._chinese else f'"{name}"'
        if format_spec == "bytes":
            return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{max(value / 1e6, 0.1):.1f} MB"
        return str(super().format_field(value, format_spec))

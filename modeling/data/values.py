"""One value of a file as the text or the label that it means: nothing ever by Python's spelling of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any

from modeling.errors import ModelingError
from modeling.sentences.catalogue import Parameter, Sentence, sentence
from modeling.text import names

_HALF = re.compile("[\ud800-\udfff]")  # half a character, as a program leaves that cuts UTF-16 in two
_QUOTED = r"""(?:'[^']*'|"[^"]*")"""
# How pandas writes a list into one field of a table; no list of JSON's looks otherwise.
_LIST = re.compile(rf"\[\s*(?:{_QUOTED}(?:[\s,]+{_QUOTED})*\s*)?\]")


class Unreadable(Exception):
    """What is wrong with a value or a row; `at` adds where."""

    def __init__(self, code: str, /, **params: Parameter) -> None:
        super().__init__(code)
        self.code, self.params = code, params

    def at(self, path: Path, where: Sentence) -> ModelingError:
        """Return the error as people read it."""
        return ModelingError(self.code, path=path, where=where, **self.params)


def as_text(value: Any, column: str = "text") -> str:
    """Return a value as text, "" for none: the parts of a rich text joined, 1.0 as 1, half characters as U+FFFD.

    Raises Unreadable for an object, or a list of other things than parts of a text.
    """
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, Mapping):
        raise Unreadable("value_not_text", kind=sentence("kind_object"), column=column)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return "".join(_part(part, column) for part in value)
    return _scalar(value)


def _part(part: Any, column: str) -> str:
    text = part.get("text") if isinstance(part, Mapping) else part
    if not isinstance(text, str):
        raise Unreadable("value_not_text", kind=sentence("kind_list"), column=column)
    return as_text(text)


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()  # as JSON writes it
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Real) and not isfinite(value):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_label(value: Any) -> str:
    """Return a value as a label's name as it is written, "" for none: the one name of a list is that name.

    Raises Unreadable for several labels, an object, half a character, or a name that means something else in chats.
    """
    several = _several(value)
    if several is None:
        return _name(as_text(value, "label") if not isinstance(value, str) else value)
    labels = [label for item in several if (label := as_label(_nested(item)))]
    if len({names.fold(label) for label in labels}) > 1:
        raise Unreadable("several_labels", labels=labels)
    return labels[0] if labels else ""


def _several(value: Any) -> Sequence[Any] | None:
    """The items of a list, however it is written; None for what is none."""
    if isinstance(value, Mapping) and set(value) == {"choices"}:  # Label Studio's
        return _several(value["choices"]) if not isinstance(value["choices"], str) else [value["choices"]]
    if isinstance(value, str):
        listed = value.strip()
        return [quoted[1:-1] for quoted in re.findall(_QUOTED, listed)] if _LIST.fullmatch(listed) else None
    return value if isinstance(value, Sequence) and not isinstance(value, bytes) else None


def _nested(item: Any) -> Any:
    if isinstance(item, Sequence) and not isinstance(item, str | bytes):
        raise Unreadable("label_marks_parts")
    return item


@lru_cache(4096)  # many rows have few labels
def _name(text: str) -> str:
    if _HALF.search(text):
        raise Unreadable("label_half_character", label=_HALF.sub("\ufffd", text))
    name = names.tidy(text)
    if names.is_reserved(name):
        raise Unreadable("label_reserved", label=name)
    return name

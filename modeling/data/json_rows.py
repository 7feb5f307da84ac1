"""Objects of JSON, one a line or as elements of one list, with the line in which each begins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modeling.data.exports import demand_once
from modeling.data.values import Unreadable
from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence, sentence

Numbered = Iterator[tuple[int, Mapping[str, Any]]]
_SPACE = re.compile(r"\s*")


def read(path: Path, columns: Sequence[str], notes: list[Sentence]) -> Numbered:
    """Yield each object with its line. One a line is read line by line; a list, or one object with one, as a whole.

    NaN, which is not JSON, comes as null. Raises ModelingError with the line.
    """
    decoder = _decoder(columns)
    with path.open(encoding="utf-8-sig") as stream:
        first = next((line for line in stream if line.strip()), "")
    if _is_line_of_its_own(decoder, first):
        yield from _lines(path, decoder)
    else:
        yield from _elements(path, decoder)


def _is_line_of_its_own(decoder: json.JSONDecoder, first: str) -> bool:
    """Whether a file goes on as it begins: with an object in each line."""
    if first.lstrip().startswith("["):
        return False
    try:
        found, _ = decoder.raw_decode(first.strip())
    except (ValueError, RecursionError, Unreadable):
        # An object over several lines begins with a bracket alone; anything else is a line with a mistake.
        return first.strip() != "{"
    return _listed(found) is None


def _lines(path: Path, decoder: json.JSONDecoder) -> Numbered:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                found, end = _decoded(path, number, decoder, line.strip(), 0)
                if line.strip()[end:].strip():
                    raise ModelingError("json_line_wrong", path=path, line=number)
                yield number, _object(path, number, found)


def _elements(path: Path, decoder: json.JSONDecoder) -> Numbered:
    text = path.read_text("utf-8-sig").strip()
    if not text.startswith("["):
        found, end = _decoded(path, 1, decoder, text, 0)
        end = _past_space(text, end)
        if end < len(text):
            raise ModelingError("json_line_wrong", path=path, line=1 + text.count("\n", 0, end))
        for number, row in enumerate(_listed(found) or [found], 1):
            yield number, _object(path, number, row)
        return
    number, at = 1, 1
    while True:
        start = _past_space(text, at)
        number += text.count("\n", at, start)
        if text.startswith("]", start):
            number += text.count("\n", start, _past_space(text, start + 1))
            if start + 1 < len(text):
                raise ModelingError("json_line_wrong", path=path, line=number)
            return
        found, end = _decoded(path, number, decoder, text, start)
        yield number, _object(path, number, found)
        at = _past_space(text, end)
        number += text.count("\n", start, at)
        if text[at : at + 1] not in (",", "]"):
            raise ModelingError("json_line_wrong", path=path, line=number)
        at += text[at] == ","


def _past_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _decoded(path: Path, line: int, decoder: json.JSONDecoder, text: str, at: int) -> tuple[Any, int]:
    """Return what stands there, and where it ends. Raises ModelingError that names the line."""
    try:
        return decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        wrong = line + text.count("\n", at, error.pos)
    except ValueError:  # a number of thousands of digits
        wrong = line
    except RecursionError:
        raise ModelingError("json_too_deep", path=path, line=line) from None
    except Unreadable as error:
        raise error.at(path, sentence("where_line", line=line)) from None
    raise ModelingError("json_line_wrong", path=path, line=wrong)


def _object(path: Path, line: int, found: Any) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise ModelingError("json_line_wrong", path=path, line=line)
    return found


def _listed(found: Any) -> list[Any] | None:
    """The messages of an export of Telegram Desktop, of one chat or of all; None for anything else."""
    if not isinstance(found, dict):
        return None
    if {"messages", "type", "id"} <= found.keys():
        return list(found["messages"])
    chats = [chat for kept in ("chats", "left_chats") if kept in found for chat in found[kept].get("list", ())]
    return [message for chat in chats for message in chat.get("messages", ())] or None


def _decoder(columns: Sequence[str]) -> json.JSONDecoder:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            demand_once([name for name, _ in pairs], columns)
        return found

    return json.JSONDecoder(object_pairs_hook=unique, parse_constant=lambda _: None)

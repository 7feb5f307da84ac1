"""The words of a message with their places, and where each of them stands in what the backbone reads.

A word is what stands between spaces, its punctuation with it; an emoji is one, and so is each Chinese word, for those
are written without spaces.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from modeling.text import chinese_dictionary
from modeling.text.chinese_dictionary import Glossary
from modeling.text.script_reading import Reading
from modeling.text.scripts import RANGES

_PICTURES = "\u2600-\u27bf\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
_FITTED = "\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"  # colours of skin, flags of regions
_EMOJI = f"[{_PICTURES}][{_FITTED}]*(?:\u200d[{_PICTURES}][{_FITTED}]*)*"
_HAN = f"[{RANGES['han']}]+"
_PART = re.compile(f"(?P<emoji>{_EMOJI})|(?P<han>{_HAN})|[^\\s{_PICTURES}{RANGES['han']}]+")


@dataclass(frozen=True, slots=True)
class Word:
    """`text` stands from `start` to `end` in the message, and from `read[0]` to `read[1]` in what is read instead."""

    text: str
    start: int
    end: int
    read: tuple[int, int]


def words(text: str, reading: Reading) -> tuple[tuple[Word, ...], str]:
    """Return the words of a cleaned text, and the text as a backbone with this reading reads it."""
    if reading.glossary is None or not re.search(_HAN, text):
        return tuple(Word(text[a:b], a, b, (a, b)) for a, b, _, _ in _parts(text, _packaged())), text
    spans: list[Word] = []
    read, apart, last = "", False, 0
    for start, end, replacement, han in _parts(text, reading.glossary):
        apart = apart or han or start > last
        read += " " if read and replacement and apart else ""
        spans.append(Word(text[start:end], start, end, (len(read), len(read) + len(replacement))))
        read, apart, last = read + replacement, han, end
    return tuple(spans), read[: chinese_dictionary.LONGEST]


def without(text: str, among: Sequence[Word], removed: Collection[int]) -> str:
    """Return a text less the words at some places, its spaces as `clean` leaves them."""
    kept, last = "", 0
    for position, word in enumerate(among):
        kept += text[last : word.start] + ("" if position in removed else word.text)
        last = word.end
    return " ".join((kept + text[last:]).split())


def _parts(text: str, dictionary: Glossary | None) -> Iterator[tuple[int, int, str, bool]]:
    """Yield start, end, what is said instead, and whether it is Chinese; without a dictionary letter by letter."""
    for part in _PART.finditer(text):
        if part["han"] is None:
            yield part.start(), part.end(), part[0], False
            continue
        start = part.start()
        for word, replacement in dictionary.split(part[0]) if dictionary else ((letter, letter) for letter in part[0]):
            yield start, start + len(word), " ".join(replacement.split()), True
            start += len(word)


def _packaged() -> Glossary | None:
    path = chinese_dictionary.packaged()
    return Glossary(path) if path else None

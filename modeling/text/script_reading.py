"""What helps a backbone with scripts that it does not read: saved, loaded and fingerprinted together with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.errors import ModelingError
from modeling.hashing import file_hash, short_hash
from modeling.text import chinese_dictionary, letter_ngrams
from modeling.text.chinese_dictionary import Glossary
from modeling.text.scripts import RANGES, unread

READING = "reading"  # the folder, inside a backbone's, of what helps it with scripts that it does not read

SETTINGS, DICTIONARY = "settings.json", "cedict.txt.gz"
FORMAT = 1


@dataclass(frozen=True)
class Reading:
    """Chinese becomes English by the `glossary`, the scripts in `spelled` get columns for their spelling.

    Neither is the case for a backbone that reads everything, or that was saved before this was there.
    """

    spelled: tuple[str, ...] = ()
    glossary: Glossary | None = None

    @property
    def dimension(self) -> int:
        """How many columns come beside the backbone's own."""
        return letter_ngrams.DIMENSION if self.spelled else 0

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of all that changes vectors; "" for no help."""
        if not self.spelled and self.glossary is None:
            return ""
        dictionary = file_hash(self.glossary.path) if self.glossary else ""
        return short_hash([json.dumps([self._settings, dictionary]).encode()])

    def words(self, text: str) -> str:
        """Return what the backbone reads instead of a text."""
        return self.glossary.in_english(text) if self.glossary else text

    def beside(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the factor float32 [n, 1] for the backbone's vectors and the columns float32 [n, e] beside them."""
        return letter_ngrams.spell(texts, self.spelled)

    def save(self, backbone: Path) -> None:
        """Write it into the folder of a backbone; no help leaves no trace there."""
        if not self.fingerprint:
            return
        folder = backbone / READING
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SETTINGS).write_text(json.dumps(self._settings, indent=2) + "\n", "utf-8")
        if self.glossary:
            shutil.copyfile(self.glossary.path, folder / DICTIONARY)

    @property
    def _settings(self) -> dict[str, Any]:
        return {"format": FORMAT, "spelled": list(self.spelled), "glossary": self.glossary is not None}


def choose(tokenizer: Any) -> Reading:
    """Return the help that a backbone with this tokeniser needs."""
    weak, dictionary = unread(tokenizer), chinese_dictionary.packaged()
    if "han" in weak and dictionary is not None:
        return Reading(tuple(name for name in weak if name != "han"), Glossary(dictionary))
    return Reading(weak)


def installed() -> str:
    """Return a hash of what `choose` has to choose from; "" without a dictionary."""
    dictionary = chinese_dictionary.packaged()
    return file_hash(dictionary)[:16] if dictionary else ""


def load(backbone: Path) -> Reading | None:
    """Return what was saved in the folder of a backbone, None if nothing was. Raises ModelingError."""
    folder = backbone / READING
    if not folder.is_dir():
        return None
    try:
        settings = json.loads((folder / SETTINGS).read_text("utf-8"))
        spelled = tuple(settings["spelled"])
        readable = settings["format"] == FORMAT and set(spelled) <= set(RANGES)
        dictionary = folder / DICTIONARY if settings["glossary"] else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        readable, spelled, dictionary = False, (), None
    if not readable or (dictionary is not None and not dictionary.is_file()):
        raise ModelingError("reading_help_not_read", folder=folder)
    return Reading(spelled, Glossary(_read_once(dictionary)) if dictionary else None)


def _read_once(dictionary: Path) -> Path:
    """Return the installed dictionary for one that equals it: then a process reads it once for all its versions."""
    packaged = chinese_dictionary.packaged()
    return packaged if packaged and file_hash(packaged) == file_hash(dictionary) else dictionary

"""Names of labels: which of them look the same, and which words mean something else where people choose labels."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from modeling.text.cleaning import joins

RESERVED = frozenset({"none", "skip", "all", "无", "都不是", "跳过", "全部"})
"""What chats read as no label, as no answer, and as every label; in both languages."""
_JOINERS, _SELECTOR = "\u200c\u200d", "\ufe0f"
_FILLERS = re.compile("[\u034f\u115f\u1160\u3164\uffa0\u17b4\u17b5\u180b-\u180f]")  # letters that show nothing
_SELECTORS = re.compile("[\ufe00-\ufe0f]")


def tidy(name: str) -> str:
    """Return a name as it looks: composed letters, single spaces, nothing that cannot be seen."""
    return unicodedata.normalize("NFC", " ".join(_visible(name).split()))


def fold(name: str) -> str:
    """Return the form in which names that look the same are equal: case, width and what cannot be seen don't count."""
    bare = _SELECTORS.sub("", tidy(unicodedata.normalize("NFKC", name)))
    return unicodedata.normalize("NFKC", bare.casefold())


def is_reserved(name: str) -> bool:
    """Say whether a name means something else where people choose labels."""
    return fold(name) in RESERVED


def one_spelling(labels: Sequence[str], known: Iterable[str] = ()) -> dict[str, str]:
    """Return for each label its one spelling: that of a known one, else the most frequent, of equals the first."""
    counts = Counter(labels)
    spelled: dict[str, str] = {}
    exact = dict.fromkeys(known)
    for label in (*exact, *sorted(counts, key=counts.__getitem__, reverse=True)):
        spelled.setdefault(fold(label), label)
    return {label: label if label in exact else spelled[fold(label)] for label in counts}


def _visible(name: str) -> str:
    seen = _FILLERS.sub("", "".join(" " if letter.isspace() else letter for letter in name if _is_seen(letter)))
    return "".join(letter for at, letter in enumerate(seen) if letter not in _JOINERS or _is_needed(seen, at))


def _is_seen(letter: str) -> bool:
    # Joiners are judged by their neighbours; tags spell the flags of England, Scotland and Wales.
    kept = letter.isspace() or letter in _JOINERS or "\U000e0020" <= letter <= "\U000e007f"
    return kept or unicodedata.category(letter) not in ("Cc", "Cf")


def _is_needed(name: str, at: int) -> bool:
    before = name[:at].rstrip(_SELECTOR)[-1:]
    return joins(f"{before}{name[at : at + 2]}", len(before))

"""Names of labels as people type them: cut out of a line, checked, and compared by what they look like."""

from __future__ import annotations

import re

from sqlalchemy import Connection

from modeling.text.names import fold, is_reserved, tidy
from workers.core.emoji import is_emoji, neutral
from workers.core.errors import BackchannelError
from workers.core.events import storable_text
from workers.core.i18n import both
from workers.store import labels
from workers.store.labels import Label, LabelError

QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "「": "」"}
"""What may stand around a name."""
NONE = ("none", "无", "都不是")
"""What says that no label fits."""
ARROW = re.compile(r"\s*(?:->|→|=>)\s*")


def new_name(c: Connection, typed: str, besides: Label | None = None) -> tuple[str, str]:
    """A name as it looks, and the form in which names that look the same are equal.

    Raises LabelError where it can be no name, or is one of another label than `besides`.
    """
    name = tidy(str(storable_text(typed)))
    if is_reserved(name):
        raise LabelError(both("label_name_reserved", name=name))
    if is_emoji(name):
        raise LabelError(both("label_name_emoji", emoji=name))
    taken = named(c, name)
    if taken is not None and taken != besides:
        raise LabelError(both("label_name_taken", name=taken.name))
    return name, fold(name)


def named(c: Connection, name: str) -> Label | None:
    """The living label of this name, or of one that looks the same."""
    # All of them: the store may hold what an earlier version took for two names.
    alike = [label for label in labels.living(c) if fold(label.name) == fold(name)]
    return next((label for label in alike if label.name == name), alike[0] if alike else None)


def living_label(c: Connection, typed: str) -> Label:
    """The living label of this name, or of this emoji. Raises a sentence that lists what there is."""
    wanted = unquoted(typed)
    label = named(c, wanted) or labels.by_emoji(c, neutral(wanted))
    if label:
        return label
    names = ", ".join(label.name for label in labels.living(c))
    if not names:
        raise BackchannelError(both("no_labels"))
    raise BackchannelError(both("label_unknown", name=wanted, names=names))


# ── cut out of a line ───────────────────────────────────────────────────────────────────────────────


def name_emoji_description(text: str) -> tuple[str, str | None, str]:
    """What follows `labels add`: the emoji parts the name from the description, or quotes around the name do."""
    return split_at_quotes(text.strip()) or split_at_emoji(text)


def split_at_quotes(text: str) -> tuple[str, str | None, str] | None:
    """Name, emoji and description, where the name is in quotes: then it may have an emoji in it."""
    opening = text[:1]
    if opening not in QUOTES:
        return None
    match = re.fullmatch(rf"{opening}(.+?){QUOTES[opening]}(?:\s+(.*))?", text, re.DOTALL)
    if match is None:
        return None
    name, rest = match[1], (match[2] or "").strip()
    word, _, description = rest.partition(" ")
    return (name, neutral(word), description.strip()) if is_emoji(word) else (name, None, rest)


def split_at_emoji(text: str) -> tuple[str, str | None, str]:
    """The same without quotes; without an emoji all of it is the name."""
    words = text.split()
    for position, word in enumerate(words):
        if is_emoji(word):
            if position == 0:
                return " ".join(words[1:]), neutral(word), ""
            return " ".join(words[:position]), neutral(word), " ".join(words[position + 1 :])
    return text.strip(), None, ""


def two_names(text: str) -> tuple[str | None, str]:
    """`a -> b`, or two single words; None and "" where it is neither."""
    parts = ARROW.split(text.strip(), maxsplit=1)
    if len(parts) != 2:
        parts = text.split()
    return (unquoted(parts[0]), unquoted(parts[1])) if len(parts) == 2 and all(parts) else (None, "")


def unquoted(name: str) -> str:
    """The name without the quotes around it."""
    name = name.strip()
    return name[1:-1] if len(name) > 2 and QUOTES.get(name[0]) == name[-1] else name

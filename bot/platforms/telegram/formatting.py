"""Posts as Telegram takes them: entities with offsets in UTF-16 units, pieces short enough, inline keyboards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from rich.cells import cell_len

from workers.core.buttons import Agree, More
from workers.core.replies import Choice

TEXT, CAPTION = 4096, 1024
"""UTF-16 units that Telegram takes as a message, and under a picture."""
PIECES = 5
BAR_LENGTH = 10
BUTTONS = 100
"""As many as Telegram takes under a message."""
ROW_WIDTH = 43
"""Cells that fit beside each other on a telephone; an emoji or a Chinese character takes two."""
CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text and where code stands in it."""

    text: str
    entities: tuple[MessageEntity, ...] = ()


def units(text: str) -> int:
    """The length as Telegram counts it: an emoji has two units, at times more."""
    return len(text.encode("utf-16-le")) // 2


def pieces(text: str, most: int = TEXT, limit: int = PIECES) -> list[Piece]:
    """The text in at most `limit` pieces of `most` units, cut at line ends or spaces; what is left over is cut off.

    What stands in backquotes becomes a code entity, and the backquotes go.
    """
    plain, spans = _parsed(text)
    cuts, start = list[tuple[int, int]](), 0
    while start < len(plain) and len(cuts) < limit:
        # The last piece keeps room for the … that says that more was cut off.
        end = _end(plain, start, most - 1 if len(cuts) == limit - 1 else most)
        cuts.append((start, end))
        start = end
    made = [_cut(plain, spans, *cut) for cut in cuts] or [_piece(plain, spans)]
    if start < len(plain):
        made[-1] = Piece(made[-1].text + "…", made[-1].entities)
    return made


def clipped(text: str, most: int = TEXT) -> Piece:
    """The text in one piece."""
    return pieces(text, most, 1)[0]


def with_bar(text: str, progress: float | None) -> str:
    """A bar of progress (0 to 1) under the text."""
    if progress is None:
        return text
    full = round(BAR_LENGTH * min(max(progress, 0.0), 1.0))
    return f"{text}\n{'▓' * full}{'░' * (BAR_LENGTH - full)}"


def keyboard(choices: Sequence[Choice]) -> InlineKeyboardMarkup | None:
    """Buttons in rows of three, two or one, as long as their texts are. Telegram takes a hundred."""
    if not choices:
        return None
    buttons = [
        InlineKeyboardButton(text=choice.text or "·", callback_data=choice.value) for choice in choices[:BUTTONS]
    ]
    longest = max(cell_len(button.text) for button in buttons)
    row = min(3, max(1, ROW_WIDTH // (longest + 4)))
    return InlineKeyboardMarkup(inline_keyboard=[buttons[start : start + row] for start in range(0, len(buttons), row)])


def under_label(label: int | None) -> InlineKeyboardMarkup | None:
    """Under a label that no emoji can show: this is right, and give me others. Signs, for every language."""
    if label is None:
        return None
    return keyboard((Choice(text="👍", value=Agree(label).value), Choice(text="…", value=More().value)))


def _parsed(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without the backquotes, and where code stands in it, in characters."""
    plain, spans = "", list[tuple[int, int]]()
    for number, part in enumerate(CODE.split(text)):
        if number % 2:
            spans.append((len(plain), len(plain) + len(part)))
        plain += part
    return plain, spans


def _piece(text: str, spans: list[tuple[int, int]]) -> Piece:
    entities = [
        MessageEntity(type="code", offset=units(text[:start]), length=units(text[start:end])) for start, end in spans
    ]
    return Piece(text, tuple(entities))


def _end(text: str, start: int, most: int) -> int:
    """Where a piece that begins at `start` ends: as late as fits, if possible after a line or a word."""
    end = start
    room = most
    while end < len(text) and (room := room - units(text[end])) >= 0:
        end += 1
    if end == len(text):
        return end
    for mark in ("\n", " "):
        # Not in the first half, or a text with few blanks would fall into tiny pieces.
        if (position := text.rfind(mark, start + (end - start) // 2, end)) >= 0:
            return position + 1
    return end


def _cut(text: str, spans: list[tuple[int, int]], start: int, end: int) -> Piece:
    """One piece, without blanks at its edges, with what of each span lies in it."""
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    end -= len(inside) - len(inside.rstrip())
    inner = [(max(a, start) - start, min(b, end) - start) for a, b in spans if a < end and b > start]
    return _piece(text[start:end], inner)

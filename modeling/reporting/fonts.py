"""Fonts for texts in any script, which are drawn as they are written; what no font has is named or left out."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN = "DejaVu Sans"  # comes with matplotlib
# Preferred first: simplified Chinese, then whatever else has Chinese characters.
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
    "Noto Sans CJK TC",
    "Droid Sans Fallback",
    "SimHei",
    "Arial Unicode MS",
)
# Whose emoji are outlines: matplotlib draws no bitmaps, as those in colour are.
EMOJI = ("Noto Emoji", "Symbola", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Sans Symbols 2", "Apple Symbols")
FLAG_A = 0x1F1E6  # the first of the letters that two by two are a flag
UNSEEN = {"Cc", "Cf", "Me", "Sk"}  # categories of what changes the characters beside it: joiners, skin tones, keycaps


@dataclass(frozen=True, slots=True)
class Fonts:
    """Font families in the order in which a character is looked for."""

    families: tuple[str, ...]

    def can_draw(self, text: str) -> bool:
        """Say whether every character of a text would be a letter and not a box."""
        fonts = [_characters(family) for family in self.families]
        return all(character.isspace() or any(ord(character) in font for font in fonts) for character in text)

    def written(self, text: str) -> str:
        """Return a text in one line, with the name of each emoji that no font has in its place, as in [bug]."""
        return "".join(" " if character.isspace() else self._character(character) for character in text)

    def _character(self, character: str) -> str:
        category = unicodedata.category(character)
        if self.can_draw(character):
            return character
        if FLAG_A <= ord(character) < FLAG_A + 26:
            return chr(ord("A") + ord(character) - FLAG_A)
        if category == "So":
            return f"[{unicodedata.name(character).lower()}]"
        return "" if category in UNSEEN or unicodedata.name(character, "").startswith("VARIATION") else character

    def drawable(self, text: str) -> str:
        """Return a text as it is written less the characters that would be boxes; "" where those are most of it."""
        written = self.written(text)
        left = "".join(character for character in written if self.can_draw(character)).strip()
        return left if len(left) * 2 >= len(written) else ""

    def words(self, languages: Mapping[str, dict[str, str]], language: str) -> dict[str, str]:
        """Return a picture's words in a language, in English where those would be boxes."""
        return languages[language if all(map(self.can_draw, languages[language].values())) else "en"]

    def png(self, figure: Figure) -> bytes:
        """Draw a figure whose words are in these families, each letter as it is written: "$" begins no mathematics."""
        from matplotlib.text import Text

        for text in figure.findobj(Text):
            assert isinstance(text, Text)
            text.set_fontfamily(list(self.families))
            text.set_parse_math(False)
            text.set_usetex(False)  # whatever a settings file of matplotlib's says
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        return drawn.getvalue()


def find() -> Fonts:
    """Return the plain font, and the best Chinese one and the best one with emoji that this system has."""
    from matplotlib import font_manager

    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    best = (next((family for family in families if family in installed), None) for families in (CHINESE, EMOJI))
    return Fonts((PLAIN, *filter(None, best)))


def named(names: Sequence[str], fonts: Fonts, longest: int) -> list[str | None]:
    """Return what can be drawn of the names, at most `longest` letters wide; None where that is little."""
    return [_cut(drawable, longest) if (drawable := fonts.drawable(name)) else None for name in names]


def _cut(name: str, longest: int) -> str:
    """A Chinese character is as wide as two letters."""
    if cell_len(name) <= longest:
        return name
    return f"{set_cell_size(name, longest - 1).rstrip()}\u2026"


@lru_cache(maxsize=8)
def _characters(family: str) -> frozenset[int]:
    from matplotlib import font_manager

    path = font_manager.findfont(family)
    return frozenset(font_manager.get_font(path).get_charmap())

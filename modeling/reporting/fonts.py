"""Fonts for label names in any script: a name is drawn only if every character of it can be."""

from __future__ import annotations

import io
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


@dataclass(frozen=True, slots=True)
class Fonts:
    """Font families in the order in which a character is looked for."""

    families: tuple[str, ...]

    def can_draw(self, text: str) -> bool:
        """Say whether every character of a text would be a letter and not a box."""
        fonts = [_characters(family) for family in self.families]
        return all(character.isspace() or any(ord(character) in font for font in fonts) for character in text)

    def drawable(self, text: str) -> str:
        """Return a text less the characters that would be boxes, such as an emoji; "" where those are most of it."""
        left = "".join(character for character in text if self.can_draw(character)).strip()
        return left if len(left) * 2 >= len(text) else ""

    def words(self, languages: Mapping[str, dict[str, str]], language: str) -> dict[str, str]:
        """Return a picture's words in a language, in English where those would be boxes."""
        return languages[language if all(map(self.can_draw, languages[language].values())) else "en"]

    def png(self, figure: Figure) -> bytes:
        """Draw a figure whose words are in these families."""
        for text in figure.findobj(lambda artist: hasattr(artist, "set_fontfamily")):
            text.set_fontfamily(list(self.families))  # pyright: ignore[reportAttributeAccessIssue]
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        return drawn.getvalue()


def find() -> Fonts:
    """Return the plain font, and the best Chinese one that this system has."""
    from matplotlib import font_manager

    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    chinese = next((family for family in CHINESE if family in installed), None)
    return Fonts((PLAIN, chinese) if chinese else (PLAIN,))


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

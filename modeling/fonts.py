"""Fonts for label names in any script: a name is drawn only if every character of it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

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
        known = [_characters(family) for family in self.families]
        return all(character.isspace() or any(ord(character) in each for each in known) for character in text)


def find() -> Fonts:
    """Return the plain font, and the best Chinese one that this system has."""
    from matplotlib import font_manager

    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    chinese = next((family for family in CHINESE if family in installed), None)
    return Fonts((PLAIN, chinese) if chinese else (PLAIN,))


def named(names: Sequence[str], fonts: Fonts, longest: int) -> list[str | None]:
    """Return the names as they can be drawn, cut to `longest` characters; None where they cannot."""
    shown = [name if len(name) <= longest else f"{name[: longest - 1]}\u2026" for name in names]
    return [name if fonts.can_draw(name) else None for name in shown]


@lru_cache(maxsize=8)
def _characters(family: str) -> frozenset[int]:
    from matplotlib import font_manager

    path = font_manager.findfont(family)
    return frozenset(font_manager.get_font(path).get_charmap())

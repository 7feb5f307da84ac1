"""Our choices as inline keyboards."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from workers.core.buttons import Agree, More
from workers.core.replies import Choice

MOST = 100
WIDTH = 40
"""Characters that fit beside each other on a telephone."""


def keyboard(choices: Sequence[Choice]) -> InlineKeyboardMarkup | None:
    """Buttons in rows of three, two or one, as long as their texts are. Telegram takes a hundred."""
    if not choices:
        return None
    buttons = [InlineKeyboardButton(text=choice.text or "·", callback_data=choice.value) for choice in choices[:MOST]]
    longest = max(len(button.text) for button in buttons)
    row = min(3, max(1, WIDTH // (longest + 4)))
    return InlineKeyboardMarkup(inline_keyboard=[buttons[start : start + row] for start in range(0, len(buttons), row)])


def under_label(label: int | None) -> InlineKeyboardMarkup | None:
    """Under a label that no emoji can show: this is right, and give me others. Signs, for every language."""
    if label is None:
        return None
    return keyboard((Choice(text="👍", value=Agree(label).value), Choice(text="…", value=More().value)))

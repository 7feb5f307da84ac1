"""What people see of mrkdwn, and how Slack writes down what people type."""

from __future__ import annotations

import html
import re

from workers.core.replies import Choice

PLAIN = re.compile(r"<!date\^0+\^\{_\}\|([^>]*)>")
SHELTER = 0xE000
"""Private characters that stand for what must not be taken for formatting."""
FORMATS = re.compile(r"(?<![^\W_])([*_~])(?=\S)(.+?)(?<=\S)\1(?![^\W_])")
NAMES = {"🐞": ":ladybug:", "👩‍💻": ":female-technologist:", "👍": ":+1:"}


def rendered(mrkdwn: str) -> str:
    """Text as a client shows it: formatted words lose their markers, entities are characters again."""
    sheltered = PLAIN.sub(lambda found: "".join(chr(SHELTER + ord(letter)) for letter in found[1]), mrkdwn)
    parts = re.split(r"(`[^`\n]+`)", sheltered)
    shown = "".join(part if place % 2 else FORMATS.sub(r"\2", part) for place, part in enumerate(parts))
    return "".join(
        chr(ord(letter) - SHELTER) if SHELTER <= ord(letter) < SHELTER + 256 else letter
        for letter in html.unescape(shown)
    )


def typed(text: str) -> str:
    """What somebody typed, as events carry it: escaped, and emoji by their names."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for emoji, name in NAMES.items():
        text = text.replace(emoji, name)
    return text


def words(message: dict[str, object]) -> str:
    """The sections of a message, below each other."""
    blocks: list[dict[str, dict[str, str]]] = message["blocks"]  # type: ignore[assignment]
    return "\n".join(rendered(block["text"]["text"]) for block in blocks if "text" in block)


def choices(message: dict[str, object]) -> tuple[Choice, ...]:
    """The buttons of a message."""
    blocks: list[dict[str, list[dict[str, object]]]] = message["blocks"]  # type: ignore[assignment]
    elements = [element for block in blocks for element in block.get("elements", [])]
    return tuple(Choice(text=element["text"]["text"], value=element["value"]) for element in elements)  # type: ignore[index, arg-type]

"""What our posts look like in Slack: sections of text, a bar, and rows of buttons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from bot.platforms.slack.formatting import escaped, literal
from workers.core.replies import Choice

SECTION, BLOCKS, BUTTONS, BUTTON_TEXT, FALLBACK = 3000, 50, 25, 75, 3900
"""Slack's limits: characters in a section, blocks in a message, buttons in a block, characters on a button, and
(a little less than 4000) characters of text beside the blocks."""
BAR = 20


def message(text: str, choices: Sequence[Choice] = (), progress: float | None = None) -> dict[str, Any]:
    """The `text` (for notifications and old clients) and the `blocks` of a post."""
    shown = text if progress is None else f"{text}\n{bar(progress)}"
    rows = [row(number, choices[number : number + BUTTONS]) for number in range(0, len(choices), BUTTONS)]
    rows = rows[: BLOCKS - 1]
    sections = [section(part) for part in islice(parts(shown), BLOCKS - len(rows))]
    return {"text": escaped(shown[:FALLBACK])[:FALLBACK] or "…", "blocks": [*sections, *rows]}


def parts(text: str) -> Iterator[str]:
    """The text escaped and in pieces that fit a section, cut at line ends or blanks where there are any."""
    rest = text.strip()[: BLOCKS * SECTION] or "…"
    while rest:
        size = fitting(rest)
        cut = size
        if size < len(rest):
            cut = max(rest.rfind("\n", size // 2, size), rest.rfind(" ", size // 2, size)) + 1 or size
        if piece := literal(rest[:cut]).strip():
            yield piece
        rest = rest[cut:]


def fitting(text: str) -> int:
    """How many characters fit a section once they are escaped."""
    size = min(len(text), SECTION)
    while (length := len(literal(text[:size]))) > SECTION:
        size = min(size - 1, size * SECTION // length)
    return size


def section(words: str) -> dict[str, Any]:
    """A paragraph. `verbatim`: else Slack would make mentions of @here, and links of names."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": words, "verbatim": True}}


def row(first: int, choices: Sequence[Choice]) -> dict[str, Any]:
    """Buttons beside each other; their values come back when they are pressed."""
    return {
        "type": "actions",
        "elements": [button(f"choice-{first + place}", choice) for place, choice in enumerate(choices)],
    }


def button(action: str, choice: Choice) -> dict[str, Any]:
    """One button."""
    text = {"type": "plain_text", "text": choice.text[:BUTTON_TEXT] or choice.value, "emoji": True}
    return {"type": "button", "action_id": action, "text": text, "value": choice.value}


def bar(share: float) -> str:
    """Progress from 0 to 1, in text."""
    done = round(BAR * min(1.0, max(0.0, share)))
    return f"`{'█' * done}{'░' * (BAR - done)}` {100 * share:.0f}%"

"""Slack's markup to plain text, and our posts to blocks: sections of text, a bar, and rows of buttons."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from bot.platforms.slack.emoji_names import neutral_of
from workers.core.emoji import CUSTOM
from workers.core.replies import Choice

PART = re.compile(r"<([^<>]*)>|:[a-z0-9_+'-]+:(?::skin-tone-[2-6]:)?")
CODE = re.compile(r"(`[^`\n]+`)")
MARKER = re.compile(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])")
"""What could begin or end bold, italic or struck text: not the `_` within snake_case."""
MARKS = {"@": "@", "#": "#"}


SECTION, BLOCKS, BUTTONS, BUTTON_TEXT, FALLBACK = 3000, 50, 25, 75, 3900
"""Slack's limits: characters in a section, blocks in a message, buttons in a block, characters on a button, and
(a little less than 4000) characters of text beside the blocks."""
BAR = 20


def readable(text: str, ids: bool = False) -> str:
    """Text without Slack's markup: links by their words, people and channels by name, emoji as emoji.

    With `ids`, people are given as `@U123` even where the name is known: a verb must mean nobody else.
    """
    return html.unescape(PART.sub(lambda match: _part(match, ids), text)).replace("\xa0", " ").strip()


def _part(match: re.Match[str], ids: bool) -> str:
    inner = match[1]
    if inner is None:
        form = neutral_of(match[0].strip(":"))
        return match[0] if CUSTOM.fullmatch(form) else form
    target, bar, words = inner.partition("|")
    mark = target[:1]
    if mark == "@" and ids:
        return target
    if mark in MARKS:
        return f"{mark}{words.lstrip(mark)}" if words else target
    # <!here>, <!subteam^S1|@group>, <!date^…|words>
    if mark == "!":
        return words or "@" + target[1:].partition("^")[0]
    return words if bar and words else target.removeprefix("mailto:")


def escaped(text: str) -> str:
    """Our text so that it mentions nobody and links nothing."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str) -> str:
    """The same, and stars, lines and tildes are no formatting; only `code` stays code.

    Slack knows no escape for them, but shows the words that stand in for a date it can't read just as they are
    (found by jsx-slack).
    """
    parts = CODE.split(text)
    return "".join(escaped(part) if number % 2 else _unformatted(part) for number, part in enumerate(parts))


def _unformatted(text: str) -> str:
    return MARKER.sub(lambda match: f"<!date^00000000^{{_}}|{match[0]}>", escaped(text))


def message(text: str, choices: Sequence[Choice] = (), progress: float | None = None) -> dict[str, Any]:
    """The `text` (for notifications and old clients) and the `blocks` of a post."""
    body = text if progress is None else f"{text}\n{bar(progress)}"
    rows = [row(number, choices[number : number + BUTTONS]) for number in range(0, len(choices), BUTTONS)]
    rows = rows[: BLOCKS - 1]
    sections = [section(part) for part in islice(parts(body), BLOCKS - len(rows))]
    # Cut twice, for escaping makes it longer.
    return {"text": escaped(body[:FALLBACK])[:FALLBACK] or "…", "blocks": [*sections, *rows]}


def parts(text: str) -> Iterator[str]:
    """The text escaped and in pieces that fit a section, cut at line ends or blanks where there are any."""
    rest = text.strip()[: BLOCKS * SECTION] or "…"
    while rest:
        size = fitting(rest)
        cut = size
        if size < len(rest):
            # Not in the first half, or a text with few blanks would fall into tiny pieces.
            cut = max(rest.rfind("\n", size // 2, size), rest.rfind(" ", size // 2, size)) + 1 or size
        if piece := literal(rest[:cut]).strip():
            yield piece
        rest = rest[cut:]


def fitting(text: str) -> int:
    """How many characters fit a section once they are escaped."""
    size = min(len(text), SECTION)
    while (length := len(literal(text[:size]))) > SECTION:
        # In proportion: one by one, a text of nothing but stars would take thousands of rounds.
        size = min(size - 1, size * SECTION // length)
    return size


def section(text: str) -> dict[str, Any]:
    """A paragraph. `verbatim`: else Slack would make mentions of @here, and links of names."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def row(first: int, choices: Sequence[Choice]) -> dict[str, Any]:
    """Buttons beside each other; their values come back when they are pressed."""
    return {
        "type": "actions",
        "elements": [button(f"choice-{first + number}", choice) for number, choice in enumerate(choices)],
    }


def button(action: str, choice: Choice) -> dict[str, Any]:
    """One button."""
    text = {"type": "plain_text", "text": choice.text[:BUTTON_TEXT] or choice.value, "emoji": True}
    return {"type": "button", "action_id": action, "text": text, "value": choice.value}


def bar(share: float) -> str:
    """Progress from 0 to 1, in text."""
    done = round(BAR * min(1.0, max(0.0, share)))
    return f"`{'█' * done}{'░' * (BAR - done)}` {100 * share:.0f}%"

"""Slack's text to what people read, and ours to what Slack shows as it is."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.platforms.slack.emoji_names import neutral_of
from workers.core.emoji import CUSTOM

PART = re.compile(r"<([^<>]*)>|:[a-z0-9_+'-]+:(?::skin-tone-[2-6]:)?")
CODE = re.compile(r"(`[^`\n]+`)")
MARKER = re.compile(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])")
"""What could begin or end bold, italic or struck text: not the `_` within snake_case."""
MARKS = {"@": "@", "#": "#"}


def readable(text: str, ids: bool = False) -> str:
    """Text without Slack's markup: links by their words, people and channels by name, emoji as emoji.

    With `ids`, people are given as `@U123` even where the name is known: a verb must mean nobody else.
    """
    return html.unescape(PART.sub(lambda found: _part(found, ids), text)).replace("\xa0", " ").strip()


def _part(found: re.Match[str], ids: bool) -> str:
    inner = found[1]
    if inner is None:
        form = neutral_of(found[0].strip(":"))
        return found[0] if CUSTOM.fullmatch(form) else form
    target, bar, words = inner.partition("|")
    mark = target[:1]
    if mark == "@" and ids:
        return target
    if mark in MARKS:
        return f"{mark}{words.lstrip(mark)}" if words else target
    if mark == "!":
        return words or "@" + target[1:].partition("^")[0]
    return words if bar and words else target.removeprefix("mailto:")


def text_of(message: Mapping[str, Any]) -> str:
    """What a message says: its text or, as alerts often have none, what its attachments and blocks say."""
    said = str(message.get("text") or "")
    return said if said.strip() else "\n".join(filter(None, (*_attached(message), *_blocks(message))))


def _attached(message: Mapping[str, Any]) -> Sequence[str]:
    parts: list[str] = []
    for attachment in message.get("attachments") or ():
        said = [str(attachment.get(name) or "") for name in ("pretext", "title", "text")]
        parts.append("\n".join(filter(None, said)) or str(attachment.get("fallback") or ""))
    return parts


def _blocks(message: Mapping[str, Any]) -> Sequence[str]:
    texts = (block.get("text") for block in message.get("blocks") or ())
    return [str(text.get("text") or "") for text in texts if isinstance(text, Mapping)]


def escaped(text: str) -> str:
    """Our text so that it mentions nobody and links nothing."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str) -> str:
    """The same, and stars, lines and tildes are no formatting; only `code` stays code.

    Slack knows no escape for them, but shows the words that stand in for a date it can't read just as they are
    (found by jsx-slack).
    """
    parts = CODE.split(text)
    return "".join(escaped(part) if place % 2 else _unformatted(part) for place, part in enumerate(parts))


def _unformatted(text: str) -> str:
    return MARKER.sub(lambda found: f"<!date^00000000^{{_}}|{found[0]}>", escaped(text))

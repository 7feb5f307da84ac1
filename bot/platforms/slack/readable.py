"""Slack's text to what people read, and ours to what Slack shows as it is."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.platforms.slack.emoji_names import neutral_of
from workers.emoji import CUSTOM

PART = re.compile(r"<([^<>]*)>|:[a-z0-9_+'-]+:(?::skin-tone-[2-6]:)?")
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
    """Our text so that Slack shows it as it is and mentions nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

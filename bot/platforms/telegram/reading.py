"""What people see of a message, in their order, as plain text: its text or caption, or what it consists of instead.

https://core.telegram.org/bots/api#message. What is not of the shape that the reference says is left out.
"""

from __future__ import annotations

from typing import Any

from bot.platforms.json_parts import Json, is_object, items_of, joined_lines, string_of
from bot.platforms.telegram import updates
from bot.platforms.telegram.updates import Quoted

PARTS: dict[str, tuple[str, ...]] = {
    "poll": ("question", "description", "options"),
    "checklist": ("title", "tasks"),
    "venue": ("title", "address"),
    "game": ("title", "description", "text"),
    "invoice": ("title", "description"),
    "giveaway": ("prize_description",),
}
"""What a message may be in place of text, and its parts that are words; options and tasks have a `text` each."""

SEEN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("paragraph", "heading", "pre", "footer", "thinking"), ("text",)),
    **dict.fromkeys(("pullquote", "expandable_blockquote"), ("text", "credit")),
    **dict.fromkeys(("animation", "audio", "document", "map", "photo", "video", "voice_note"), ("caption",)),
    **dict.fromkeys(("collage", "slideshow"), ("blocks", "caption")),
    "blockquote": ("blocks", "credit"),
    "details": ("summary", "blocks"),
    "list": ("items",),
    "table": ("caption", "cells"),
    "mathematical_expression": ("expression",),
    **dict.fromkeys(("anchor", "buttons", "divider"), ()),
}
"""The parts of each kind of block of a rich message that are words, in the order in which people see them."""
DEEPEST = 12
"""Levels of blocks within blocks that are read."""


def text_of(message: Quoted) -> str:
    """What a message says; empty if there is nothing to read."""
    # Of another chat's message, which is nowhere else, people see the words that are quoted.
    quoted = string_of(message.quote.get("text")) if message.external_reply is not None and message.quote else ""
    return joined_lines([quoted, message.text or message.caption or _other(message)])


def _other(message: Quoted) -> str:
    for kind, names in PARTS.items():
        content = getattr(message, kind)
        if content is not None:
            return joined_lines(_words(content.get(name)) for name in names)
    return _blocks(message.rich_message.get("blocks"), 0) if message.rich_message is not None else ""


def _words(part: Any) -> str:
    """A text, or those of a list of options or tasks."""
    if isinstance(part, list):
        return joined_lines(string_of(item.get("text")) for item in items_of(part) if is_object(item))
    return string_of(part)


# ── rich messages ───────────────────────────────────────────────────────────────────────────────────


def _blocks(blocks: Any, depth: int) -> str:
    return joined_lines(_block(block, depth + 1) for block in items_of(blocks) if is_object(block))


def _block(block: Json, depth: int) -> str:
    kind = string_of(block.get("type"))
    if depth > DEEPEST:
        return ""
    if kind not in SEEN:
        updates.unknown.count("a block", kind)
    return joined_lines(_part(name, block.get(name), depth) for name in SEEN.get(kind, ("text", "caption", "blocks")))


def _part(name: str, part: Any, depth: int) -> str:
    if name == "blocks":
        return _blocks(part, depth)
    if name == "items":
        items = [item for item in items_of(part) if is_object(item)]
        return joined_lines(
            f"{string_of(item.get('label'))} {_blocks(item.get('blocks'), depth)}".strip() for item in items
        )
    if name == "cells":
        return joined_lines(_row(row, depth) for row in items_of(part))
    if name == "caption" and is_object(part) and "type" not in part:
        return joined_lines([_inline(part.get("text"), depth), _inline(part.get("credit"), depth)])
    return _inline(part, depth)


def _row(row: Any, depth: int) -> str:
    return " | ".join(filter(None, (_inline(cell.get("text"), depth) for cell in items_of(row) if is_object(cell))))


def _inline(text: Any, depth: int) -> str:
    """A string, a list of such, or such with a meaning, which is within."""
    if depth > DEEPEST:
        return ""
    if isinstance(text, list):
        return "".join(_inline(part, depth + 1) for part in items_of(text))
    if not is_object(text):
        return string_of(text)
    match text.get("type"):
        case "custom_emoji":
            return string_of(text.get("alternative_text"))
        case "mathematical_expression":
            return string_of(text.get("expression"))
        case "button":
            return ""
        case _:
            return _inline(text.get("text"), depth + 1)

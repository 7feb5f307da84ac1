"""What people see of a message, in their order, as plain text: its text or caption, or what it consists of instead.

https://core.telegram.org/bots/api#message. What is not of the shape that the reference says is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from bot.platforms.telegram import updates
from bot.platforms.telegram.updates import Quoted

Json = Mapping[str, Any]

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
    quoted = _string(message.quote.get("text")) if message.external_reply is not None and message.quote else ""
    return _lines([quoted, message.text or message.caption or _other(message)])


def _other(message: Quoted) -> str:
    for kind, names in PARTS.items():
        content = getattr(message, kind)
        if content is not None:
            return _lines(_words(content.get(name)) for name in names)
    return _blocks(message.rich_message.get("blocks"), 0) if message.rich_message is not None else ""


def _words(part: Any) -> str:
    """A text, or those of a list of options or tasks."""
    if isinstance(part, list):
        return _lines(_string(item.get("text")) for item in _items(part) if _is_object(item))
    return _string(part)


# ── rich messages ───────────────────────────────────────────────────────────────────────────────────


def _blocks(blocks: Any, depth: int) -> str:
    return _lines(_block(block, depth + 1) for block in _items(blocks) if _is_object(block))


def _block(block: Json, depth: int) -> str:
    kind = _string(block.get("type"))
    if depth > DEEPEST:
        return ""
    if kind not in SEEN:
        updates.unknown.count("a block", kind)
    return _lines(_part(name, block.get(name), depth) for name in SEEN.get(kind, ("text", "caption", "blocks")))


def _part(name: str, part: Any, depth: int) -> str:
    if name == "blocks":
        return _blocks(part, depth)
    if name == "items":
        items = [item for item in _items(part) if _is_object(item)]
        return _lines(f"{_string(item.get('label'))} {_blocks(item.get('blocks'), depth)}".strip() for item in items)
    if name == "cells":
        return _lines(_row(row, depth) for row in _items(part))
    if name == "caption" and _is_object(part) and "type" not in part:
        return _lines([_inline(part.get("text"), depth), _inline(part.get("credit"), depth)])
    return _inline(part, depth)


def _row(row: Any, depth: int) -> str:
    return " | ".join(filter(None, (_inline(cell.get("text"), depth) for cell in _items(row) if _is_object(cell))))


def _inline(text: Any, depth: int) -> str:
    """A string, a list of such, or such with a meaning, which is within."""
    if depth > DEEPEST:
        return ""
    if isinstance(text, list):
        return "".join(_inline(part, depth + 1) for part in _items(text))
    if not _is_object(text):
        return _string(text)
    match text.get("type"):
        case "custom_emoji":
            return _string(text.get("alternative_text"))
        case "mathematical_expression":
            return _string(text.get("expression"))
        case "button":
            return ""
        case _:
            return _inline(text.get("text"), depth + 1)


def _is_object(value: Any) -> TypeGuard[Json]:
    return isinstance(value, Mapping)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _lines(parts: Iterable[str]) -> str:
    """Parts that say something, one below the other."""
    return "\n".join(filter(None, parts))

"""What people see of a message, in their order, as plain text: its text or blocks, then what is attached.

https://docs.slack.dev/reference/block-kit/blocks. Alert bots say everything in blocks, or in blocks inside attachments.
All of it comes from outside: what is not of the shape that the reference says is left out, and the rest is read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from typing import Any

from bot.platforms.json_parts import Json, is_object, items_of, joined_lines, string_of
from bot.platforms.slack.emoji_names import neutral_of
from bot.platforms.slack.formatting import readable
from bot.platforms.unknown_kinds import UnknownKinds
from workers.core.emoji import CUSTOM

SHORTCODE = re.compile(r":[a-z0-9_+'-]+:(?::skin-tone-[2-6]:)?")
MASK = "\ue000"
KEPT = re.compile(rf"```.*?```|`[^`\n]+`|<[^<>\n]*>|{MASK}", re.DOTALL)
"""Code and links, in which stars and lines are no markup; while that is read, a mask stands in their place."""
BOLD, ITALIC, STRUCK = (
    re.compile(rf"(?<![\w{mark}])\{mark}(?=[^\s{mark}])([^{mark}\n]*?)(?<=\S)\{mark}(?![\w{mark}])") for mark in "*_~"
)
"""A mark that stands before a word, and the next one that stands after a word: not those of `snake_case` or `2 * 3`."""

SEEN: dict[str, tuple[str, ...]] = {
    "section": ("text", "fields"),
    "header": ("text",),
    "context": ("elements",),
    "markdown": ("text",),
    "rich_text": ("elements",),
    "image": ("title",),
    "video": ("title", "description"),
    "alert": ("text",),
    "card": ("title", "subtitle", "body"),
    "carousel": ("elements",),
    "container": ("title", "rich_text_title", "subtitle", "child_blocks"),
    "table": ("rows",),
    "data_table": ("caption", "rows"),
    "data_visualization": ("title",),
    "task_card": ("title", "details", "output"),
    "plan": ("title", "tasks"),
    "actions": (),
    "context_actions": (),
    "divider": (),
    "file": (),
    "call": (),
}
"""The parts of each kind of block that are words to read, in the order in which people see them."""
UNSEEN = frozenset(
    ("type", "block_id", "action_id", "accessory", "actions", "options", "placeholder", "confirm", "style", "alt_text")
)
"""What is no text in a block of any kind."""
UNFURLED = ("from_url", "original_url", "app_unfurl_url", "is_msg_unfurl", "is_app_unfurl")
"""By these an attachment is a preview, which Slack made of a link in the text."""
FILES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("quip", "canvas", "list", "space"), ("title",)),
    "snippet": ("preview",),
    "email": ("subject", "preview_plain_text"),
}
"""Parts of files that are words on the screen, by `mode` or `filetype`: canvases, lists, posts, snippets, mails."""
NO_PREVIEW = "[no preview available]"
"""The fallback that Slack writes itself."""
DEEPEST = 12
"""Levels of blocks within blocks that are read."""

unknown = UnknownKinds("Slack")


def text_of(message: Json) -> str:
    """What a message says; empty if there is nothing to read."""
    attachments = [part for part in items_of(message.get("attachments")) if is_object(part)]
    previews = [part for part in attachments if _is_preview(part)]
    files = (_file(part) for part in items_of(message.get("files")) if is_object(part))
    said = _once([_body(message), *files, *(_attachment(part) for part in attachments if part not in previews)])
    # A message that was shared without a word of one's own is a preview alone.
    return said or joined_lines(_attachment(part) for part in previews)


def _body(message: Json) -> str:
    """The text, or the blocks, which people see in its place; blocks of rich text alone repeat it."""
    comment = message.get("comment")
    if message.get("subtype") == "file_comment" and is_object(comment):
        return _mrkdwn(comment.get("comment"))
    # As it was written: stars that somebody typed stay.
    text, blocks = readable(string_of(message.get("text"))), items_of(message.get("blocks"))
    if text and all(_kind(block) == "rich_text" for block in blocks):
        return text
    return _seen(blocks, 0) or text


def _file(file: Json) -> str:
    """A file by what people see of it beside its name: a canvas's title, a snippet's lines, what was spoken."""
    spoken = file.get("transcription")
    preview = spoken.get("preview") if is_object(spoken) else None
    if is_object(preview):
        return _plain(preview.get("content"))
    names = FILES.get(string_of(file.get("mode")), ()) or FILES.get(string_of(file.get("filetype")), ())
    return joined_lines(_plain(file.get(name)) for name in names)


def _is_preview(attachment: Json) -> bool:
    return not attachment.get("is_share") and any(attachment.get(name) for name in UNFURLED)


def _attachment(attachment: Json) -> str:
    """The older kind of blocks. Who is named as its author, and its footer, are about it and not in it."""
    words = [_mrkdwn(attachment.get("pretext")), _plain(attachment.get("title")), _mrkdwn(attachment.get("text"))]
    for field in items_of(attachment.get("fields")):
        words += [_plain(field.get("title")), _mrkdwn(field.get("value"))] if is_object(field) else []
    blocks = [_seen(items_of(attachment.get("blocks")), 0)]
    blocks += [_shared(part) for part in items_of(attachment.get("message_blocks"))]
    fallback = _mrkdwn(attachment.get("fallback"))
    return _once([joined_lines(words), joined_lines(blocks)]) or ("" if fallback == NO_PREVIEW else fallback)


def _shared(part: Any) -> str:
    """The blocks of a message that was shared."""
    message = part.get("message") if is_object(part) else None
    return _seen(items_of(message.get("blocks")), 0) if is_object(message) else ""


# ── blocks ──────────────────────────────────────────────────────────────────────────────────────────


def _seen(part: Any, depth: int) -> str:
    """The words of a block, of a list of blocks, or of a part of one."""
    if depth > DEEPEST:
        return ""
    if isinstance(part, str):
        return _plain(part)
    if isinstance(part, list):
        return joined_lines(_seen(item, depth + 1) for item in items_of(part))
    return _of_kind(part, depth) if is_object(part) else ""


def _of_kind(part: Json, depth: int) -> str:
    kind = _kind(part)
    if kind == "mrkdwn":
        return _mrkdwn(part.get("text"))
    if kind in ("plain_text", "raw_text", "raw_number"):
        return _plain(part.get("text"))
    if kind in ("table", "data_table"):
        rows = (_row(row, depth + 1) for row in items_of(part.get("rows")))
        return joined_lines([_plain(part.get("caption")), *rows])
    if kind == "rich_text" or kind.startswith("rich_text_"):
        return _rich(part, depth)
    if kind not in SEEN:
        unknown.count("block", kind)
        return joined_lines(_seen(value, depth + 1) for name, value in part.items() if _may_be_words(name, value))
    return joined_lines(_seen(part.get(name), depth + 1) for name in SEEN[kind])


def _may_be_words(name: str, value: Any) -> bool:
    """Whether a part of a block of an unknown kind is read: strings are so only by the names that words have."""
    return name not in UNSEEN and (not isinstance(value, str) or name in ("title", "text", "caption", "body"))


def _row(row: Any, depth: int) -> str:
    """The cells of one row, on one line."""
    cells = row.get("cells") if is_object(row) else row
    return " | ".join(filter(None, (" ".join(_seen(cell, depth + 1).split()) for cell in items_of(cells))))


# ── rich text ───────────────────────────────────────────────────────────────────────────────────────


def _rich(part: Json, depth: int) -> str:
    """Sections, quotes and code are lines of pieces; a list has a line for each item, as in a message's text."""
    items = items_of(part.get("elements"))
    if depth > DEEPEST:
        return ""
    match _kind(part):
        case "rich_text":
            return joined_lines(_rich_line(item, depth + 1) for item in items)
        case "rich_text_list":
            marks = (f"{number}." if part.get("style") == "ordered" else "•" for number in range(1, len(items) + 1))
            lines = (_rich_line(item, depth + 1) for item in items)
            return joined_lines(f"{mark} {line}" for mark, line in zip(marks, lines, strict=True) if line)
        case _:
            return "".join(_piece(item, depth + 1) for item in items)


def _rich_line(item: Any, depth: int) -> str:
    return _of_kind(item, depth).strip() if is_object(item) else ""


def _piece(piece: Any, depth: int) -> str:
    """One piece of a line: words, a link by its words, somebody by id, an emoji."""
    if not is_object(piece):
        return ""
    kind = _kind(piece)
    if kind in PIECES:
        return PIECES[kind](piece)
    unknown.count("piece of rich text", kind)
    words = next(filter(None, (string_of(piece.get(name)) for name in ("text", "fallback", "url", "name"))), "")
    return words or (_rich(piece, depth) if "elements" in piece else "")


def _emoji(piece: Json) -> str:
    name = string_of(piece.get("name"))
    form = neutral_of(name) if name else ""
    # An emoji that is newer than our names comes with its code points, in hexadecimal.
    points = re.fullmatch(r"[0-9a-f]{2,6}(?:-[0-9a-f]{2,6})*", string_of(piece.get("unicode")).lower())
    if points and (not form or CUSTOM.fullmatch(form)):
        numbers = [int(point, 16) for point in points[0].split("-")]
        if all(number < 0x110000 for number in numbers):
            return "".join(map(chr, numbers))
    return form


PIECES: dict[str, Callable[[Json], str]] = {
    "text": lambda piece: _unescaped(piece.get("text")),
    "link": lambda piece: _unescaped(piece.get("text")) or string_of(piece.get("url")),
    "user": lambda piece: f"@{string_of(piece.get('user_id'))}",
    "usergroup": lambda piece: f"@{string_of(piece.get('usergroup_id'))}",
    "team": lambda piece: f"@{string_of(piece.get('team_id'))}",
    "channel": lambda piece: f"#{string_of(piece.get('channel_id'))}",
    "broadcast": lambda piece: f"@{string_of(piece.get('range'))}",
    "date": lambda piece: string_of(piece.get("fallback")),
    "color": lambda piece: string_of(piece.get("value")),
    "emoji": _emoji,
}


# ── what all of it is made of ───────────────────────────────────────────────────────────────────────


def _kind(part: Any) -> str:
    return string_of(part.get("type")) if is_object(part) else ""


def _unescaped(text: Any) -> str:
    return html.unescape(string_of(text)).replace("\xa0", " ")


def _plain(text: Any) -> str:
    """Text without markup, but for emoji."""
    return _unescaped(SHORTCODE.sub(lambda match: _shortcode(match[0]), string_of(text))).strip()


def _shortcode(code: str) -> str:
    form = neutral_of(code.strip(":"))
    return code if CUSTOM.fullmatch(form) else form


def _mrkdwn(text: Any) -> str:
    """Text in Slack's markup as people see it: bold and the like lose their marks, code and links keep all."""
    kept = iter(KEPT.findall(string_of(text)))
    masked = KEPT.sub(MASK, string_of(text))
    for marks in (BOLD, ITALIC, STRUCK):
        masked = marks.sub(r"\1", masked)
    return readable(re.sub(MASK, lambda _: next(kept), masked))


def _once(parts: Iterable[str]) -> str:
    """The same; what is said twice, as in a text and in the blocks for newer clients, is read once."""
    return joined_lines(dict.fromkeys(parts))

"""The modal of the shortcut "Label this…"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.platforms.slack.words import word
from workers.core.i18n import say

if TYPE_CHECKING:
    from workers.store.overview import LabelView

LABEL_THIS = "label_this"
"""The callback id of both the shortcut and its modal."""
CHOSEN = "label"
METADATA_LIMIT = 3000
OPTIONS_LIMIT = 100
OPTION_TEXT = 75


@dataclass(frozen=True, slots=True)
class Target:
    """The message that is to be labelled, as the shortcut showed it to us; it travels in the modal."""

    channel: str
    ts: str
    thread: str
    author: str
    name: str
    text: str
    bot: bool
    mine: bool


def packed(target: Target) -> str:
    """The target as the modal carries it. Slack allows 3000 characters, so a very long text loses its end."""
    text = target.text
    while len(data := json.dumps(asdict(replace(target, text=text)), ensure_ascii=False)) > METADATA_LIMIT:
        text = text[: -(len(data) - METADATA_LIMIT) // 6 or -1]  # JSON makes up to six characters of one
    return data


def view(target: Target, labels: Sequence[LabelView], language: str) -> dict[str, Any]:
    """The modal: one choice among the labels, or the sentence that there are none yet."""
    frame: dict[str, Any] = {"type": "modal", "callback_id": LABEL_THIS, "private_metadata": packed(target)}
    frame["title"] = plain(word(language, "label_this"))
    frame["close"] = plain(word(language, "cancel"))
    if not labels:
        return {**frame, "blocks": [sentence(say(language, "no_labels"))]}
    options = [option(f"{label.emoji} {label.name}", label.name) for label in labels[: OPTIONS_LIMIT - 1]]
    options.append(option(say(language, "ask_none"), "none"))
    select: dict[str, Any] = {"type": "static_select", "action_id": CHOSEN, "options": options}
    select["placeholder"] = plain(word(language, "choose"))
    block = {"type": "input", "block_id": "label", "label": plain(word(language, "label")), "element": select}
    return {**frame, "submit": plain(word(language, "save")), "blocks": [block]}


def closing(text: str, language: str) -> dict[str, Any]:
    """What replaces the modal where nothing can be labelled."""
    frame = {"type": "modal", "callback_id": LABEL_THIS, "title": plain(word(language, "label_this"))}
    return {**frame, "close": plain(word(language, "cancel")), "blocks": [sentence(text)]}


def option(text: str, value: str) -> dict[str, Any]:
    """One line to choose."""
    return {"text": plain(text[:OPTION_TEXT]), "value": value}


def plain(text: str) -> dict[str, Any]:
    """Text that Slack shows as it is."""
    return {"type": "plain_text", "text": text, "emoji": True}


def sentence(text: str) -> dict[str, Any]:
    """A block with one sentence."""
    return {"type": "section", "text": plain(text)}

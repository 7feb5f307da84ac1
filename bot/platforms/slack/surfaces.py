"""What Slack shows of an app beside its posts: the App Home, and the modal of the shortcut "Label this…"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.platforms.slack.formatting import button, parts, section
from workers.core.i18n import say
from workers.core.replies import Choice

VERBS = ("retrain", "rollback")
"""Commands for which there are buttons in the App Home: the first for admins, all of them for operators."""
LABEL_THIS = "label_this"
"""The callback id of both the shortcut and its modal."""
CHOSEN = "label"
METADATA_LIMIT = 3000
OPTIONS_LIMIT = 100
OPTION_TEXT = 75


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the App Home and its paragraphs, ready to be shown."""

    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """What one person sees in the App Home: sections, and the verbs for which there is a button."""

    sections: Sequence[Section]
    verbs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One line to choose in the modal: what people read, and what comes back."""

    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Target:
    """The message on which the shortcut was used, as Slack showed it to us; it travels in the modal."""

    channel: str
    ts: str
    thread: str
    author: str
    name: str
    text: str
    bot: bool
    mine: bool


def home_view(home: Home, language: str, dm: str) -> dict[str, Any]:
    """One person's App Home. `dm`: the channel in which the bot speaks with that person."""
    blocks: list[dict[str, Any]] = []
    for part in home.sections:
        # 150 characters are all that Slack takes in a header.
        blocks.append({"type": "header", "text": {"type": "plain_text", "text": part.title[:150], "emoji": True}})
        blocks += [section(piece) for paragraph in part.paragraphs for piece in parts(paragraph)]
    if home.verbs:
        choices = [Choice(text=say(language, f"slack_{verb}"), value=verb) for verb in home.verbs]
        blocks.append({"type": "actions", "elements": [button(f"home-{choice.value}", choice) for choice in choices]})
    return {"type": "home", "private_metadata": dm, "blocks": blocks}


def packed(target: Target) -> str:
    """The target as the modal carries it. Slack allows 3000 characters, so a very long text loses its end."""
    text = target.text
    while len(data := json.dumps(asdict(replace(target, text=text)), ensure_ascii=False)) > METADATA_LIMIT:
        text = text[: -(len(data) - METADATA_LIMIT) // 6 or -1]  # JSON makes up to six characters of one
    return data


def modal_view(target: Target, options: Sequence[Option], language: str) -> dict[str, Any]:
    """The modal: one choice among the options. Of more than Slack allows, the first and the last one are kept."""
    if len(options) > OPTIONS_LIMIT:
        # The last one is the answer that none of them fits.
        options = [*options[: OPTIONS_LIMIT - 1], options[-1]]
    lines = [{"text": plain(option.text[:OPTION_TEXT]), "value": option.value} for option in options]
    select: dict[str, Any] = {"type": "static_select", "action_id": CHOSEN, "options": lines}
    select["placeholder"] = plain(say(language, "slack_choose"))
    block = {"type": "input", "block_id": "label", "label": plain(say(language, "slack_label")), "element": select}
    return {
        **frame(language),
        "private_metadata": packed(target),
        "submit": plain(say(language, "slack_save")),
        "blocks": [block],
    }


def closing(text: str, language: str) -> dict[str, Any]:
    """What stands in the modal where nothing can be chosen: one sentence."""
    return {**frame(language), "blocks": [{"type": "section", "text": plain(text)}]}


def frame(language: str) -> dict[str, Any]:
    """What both have in common."""
    title, close = plain(say(language, "slack_label_this")), plain(say(language, "slack_cancel"))
    return {"type": "modal", "callback_id": LABEL_THIS, "title": title, "close": close}


def plain(text: str) -> dict[str, Any]:
    """Text that Slack shows as it is."""
    return {"type": "plain_text", "text": text, "emoji": True}

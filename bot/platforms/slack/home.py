"""The App Home: sections of text that it is given, and buttons for admins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.platforms.slack.formatting import button, parts, section
from workers.core.i18n import say
from workers.core.replies import Choice

VERBS = ("retrain", "rollback")
"""Commands for which an admin gets a button."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its paragraphs, ready to be shown."""

    title: str
    paragraphs: tuple[str, ...]


def view(sections: Sequence[Section], language: str, admin: bool, dm: str) -> dict[str, Any]:
    """One person's App Home. `dm`: the channel in which the bot speaks with that person."""
    blocks: list[dict[str, Any]] = []
    for part in sections:
        blocks.append({"type": "header", "text": {"type": "plain_text", "text": part.title[:150], "emoji": True}})
        blocks += [section(piece) for paragraph in part.paragraphs for piece in parts(paragraph)]
    if admin:
        choices = [Choice(text=say(language, f"slack_{verb}"), value=verb) for verb in VERBS]
        blocks.append({"type": "actions", "elements": [button(f"home-{choice.value}", choice) for choice in choices]})
    return {"type": "home", "private_metadata": dm, "blocks": blocks}

"""What people type at the bot: `/verb@bot arguments`, or any words in their own chat with it."""

from __future__ import annotations

import re

from aiogram.types import BotCommand

from workers.core.command_table import VERBS

COMMAND = re.compile(r"/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]+))?(?=\s|$)")
START = "start"
"""What a client sends when somebody opens a chat with the bot, or adds it to a group, by a link."""


def command_of(text: str, username: str, plain: bool = False) -> str | None:
    """The verb and its arguments; empty if it is meant for another bot, None if it is no command.

    With `plain` a text without a slash is one, too.
    """
    found = COMMAND.match(text)
    if found is None:
        return text.strip() if plain else None
    verb, bot = found.groups()
    if bot and bot.lower() != username.lower():
        return ""
    if verb.lower() == START:
        return "help"
    return f"{verb.lower()} {text[found.end() :].strip()}".strip()


def menu(language: str) -> list[BotCommand]:
    """The commands as Telegram shows them while people type; `labels add` is typed as an argument."""
    verbs = [verb for verb in VERBS.values() if " " not in verb.name]
    return [BotCommand(command=verb.name, description=verb.help(language)) for verb in verbs]

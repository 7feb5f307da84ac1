"""`backchannel doctor`: one green or red line for everything that has to be well, and what to do about the red ones."""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.text import Text

from bot.doctor import checks
from bot.doctor.findings import Finding
from bot.settings import BotSettings
from workers.core.settings import AnySettings, Settings, WrongSettings, read_settings
from workers.store.database import Database

PLATFORM_TIMEOUT = 60.0
"""Seconds that a platform may take to be examined."""

Examine = Callable[[BotSettings, Database | None, str | None], Awaitable[list[Finding]]]
"""Examine a platform with these settings, and a chat of it if one is named."""


async def _slack(bot_settings: BotSettings, database: Database | None, chat: str | None) -> list[Finding]:
    # By name: the doctor stands below platforms and wiring, and import statements may only point down.
    wiring = importlib.import_module("bot.wiring.slack")
    installed: Any = wiring.InstalledWorkspaces(database).every() if database else []
    channel = chat.rpartition("/")[2] if chat else None
    return await importlib.import_module("bot.platforms.slack.doctor").examine(bot_settings.slack, installed, channel)


async def _telegram(bot_settings: BotSettings, _database: Database | None, chat: str | None) -> list[Finding]:
    group = chat.rpartition("/")[2] if chat else None
    return await importlib.import_module("bot.platforms.telegram.doctor").examine(bot_settings.telegram, group)


PLATFORMS: dict[str, Examine] = {"slack": _slack, "telegram": _telegram}
"""Loaded when they are needed: their SDKs are slow to import."""


def doctor(chat: str | None, console: Console) -> bool:
    """Look at everything, print each finding at once, and say whether all is well.

    `chat` is platform:chat_id or platform:workspace/chat_id: what the bot may do is tried there.
    """
    count, red = 0, 0
    logging.disable()  # SDKs like to log addresses, which have tokens in them
    try:
        for finding in diagnose(chat):
            count, red = count + 1, red + (not finding.ok)
            show(finding, console)
    finally:
        logging.disable(logging.NOTSET)
    console.print("All is well." if not red else f"{red} of {count} checks failed.", style="bold", highlight=False)
    return not red


def diagnose(chat: str | None) -> Iterator[Finding]:
    """All findings, in the order in which one would mend them; no secret is in any of them."""
    settings, wrong = _read(Settings)
    # Both are read before anything is given up, so that all that is wrong is said at once.
    bot_settings, also_wrong = _read(BotSettings)
    yield from wrong + also_wrong
    if settings is None or bot_settings is None:
        return
    secrets = _secrets(settings) | _secrets(bot_settings)
    for finding in _examine_all(settings, bot_settings, chat):
        yield Finding(finding.ok, _redact(finding.what, secrets), _redact(finding.todo, secrets))


def _examine_all(settings: Settings, bot_settings: BotSettings, chat: str | None) -> Iterator[Finding]:
    yield Finding(True, "The settings can be read.")
    yield checks.disk(settings)
    yield from checks.privacy(settings)
    about_tables, database = checks.tables(settings)
    yield about_tables
    yield checks.broker(settings)
    yield from checks.model(settings, database)
    yield from checks.processes(settings, bot_settings, database)
    yield from checks.queues(database)
    yield from platforms(bot_settings, database, chat)


def platforms(bot_settings: BotSettings, database: Database | None, chat: str | None) -> Iterator[Finding]:
    """What the platforms say about themselves; `chat` is for the one that it names."""
    enabled = [name for name in bot_settings.enabled if name in PLATFORMS]
    platform, _, where = (chat or "").partition(":")
    if chat and not (platform in enabled and where):
        todo = "Write platform:chat_id or platform:workspace/chat_id, with a platform whose settings are present."
        yield Finding(False, f"There is no chat {chat} to try anything in.", todo)
    for name in enabled:
        yield from _examined(name, bot_settings, database, where if name == platform else None)


def _examined(name: str, bot_settings: BotSettings, database: Database | None, where: str | None) -> list[Finding]:
    try:
        return asyncio.run(asyncio.wait_for(PLATFORMS[name](bot_settings, database, where), PLATFORM_TIMEOUT))
    except TimeoutError:
        return [
            Finding(
                False, f"{name} did not answer within {PLATFORM_TIMEOUT:g} s.", "Look at the network, and try again."
            )
        ]
    except Exception as error:  # whatever an SDK raises: its words may have a token in them, its kind has none
        return [Finding(False, f"{name} could not be examined ({type(error).__name__}).", "Look at its bot's log.")]


def show(finding: Finding, console: Console) -> None:
    """Print a finding: green or red on a terminal, plain elsewhere."""
    mark = Text("✓ ", "green") if finding.ok else Text("✗ ", "bold red")
    # Text, because in a str rich would read brackets as markup; soft_wrap, because it would break lines at 80 columns.
    console.print(mark + Text(finding.what), soft_wrap=True)
    if not finding.ok and finding.todo:
        console.print(Text(f"  → {finding.todo}", "yellow"), soft_wrap=True)


def _read(cls: type[AnySettings]) -> tuple[AnySettings | None, list[Finding]]:
    try:
        return read_settings(cls), []
    except WrongSettings as error:
        todo = "Correct it in the environment or in .env."
        return None, [Finding(False, sentence, todo) for sentence in error.sentences]


def _secrets(settings: BaseModel) -> set[str]:
    """The values of all secrets, and the passwords inside of addresses, as they are and as addresses write them."""
    secrets: set[str] = set()
    for name in type(settings).model_fields:
        value: object = getattr(settings, name)
        if isinstance(value, BaseModel):
            secrets |= _secrets(value)
        elif isinstance(value, SecretStr) and (text := value.get_secret_value()):
            password = _password(text)
            secrets |= {text, password, unquote(password), quote(password, safe="")}
    # A shorter one would be blanked out inside of ordinary words.
    return {secret for secret in secrets if len(secret) > 3}


def _password(text: str) -> str:
    try:
        return urlsplit(text).password or ""
    except ValueError:
        return ""


def _redact(text: str, secrets: set[str]) -> str:
    """The text without secrets: the last line of defence, for no check puts one there knowingly."""
    # The longest first: one secret may begin with another.
    pattern = "|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True))
    return re.sub(pattern, "…", text) if pattern else text

"""The one place that calls the Bot API. The token stands in every address, so no error of the SDK leaves this file."""

from __future__ import annotations

from typing import Any, TypeVar

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError
from aiogram.methods import TelegramMethod
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientError

from bot.platforms.telegram.errors import TokenRefused, in_our_words
from bot.settings import TelegramSettings

PATIENCE = 15
"""Seconds for one call; a send has thirty, with its waiting."""
Answer = TypeVar("Answer")


class RawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates, without reading what came: an update that the SDK does not know must not stop the others."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None
    timeout: int
    limit: int
    allowed_updates: list[str]


class Client:
    """Calls methods of the Bot API. Raises what `errors.in_our_words` lists, and nothing else."""

    def __init__(self, settings: TelegramSettings) -> None:
        """Raises TokenRefused where there is no token, or one that can't be one."""
        if settings.token is None:
            raise TokenRefused
        bot = _bot(settings.token.get_secret_value(), settings.api_url)
        if bot is None:  # raised out here, so that no traceback carries the token along
            raise TokenRefused
        self._bot = bot

    @property
    def id(self) -> int:
        """The bot's own number, which its token begins with."""
        return self._bot.id

    async def __call__(self, method: TelegramMethod[Answer], patience: int = PATIENCE) -> Answer:
        """Call a method; `patience` in seconds."""
        try:
            return await self._bot(method, request_timeout=patience)
        except (AiogramError, ClientError, OSError) as error:
            said = in_our_words(error)
        raise said

    async def close(self) -> None:
        """Close the connections."""
        await self._bot.session.close()


def _bot(token: str, api_url: str) -> Bot | None:
    try:
        return Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api_url)))
    except TokenValidationError:
        return None

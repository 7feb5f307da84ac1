"""The one place that calls the Bot API. The token stands in every address, so no error of the SDK leaves this file."""

from __future__ import annotations

from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError
from aiogram.methods import Response, TelegramMethod
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientError

from bot.platforms.telegram.errors import TokenRefused, translate
from bot.settings import TelegramSettings

TIMEOUT = 15
"""Seconds for one call; a send has thirty, with its waiting."""


class Untyped(TelegramMethod[Any]):
    """Stands for a method whose answer nobody turns into a model."""

    __returning__ = Any
    __api_method__ = ""


class PlainSession(AiohttpSession):
    """Hands answers over as plain JSON: one that the SDK can't read must not make a call look as if it had failed."""

    def check_response(self, bot: Bot, method: TelegramMethod[Any], status_code: int, content: str) -> Response[Any]:
        """The answer; raises as the SDK does."""
        return super().check_response(bot, Untyped(), status_code, content)


class Client:
    """Calls methods of the Bot API; their results are plain JSON. Raises what `errors.translate` lists."""

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

    async def __call__(self, method: TelegramMethod[Any], seconds: int = TIMEOUT) -> Any:
        """Call a method; wait for its answer for at most so many seconds."""
        try:
            return await self._bot(method, request_timeout=seconds)
        except (AiogramError, ClientError, OSError) as error:
            translated = translate(error)
        raise translated  # out here, so that no traceback holds the SDK's error, in which the token stands

    async def close(self) -> None:
        """Close the connections."""
        await self._bot.session.close()


def _bot(token: str, api_url: str) -> Bot | None:
    try:
        return Bot(token, session=PlainSession(api=TelegramAPIServer.from_base(api_url)))
    except TokenValidationError:
        return None

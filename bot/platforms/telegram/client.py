"""The one place that calls the Bot API. The token stands in every address, so no error of the SDK leaves this file."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError, ClientDecodeError, TelegramEntityTooLarge
from aiogram.methods import GetMe, Response, TelegramMethod
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientError

from bot.platforms.telegram.errors import Garbled, TokenRefused, Unrecognised, translate
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
        """The answer; raises as the SDK does, and Garbled where what stands before Telegram refused the call."""
        try:
            return super().check_response(bot, Untyped(), status_code, content)
        except ClientDecodeError:
            # A proxy's page: its refusal of a call that is too large has a reason that people can be told.
            if status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise TelegramEntityTooLarge(method, "too large") from None
            if HTTPStatus.BAD_REQUEST <= status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Garbled(f"Something between Telegram and the bot refused a call (HTTP {status_code}).") from None
            raise


class Client:
    """Calls methods of the Bot API; their results are plain JSON.

    Raises TokenRefused, and what `errors.translate` lists but for Unrecognised.
    """

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
        """Call a method; wait for its answer for at most so many seconds.

        Of the token only `getMe` says whether it is good: a server may refuse any other method for its own reasons.
        """
        try:
            return await self._bot(method, request_timeout=seconds)
        except (AiogramError, ClientError, OSError, Garbled) as error:
            translated = translate(error)
        # Out here, so that no traceback holds the SDK's error, in which the token stands.
        if not isinstance(translated, Unrecognised):
            raise translated
        if isinstance(method, GetMe):
            raise TokenRefused
        await self(GetMe())
        raise translated.refusal

    async def close(self) -> None:
        """Close the connections."""
        await self._bot.session.close()


def _bot(token: str, api_url: str) -> Bot | None:
    try:
        return Bot(token, session=PlainSession(api=TelegramAPIServer.from_base(api_url)))
    except TokenValidationError:
        return None

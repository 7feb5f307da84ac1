"""Addresses at which Slack takes an answer to one person, also where the bot itself may not write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from cachetools import TTLCache
from pydantic import SecretStr
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.platforms.slack.redact import sdk_logger
from workers.core.events import ChatRef

KEPT, SECONDS = 1000, 1800.0
"""How many addresses are kept, and how long Slack takes answers at one."""
TIMEOUT = 10
Body = Mapping[str, Any]


class ResponseUrls:
    """The newest address of each person in each channel, and of each message that only that person sees."""

    def __init__(self) -> None:
        self._urls: TTLCache[tuple[str, str], SecretStr] = TTLCache(KEPT, SECONDS)

    def keep(self, chat: ChatRef, about: str, url: str | None) -> None:
        """`about`: the id of the person who acted, or of the message that only that person sees."""
        if url:
            self._urls[chat.key, about] = SecretStr(url)

    async def whisper(self, chat: ChatRef, person: str, body: Body) -> bool:
        """Say something to somebody alone. False where there is no address, or Slack takes nothing there any more."""
        return await self._send(chat, person, {"response_type": "ephemeral", "replace_original": False, **body})

    async def replace(self, chat: ChatRef, message_id: str, body: Body) -> bool:
        """Change a message that one person sees, after that person pressed a button under it. False as above."""
        return await self._send(chat, message_id, {"response_type": "ephemeral", "replace_original": True, **body})

    async def _send(self, chat: ChatRef, about: str, body: Body) -> bool:
        url = self._urls.get((chat.key, about))
        if url is None:
            return False
        webhook = AsyncWebhookClient(url.get_secret_value(), TIMEOUT, logger=sdk_logger(), retry_handlers=[])
        try:
            answer = await webhook.send_dict(dict(body))
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionError(f"Slack could not be reached ({type(error).__name__}).") from None
        if answer.status_code >= 400:
            # Used five times, or too old.
            self._urls.pop((chat.key, about), None)
        return answer.status_code < 400

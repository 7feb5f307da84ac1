"""The webhook: Telegram calls us, proves with a secret that it is Telegram, and sends again what we did not store."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.platforms.base import Ailment
from bot.platforms.http_server import healthz, read_body
from bot.platforms.telegram.polling import Health, StoreUpdate

log = logging.getLogger(__name__)

PATH = "/telegram/webhook"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
BODY_LIMIT = 1024 * 1024
STORE_TIMEOUT = 20.0
"""Seconds for which Telegram waits here; after that it is told to come again."""


class Webhook:
    """Takes updates over HTTP. One that is sent again while it is still being stored is stored once."""

    def __init__(self, secret: str, store: StoreUpdate) -> None:
        self._secret, self._store = secret.encode(), store
        self._storing: dict[int, asyncio.Task[None]] = {}

    async def receive(self, request: Request) -> Response:
        """401 unsigned, 413 too large, 400 no update, 500 not stored, 200 stored."""
        if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), self._secret):
            return PlainTextResponse("The secret is missing or wrong.", 401)
        body = await read_body(request, BODY_LIMIT)
        if body is None:
            return PlainTextResponse("That is larger than an update.", 413)
        try:
            update = json.loads(body)
            number = update["update_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return PlainTextResponse("That is no update.", 400)
        if not isinstance(number, int):
            return PlainTextResponse("That is no update.", 400)
        return await self._stored(number, update)

    async def _stored(self, number: int, update: dict[str, Any]) -> Response:
        storing = self._storing.get(number)
        if storing is None:
            storing = self._storing[number] = asyncio.create_task(self._store(update))
            storing.add_done_callback(lambda _: self._storing.pop(number, None))
        try:
            async with asyncio.timeout(STORE_TIMEOUT):
                # It goes on when the waiting ends: sent again, the update finds it at work or done.
                await asyncio.shield(storing)
        except Exception as error:
            log.error("Update %d is not stored yet (%s); Telegram will send it again.", number, type(error).__name__)
            return PlainTextResponse("It is not stored yet.", 500)
        return Response()


def app(health: Health, ailment: Ailment, webhook: Webhook | None) -> Starlette:
    """What is served: a sign of life and, in webhook mode, the webhook."""

    async def answer(request: Request) -> Response:
        return await healthz(health.connected, ailment)

    routes = [Route("/healthz", answer)]
    if webhook is not None:
        routes.append(Route(PATH, webhook.receive, methods=["POST"]))
    return Starlette(routes=routes)

"""What is served over HTTP: signed requests from Slack, the install page, and the health check."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pydantic import SecretStr
from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.platforms.http_server import read_body
from bot.platforms.slack.oauth import INSTALL, REDIRECT

log = logging.getLogger(__name__)

EVENTS, HEALTH = "/slack/events", "/healthz"
BODY_LIMIT = 1_000_000
STORE_TIMEOUT = 2.8
"""Seconds until we say that an event can't be stored now. After 3 Slack gives up on the request and sends it again."""


def site(
    app: AsyncApp,
    secret: SecretStr | None,
    flow: AsyncOAuthFlow | None,
    events: bool,
    connected: Callable[[], bool],
    health: Callable[[], Awaitable[Response]],
) -> Starlette:
    """The pages; with `events` Slack calls us there, and without a valid signature nothing is even looked at."""

    async def answer(_: Request) -> Response:
        return await health()

    routes = [Route(HEALTH, answer)]
    if events and secret is not None:
        routes.append(Route(EVENTS, _EventEndpoint(app, secret, connected).receive, methods=["POST"]))
    if flow is not None:
        routes += [Route(INSTALL, _page(flow.handle_installation)), Route(REDIRECT, _page(flow.handle_callback))]
    return Starlette(routes=routes)


class _EventEndpoint:
    """Lets in what Slack signed less than five minutes ago, and answers once it is stored."""

    def __init__(self, app: AsyncApp, secret: SecretStr, healthy: Callable[[], bool]) -> None:
        self._app, self._verifier, self._healthy = app, SignatureVerifier(secret.get_secret_value()), healthy

    async def receive(self, request: Request) -> Response:
        body = await read_body(request, BODY_LIMIT)
        if body is None:
            return PlainTextResponse("too long", 413)
        if not self._signed(request, body):
            return PlainTextResponse("not signed by Slack", 401)
        if not self._healthy():  # we don't know yet who we are
            return PlainTextResponse("not ready yet, send it again", 503)
        try:
            async with asyncio.timeout(STORE_TIMEOUT):
                answer = await self._app.async_dispatch(to_async_bolt_request(request, body))
        except TimeoutError:
            return PlainTextResponse("not stored yet, send it again", 503)
        return to_starlette_response(answer)

    def _signed(self, request: Request, body: bytes) -> bool:
        try:
            body.decode()
            return self._verifier.is_valid_request(body, dict(request.headers))
        except (ValueError, TypeError):  # a time that is no number, a signature or a body that is no text
            return False


def _page(handle: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        try:
            return to_starlette_response(await handle(to_async_bolt_request(request, b"")))
        except Exception as error:  # nothing of it may reach a log: it may hold a code or a token
            log.error("An install did not come to its end (%s).", type(error).__name__)
            return PlainTextResponse("That did not work: open the install page again.", 500)

    return page

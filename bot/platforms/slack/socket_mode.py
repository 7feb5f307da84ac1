"""Socket Mode: one WebSocket to Slack that is kept open, over which events come and are acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.platforms.slack.errors import code_of, translate
from bot.platforms.slack.redact import redacted, sdk_logger
from bot.platforms.slack.workspaces import Workspaces
from workers.core.errors import BackchannelError

log = logging.getLogger(__name__)

POLL, CONNECT_TIMEOUT, PING = 0.25, 4.0, 5.0
"""Seconds between two looks at the connection, for connecting (after PING the SDK would try an address again that is
spent), and between two pings."""
WRONG_TOKEN = frozenset({"invalid_auth", "not_authed", "not_allowed_token_type", "missing_scope", "token_revoked"})


class Connection(SocketModeClient):
    """The SDK's client, which leaves it to `keep_connected` to connect again.

    Left to itself it would try one address for ever, though an address is good for one use.
    """

    renew = False

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        """Slack is about to close this connection, or has done so."""
        self.renew = self.renew or force


def connection(app: AsyncApp, workspaces: Workspaces, app_token: SecretStr) -> Connection:
    """A client that gives every envelope to bolt and acknowledges it when bolt says 200; it is not connected yet."""
    client = Connection(
        app_token=app_token.get_secret_value(),
        logger=sdk_logger(),
        web_client=workspaces.client(),
        # `keep_connected` does it, with a new address each time.
        auto_reconnect_enabled=False,
        ping_interval=PING,
    )

    async def handle(_: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer = await run_async_bolt_app(app, request)
        try:
            await send_async_response(client, request, answer, 0.0)
        except (ConnectionError, AttributeError):  # no connection just now: Slack sends the envelope again
            log.info("An acknowledgement could not be sent; the event is stored and will come again.")

    client.socket_mode_request_listeners.append(handle)
    return client


async def keep_connected(client: Connection, on_change: Callable[[bool], None]) -> None:
    """Connect, and connect again whenever the connection is lost or about to be; `on_change` hears of it.

    Raises BackchannelError when the app token is not taken.
    """
    pause = POLL
    while True:
        if await client.is_connected() and not client.renew:
            pause = POLL
            await asyncio.sleep(POLL)
            continue
        on_change(False)
        try:
            await _connect(client)
            on_change(True)
        except BackchannelError:
            raise
        except Exception as error:
            log.warning(
                "No connection to Slack (%s: %s); trying again.", type(error).__name__, redacted(str(error))[:200]
            )
            await asyncio.sleep(pause)
            pause = min(15.0, 2 * pause)


async def _connect(client: Connection) -> None:
    try:
        answer = await client.web_client.apps_connections_open(app_token=client.app_token)
    except SlackApiError as error:
        if code_of(error) in WRONG_TOKEN:
            raise BackchannelError(
                "Slack does not take BACKCHANNEL_SLACK__APP_TOKEN: make an app-level token with the scope "
                "connections:write on the app's page."
            ) from None
        raise ConnectionError(str(translate(error))) from None
    client.renew = False
    client.wss_uri = answer["url"]
    # That of the connection before, by which the new one would pass for dead at once.
    client.last_ping_pong_time = None
    async with asyncio.timeout(CONNECT_TIMEOUT):
        await client.connect()

"""The Slack platform: what listens, what sends, and what serves, put together."""

from __future__ import annotations

import asyncio
from typing import Protocol

from slack_bolt.async_app import AsyncApp
from starlette.responses import Response

from bot.platforms.base import Accept, Ailment, Standing, well
from bot.platforms.http_server import bind, healthz, serving
from bot.platforms.slack.background_tasks import BackgroundTasks
from bot.platforms.slack.http import site
from bot.platforms.slack.listeners import Listeners, Screens, bolt_app
from bot.platforms.slack.oauth import InstallRegister, oauth_flow
from bot.platforms.slack.rate_limit import RateLimit
from bot.platforms.slack.response_urls import ResponseUrls
from bot.platforms.slack.sender import Sender
from bot.platforms.slack.socket_mode import connection, keep_connected
from bot.platforms.slack.users import Users
from bot.platforms.slack.workspaces import Installed, Workspaces, introduced
from bot.settings import SlackSettings
from workers.core.events import ChatRef, Person
from workers.core.replies import Reply


class Installations(Installed, InstallRegister, Protocol):
    """Where installed workspaces and their tokens are kept."""


class SlackPlatform:
    """Slack by Socket Mode or HTTP. `pause`: seconds at least between two posts in a channel."""

    name = "slack"

    def __init__(
        self,
        settings: SlackSettings,
        installations: Installations | None,
        screens: Screens,
        language: str = "en",
        pause: float = 1.0,
    ) -> None:
        self._settings, self._installations = settings, installations
        self.ailment: Ailment = well
        self.port, self.connected = settings.port, asyncio.Event()
        self._workspaces = Workspaces(settings.api_url, installations)
        self._background, rate_limit = BackgroundTasks(), RateLimit(pause)
        response_urls = ResponseUrls()
        self._users = Users(self._workspaces, self._background, rate_limit)
        self._listeners = Listeners(self._workspaces, self._users, self._background, response_urls, screens, language)
        self._sender = Sender(self._workspaces, rate_limit, response_urls)

    async def listen(self, accept: Accept) -> None:
        """Hand every event to `accept` and acknowledge it only afterwards. Runs until it is cancelled.

        Raises BackchannelError when a token is not taken or the address can't be had. With port 0, `port` holds the
        real one once `connected` is set.
        """
        settings = self._settings
        sock = bind(settings.host, settings.port, "BACKCHANNEL_SLACK")
        self.port = sock.getsockname()[1]
        self._listeners.accept = accept
        app = bolt_app(self._listeners, self._workspaces, settings.signing_secret)
        flow = None
        if self._installations and settings.client_id and settings.client_secret:
            client = self._workspaces.client()
            flow = oauth_flow(
                settings.client_id, settings.client_secret, client, self._installations, self._workspaces.forget
            )
        pages = site(app, settings.signing_secret, flow, settings.mode == "http", self.connected.is_set, self.health)
        async with serving(pages, sock) as server:
            running = asyncio.create_task(self._run(app))
            try:
                await asyncio.wait({server, running}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
            finally:
                running.cancel()
                await asyncio.wait({running})
                self.connected.clear()
                await self._background.stop()

    async def _run(self, app: AsyncApp) -> None:
        """Say who we are, then let events come."""
        settings = self._settings
        if settings.bot_token:
            await introduced(self._workspaces, settings.bot_token, alone=not settings.client_id)
        if settings.mode == "http" or settings.app_token is None:
            self.connected.set()
            await asyncio.Event().wait()
        else:
            client = connection(app, self._workspaces, settings.app_token)
            try:
                await keep_connected(client, self._set_connected)
            finally:
                await client.close()

    async def health(self) -> Response:
        """Whether Slack reaches us, and all else is well."""
        return await healthz(self.connected.is_set(), self.ailment)

    def _set_connected(self, connected: bool) -> None:
        if connected:
            self.connected.set()
        else:
            self.connected.clear()

    async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
        """See `Platform.send`."""
        return await self._sender.send(reply, handle)

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        """Admins and owners of the workspace are admins; guests and people of other workspaces never are."""
        return await self._users.standing(await self._workspaces.needed(chat.workspace), person.id)

"""A local server that speaks Slack: Web API, Socket Mode, and the pages that response URLs lead to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from tests.fakes.slack.shapes import Trouble
from tests.fakes.slack.socket import FarSocket
from tests.fakes.slack.web_api import Channel, FarWeb, Team

MANIFEST = Path(__file__).parents[3] / "docker" / "slack-manifest.yaml"
TOKEN = "xoxb-1-canary-bot"


def manifest() -> dict[str, Any]:
    """The app's manifest, which says what the far side lets the bot do and tells it."""
    return yaml.safe_load(MANIFEST.read_text())


def scopes() -> set[str]:
    """The scopes of a workspace that installed the app by the manifest."""
    return set(manifest()["oauth_config"]["scopes"]["bot"])


class FarSlack:
    """Slack with one workspace, one channel that the bot is in, and a few people."""

    def __init__(self) -> None:
        self.web, self.socket = FarWeb(), FarSocket()
        self.team = self.install(Team("T1", TOKEN, scopes()))
        self.subscribed = set(manifest()["settings"]["event_subscriptions"]["bot_events"])
        for name in ("C1", "G1", "D1"):
            self.web.channels[name] = Channel(name, {self.team.bot, "U1", "U2"})
        for user, more in {"U1": {"is_admin": True}, "U2": {}}.items():
            self.web.users[user] = person(user, self.team.id, **more)

    def install(self, team: Team) -> Team:
        """A workspace installs the app."""
        self.web.teams[team.token] = team
        return team

    @property
    def api_url(self) -> str:
        return f"{self.web.url}/api/"

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[FarSlack]:
        """Listen on loopback until the block ends."""
        app = web.Application(client_max_size=50_000_000)
        app.router.add_route("*", "/api/apps.connections.open", self._open)
        app.router.add_route("*", "/api/{method}", self.web.handle)
        app.router.add_post("/upload/v1/{number}", self.web.upload)
        app.router.add_post("/commands/{number}", self._respond)
        app.router.add_get("/link/", self.socket.connect)
        runner = web.AppRunner(app, shutdown_timeout=1.0, handle_signals=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        listening = runner.addresses[0]
        self.web.url = self.socket.url = f"http://127.0.0.1:{listening[1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _open(self, request: web.Request) -> web.Response:
        try:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return web.json_response({"ok": True, **self.socket.open(token)})
        except Trouble as trouble:
            return web.json_response({"ok": False, "error": trouble.code})

    async def _respond(self, request: web.Request) -> web.Response:
        self.web.whispers.append({"url": request.path, **await request.json()})
        return web.Response(text="ok")


def person(user: str, team: str, **more: Any) -> dict[str, Any]:
    """Somebody as `users.info` describes them."""
    profile = {"real_name": f"Name of {user}", "display_name": "", "team": team}
    flags = {"is_admin": False, "is_owner": False, "is_primary_owner": False, "is_bot": False, "is_app_user": False}
    guest = {"is_restricted": False, "is_ultra_restricted": False}
    base = {
        "id": user,
        "team_id": team,
        "name": user.lower(),
        "deleted": False,
        "profile": profile,
        "tz": "Asia/Shanghai",
    }
    return base | flags | guest | more

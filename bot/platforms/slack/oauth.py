"""How workspaces install the bot: bolt's OAuth flow on stores of our own."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Protocol

from pydantic import SecretStr
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from bot.platforms.slack.redact import sdk_logger
from bot.platforms.slack.scopes import BOT_SCOPES
from bot.platforms.slack.workspaces import Workspace

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
STATE_SECONDS = 600


class InstallRegister(Protocol):
    """Where installs end up. All of it may block, and runs in threads."""

    def save(self, workspace: Workspace) -> None:
        """A workspace has installed the bot, or has done so again."""
        ...

    def issue_state(self, state: str, seconds: float) -> None:
        """Remember that an install has begun."""
        ...

    def consume_state(self, state: str) -> bool:
        """Whether that install began here, not too long ago; a state counts once."""
        ...


class _Workspaces(AsyncInstallationStore):
    """What bolt's flow saves when somebody has agreed."""

    def __init__(self, register: InstallRegister, installed: Callable[[str], None]) -> None:
        self._register, self._installed = register, installed

    @property
    def logger(self) -> logging.Logger:
        return sdk_logger()

    async def async_save(self, installation: Installation) -> None:
        team = installation.team_id or ""
        workspace = Workspace(
            team,
            installation.team_name or team,
            installation.bot_user_id or "",
            installation.bot_id or "",
            SecretStr(installation.bot_token or ""),
        )
        await asyncio.to_thread(self._register.save, workspace)
        self._installed(team)


class _States(AsyncOAuthStateStore):
    """What proves that whoever comes back from Slack set out from our install page."""

    def __init__(self, register: InstallRegister) -> None:
        self._register = register

    @property
    def logger(self) -> logging.Logger:
        return sdk_logger()

    async def async_issue(self, *_: object, **__: object) -> str:
        state = secrets.token_urlsafe(32)
        await asyncio.to_thread(self._register.issue_state, state, STATE_SECONDS)
        return state

    async def async_consume(self, state: str) -> bool:
        return bool(state) and await asyncio.to_thread(self._register.consume_state, state)


def oauth_flow(
    client_id: str,
    client_secret: SecretStr,
    client: AsyncWebClient,
    register: InstallRegister,
    installed: Callable[[str], None],
) -> AsyncOAuthFlow:
    """The flow behind the install page. `installed` is told the id of a workspace that has just installed the bot."""
    settings = AsyncOAuthSettings(
        client_id=client_id,
        client_secret=client_secret.get_secret_value(),
        scopes=sorted(BOT_SCOPES),
        user_scopes=[],
        install_path=INSTALL,
        redirect_uri_path=REDIRECT,
        installation_store=_Workspaces(register, installed),
        state_store=_States(register),
        state_expiration_seconds=STATE_SECONDS,
        logger=sdk_logger(),
    )
    return AsyncOAuthFlow(client=client, logger=sdk_logger(), settings=settings)

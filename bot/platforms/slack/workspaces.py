"""The workspaces that the bot is in: which a payload belongs to, and the client that speaks to each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cachetools import LRUCache, TLRUCache
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient
from tenacity import RetryCallState, retry, retry_if_exception_type, retry_if_not_exception_type, wait_exponential

from bot.platforms.slack.errors import Revoked, translated_errors
from bot.platforms.slack.redact import sdk_logger
from workers.core.errors import BackchannelError

log = logging.getLogger(__name__)

PRESENT_SECONDS, ABSENT_SECONDS = 30.0, 2.0
"""How long a workspace is taken to be as it was, and to be none: other processes install and revoke, too."""
CACHE_SIZE = 5000
TIMEOUT = 20
"""Seconds for one call of the Web API."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """`bot` is our user there and `bot_id` our id as a program: by both we know our own words."""

    id: str
    name: str
    bot: str
    bot_id: str
    token: SecretStr

    def is_me(self, payload: Mapping[str, Any]) -> bool:
        """Whether a message or event is our own doing."""
        return self.bot in (payload.get("user"), payload.get("user_id")) or (
            bool(self.bot_id) and payload.get("bot_id") == self.bot_id
        )


class Installed(Protocol):
    """Where installed workspaces are kept. Both may block, and run in threads."""

    def find(self, workspace: str) -> Workspace | None:
        """The workspace, unless it was revoked or never installed the bot."""
        ...

    def revoke(self, workspace: Workspace) -> None:
        """Its token is worthless."""
        ...


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    why = str(error) or type(error).__name__
    log.warning("Slack does not answer yet (%s); trying again in %.1f s.", why, state.upcoming_sleep)


class Workspaces:
    """Finds workspaces by their id; one may be given by its token, others come from `installed`."""

    def __init__(self, api_url: str, installed: Installed | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.api_url, self._installed = api_url, installed
        self._own: Workspace | None = None
        self._cache: TLRUCache[str, Workspace | None] = TLRUCache(CACHE_SIZE, _expires, clock)
        self._clients: LRUCache[tuple[str, SecretStr], AsyncWebClient] = LRUCache(CACHE_SIZE)

    @retry(
        retry=retry_if_exception_type((OSError, BackchannelError)) & retry_if_not_exception_type(Revoked),
        wait=wait_exponential(multiplier=0.5, max=30),
        before_sleep=_log_retry,
    )
    async def introduce(self, token: SecretStr) -> Workspace:
        """Learn whose token this is, for as long as it takes. Raises `Revoked`."""
        with translated_errors():
            answer: Any = await self.client(token).auth_test()
        self._own = Workspace(answer["team_id"], answer["team"], answer["user_id"], answer["bot_id"] or "", token)
        return self._own

    async def find(self, team: str) -> Workspace | None:
        """The workspace of this id, or None if it never installed the bot or its token was revoked."""
        if self._own and self._own.id == team:
            return self._own
        if self._installed is None or not team:
            return None
        try:
            return self._cache[team]
        except KeyError:
            workspace = await asyncio.to_thread(self._installed.find, team)
            self._cache[team] = workspace
            return workspace

    async def needed(self, team: str) -> Workspace:
        """The same, for a reply that goes there. Raises `Revoked` where there is none."""
        workspace = await self.find(team)
        if workspace is None:
            raise Revoked(f"The workspace {team} has not installed the bot, or has removed it.")
        return workspace

    async def takes_token(self, workspace: Workspace) -> bool:
        """Whether its token is good, which only `auth.test` decides. Raises Later or an OSError where Slack is away."""
        try:
            with translated_errors():
                await self.client_of(workspace).auth_test()
        except Revoked:
            return False
        return True

    def forget(self, team: str) -> None:
        """Look it up anew: it has just installed the bot."""
        self._cache.pop(team, None)

    async def revoke(self, team: str) -> None:
        """This workspace stops; the others go on."""
        workspace = await self.find(team)
        if workspace is None:
            return
        log.warning("The workspace %s (%s) removed the bot or revoked its token; it stops.", team, workspace.name)
        if workspace is self._own:
            self._own = None
        if self._installed is not None:
            await asyncio.to_thread(self._installed.revoke, workspace)
            self.forget(team)

    def client_of(self, workspace: Workspace) -> AsyncWebClient:
        """The client that speaks to a workspace."""
        # With its token: a workspace that installs the bot again gets another.
        key = workspace.id, workspace.token
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = self.client(workspace.token)
        return client

    def client(self, token: SecretStr | None = None) -> AsyncWebClient:
        """A client that tries nothing again by itself: a post might appear twice, and pauses are the outbox's."""
        secret = token.get_secret_value() if token else None
        return AsyncWebClient(secret, base_url=self.api_url, timeout=TIMEOUT, logger=sdk_logger(), retry_handlers=[])


def _expires(_: str, workspace: Workspace | None, now: float) -> float:
    return now + (PRESENT_SECONDS if workspace else ABSENT_SECONDS)


async def introduced(workspaces: Workspaces, token: SecretStr, alone: bool) -> Workspace | None:
    """Introduce ourselves for as long as it takes. A token that Slack does not take is an error if it is our only one.

    Raises BackchannelError.
    """
    try:
        return await workspaces.introduce(token)
    except Revoked:
        why = "Slack does not take BACKCHANNEL_SLACK__BOT_TOKEN: copy the bot token of the app's page once more."
        if alone:
            raise BackchannelError(why) from None
        log.error(why)
        return None


def workspace_of(body: Mapping[str, Any]) -> str:
    """The id of the workspace for which this payload was sent to us; empty if it names none.

    In channels that companies share, `team_id` may be the other company's; `authorizations` names ours.
    """
    view: Mapping[str, Any] = body.get("view") or {}
    authorized: Mapping[str, Any] = (body.get("authorizations") or [{}])[0]
    team: Any = body.get("team")
    named = team.get("id") if isinstance(team, dict) else team
    ours = view.get("app_installed_team_id") or authorized.get("team_id") or body.get("context_team_id")
    return str(ours or body.get("team_id") or named or "")

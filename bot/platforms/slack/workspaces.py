"""The workspaces that the bot is in, each with the client that speaks to it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.platforms.slack.errors import Revoked, sentences
from bot.platforms.slack.redact import sdk_logger
from workers.core.errors import BackchannelError

log = logging.getLogger(__name__)

FRESH, ABSENT = 30.0, 2.0
"""Seconds for which a workspace is taken to be as it was, and to be none: other processes install and revoke, too."""
PATIENCE = 20


@dataclass(frozen=True, slots=True)
class Workspace:
    """`bot` is our user there and `bot_id` our id as a program: by both we know our own words."""

    id: str
    name: str
    bot: str
    bot_id: str
    token: SecretStr

    def is_me(self, said: Mapping[str, Any]) -> bool:
        """Whether a message or event is our own doing."""
        return self.bot in (said.get("user"), said.get("user_id")) or (
            bool(self.bot_id) and said.get("bot_id") == self.bot_id
        )


class Installed(Protocol):
    """Where installed workspaces are kept. Both may block, and run in threads."""

    def find(self, workspace: str) -> Workspace | None:
        """The workspace, unless it was revoked or never installed the bot."""
        ...

    def revoke(self, workspace: Workspace) -> None:
        """Its token is worthless."""
        ...


class Workspaces:
    """Finds workspaces by their id; one may be given by its token, others come from `installed`."""

    def __init__(self, api_url: str, installed: Installed | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.api_url, self._installed, self._clock = api_url, installed, clock
        self._own: Workspace | None = None
        self._known: dict[str, tuple[float, Workspace | None]] = {}
        self._clients: dict[str, tuple[str, AsyncWebClient]] = {}

    async def introduce(self, token: SecretStr) -> Workspace:
        """Learn whose token this is. Raises `Revoked`, or OSError or `Later` if nobody answers."""
        with sentences():
            answer: Any = await self.client(token).auth_test()
        self._own = Workspace(answer["team_id"], answer["team"], answer["user_id"], answer["bot_id"] or "", token)
        return self._own

    async def find(self, workspace: str) -> Workspace | None:
        """The workspace of this id, or None if it never installed the bot or its token was revoked."""
        if self._own and self._own.id == workspace:
            return self._own
        if self._installed is None or not workspace:
            return None
        known = self._known.get(workspace)
        if known is None or self._clock() - known[0] > (FRESH if known[1] else ABSENT):
            known = self._clock(), await asyncio.to_thread(self._installed.find, workspace)
            self._known[workspace] = known
        return known[1]

    async def needed(self, workspace: str) -> Workspace:
        """The same, for a reply that goes there. Raises `Revoked` where there is none."""
        found = await self.find(workspace)
        if found is None:
            raise Revoked(f"The workspace {workspace} has not installed the bot, or has removed it.")
        return found

    def forget(self, workspace: str) -> None:
        """Look it up anew: it has just installed the bot."""
        self._known.pop(workspace, None)

    async def revoke(self, workspace: str) -> None:
        """This workspace stops; the others go on."""
        found = await self.find(workspace)
        if found is None:
            return
        log.warning("The workspace %s (%s) has removed the bot or revoked its token; it stops.", found.id, found.name)
        if found is self._own:
            self._own = None
        if self._installed is not None:
            await asyncio.to_thread(self._installed.revoke, found)
            self.forget(workspace)

    def client_of(self, workspace: Workspace) -> AsyncWebClient:
        """The client that speaks to a workspace."""
        token = workspace.token.get_secret_value()
        known = self._clients.get(workspace.id)
        if known is None or known[0] != token:
            known = token, self.client(workspace.token)
            self._clients[workspace.id] = known
        return known[1]

    def client(self, token: SecretStr | None = None) -> AsyncWebClient:
        """A client that tries nothing again by itself: a post might appear twice, and pauses are the outbox's."""
        secret = token.get_secret_value() if token else None
        return AsyncWebClient(secret, base_url=self.api_url, timeout=PATIENCE, logger=sdk_logger(), retry_handlers=[])


async def introduced(workspaces: Workspaces, token: SecretStr, alone: bool) -> Workspace | None:
    """Introduce ourselves for as long as it takes. A token that Slack does not take is an error if it is our only one.

    Raises BackchannelError.
    """
    pause = 0.5
    while True:
        try:
            return await workspaces.introduce(token)
        except Revoked:
            why = "Slack does not take BACKCHANNEL_SLACK__BOT_TOKEN: copy the bot token of the app's page once more."
            if alone:
                raise BackchannelError(why) from None
            log.error(why)
            return None
        except (OSError, BackchannelError) as error:
            log.warning(
                "Slack does not answer yet (%s); trying again in %.1f s.", str(error) or type(error).__name__, pause
            )
            await asyncio.sleep(pause)
            pause = min(30.0, 2 * pause)


def workspace_of(body: Mapping[str, Any]) -> str:
    """The id of the workspace for which this payload was sent to us; empty if it names none.

    In channels that companies share, `team_id` may be the other company's; `authorizations` names ours.
    """
    view: Mapping[str, Any] = body.get("view") or {}
    authorized: Mapping[str, Any] = (body.get("authorizations") or [{}])[0]
    team: Any = body.get("team")
    named = team.get("id") if isinstance(team, dict) else team
    found = view.get("app_installed_team_id") or authorized.get("team_id") or body.get("context_team_id")
    return str(found or body.get("team_id") or named or "")

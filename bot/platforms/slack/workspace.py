"""One workspace as the bot knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr


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

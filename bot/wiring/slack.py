"""The Slack platform wired to the store: installed workspaces, and what the App Home and the modal show."""

from __future__ import annotations

import json
import time

from pydantic import SecretStr

from bot.platforms.slack.platform import SlackPlatform
from bot.platforms.slack.workspaces import Workspace
from bot.settings import SlackSettings
from bot.wiring.slack_screens import SlackScreens
from workers.core.events import ChatRef
from workers.core.settings import load
from workers.store import installations
from workers.store import overview as overviews
from workers.store.database import Database
from workers.store.installations import Installation
from workers.store.overview import Overview


def slack_platform(database: Database, settings: SlackSettings) -> SlackPlatform:
    """The platform as the settings want it; it does nothing yet."""

    def overview(chat: ChatRef) -> Overview:
        with database.read() as c:
            return overviews.overview(c, chat)

    language = load().language
    workspaces = InstalledWorkspaces(database) if settings.client_id else None
    return SlackPlatform(settings, workspaces, SlackScreens(overview, language), language)


class InstalledWorkspaces:
    """The workspaces that installed the bot, in our tables. All of it blocks while the database is at work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, workspace: str) -> Workspace | None:
        """The workspace, unless it was revoked or never installed the bot."""
        with self._database.read() as c:
            row = installations.find(c, SlackPlatform.name, workspace)
        return workspace_in(row) if row and row.revoked_at is None else None

    def every(self) -> list[tuple[Workspace, bool]]:
        """All workspaces, and whether each was revoked."""
        with self._database.read() as c:
            rows = installations.every(c, SlackPlatform.name)
        return [(workspace_in(row), row.revoked_at is not None) for row in rows]

    def save(self, workspace: Workspace) -> None:
        """A workspace has installed the bot, or has done so again."""
        with self._database.write() as c:
            installations.save(c, SlackPlatform.name, workspace.id, workspace.name, data_of(workspace), time.time())

    def revoke(self, workspace: Workspace) -> None:
        """Its token is worthless, unless it has another by now."""
        with self._database.write() as c:
            installations.revoke(c, SlackPlatform.name, workspace.id, time.time(), data_of(workspace))

    def issue_state(self, state: str, seconds: float) -> None:
        """Remember that an install has begun."""
        with self._database.write() as c:
            installations.issue_state(c, state, time.time(), seconds)

    def consume_state(self, state: str) -> bool:
        """Whether that install began here, not too long ago; a state counts once."""
        with self._database.write() as c:
            return installations.consume_state(c, state, time.time())


def data_of(workspace: Workspace) -> SecretStr:
    """What the table keeps of a workspace, with its token."""
    token = workspace.token.get_secret_value()
    return SecretStr(json.dumps({"bot": workspace.bot, "bot_id": workspace.bot_id, "token": token}))


def workspace_in(row: Installation) -> Workspace:
    """The workspace in a row of the table."""
    data = json.loads(row.data.get_secret_value())
    return Workspace(row.workspace, row.name, data["bot"], data["bot_id"], SecretStr(data["token"]))

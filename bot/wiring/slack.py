"""The Slack platform wired to the store: installed workspaces, and what the App Home and the modal show."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial

from pydantic import SecretStr

from bot.platforms.slack.platform import SlackPlatform
from bot.platforms.slack.surfaces import VERBS, Home, Option, Section
from bot.platforms.slack.workspaces import Workspace
from bot.settings import SlackSettings
from workers.core.events import ChatRef
from workers.core.i18n import kind_name, percent, say, stage_name
from workers.core.settings import load
from workers.store import installations
from workers.store import overview as overviews
from workers.store.database import Database
from workers.store.installations import Installation
from workers.store.overview import JobView, LabelView, Overview, VersionView

BARS = "▁▂▃▄▅▆▇█"
MOST = 40
"""Lines of one kind: the App Home has room for 100 blocks, and nobody reads more."""


def slack_platform(
    database: Database, settings: SlackSettings, is_operator: Callable[[str, str], bool]
) -> SlackPlatform:
    """The platform as the settings want it; it does nothing yet."""

    def overview(chat: ChatRef) -> Overview:
        with database.read() as c:
            return overviews.overview(c, chat)

    language = load().language
    workspaces = InstalledWorkspaces(database) if settings.client_id else None
    operates = partial(is_operator, SlackPlatform.name)
    return SlackPlatform(settings, workspaces, SlackScreens(overview, language, operates), language)


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


class SlackScreens:
    """What the App Home and the modal show, in one language. `overview` reads the store and may block.

    What all chats come to together is for the operators, whom `operates` knows by their ids.
    """

    def __init__(
        self, overview: Callable[[ChatRef], Overview], language: str, operates: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._overview, self._language, self._operates = overview, language, operates

    def home(self, chat: ChatRef, person: str, admin: bool) -> Home:
        """See `listeners.Screens`."""
        operator = self._operates(person)
        verbs = VERBS if operator else VERBS[:1] if admin else ()
        return Home(sections(self._overview(chat), self._language, operator), verbs)

    def options(self, chat: ChatRef) -> list[Option] | str:
        """See `listeners.Screens`."""
        overview = self._overview(chat)
        if not overview.enabled:
            return say(self._language, "not_here")
        if not overview.labels:
            return say(self._language, "no_labels")
        options = [Option(label.display, label.name) for label in overview.labels]
        return [*options, Option(say(self._language, "ask_none"), "none")]


def sections(overview: Overview, language: str, counted: bool) -> list[Section]:
    """The App Home; `counted`: with the figures of all chats together."""
    counts = {"messages": overview.messages, "labelled": overview.labelled, "disputed": overview.disputed}
    labels = "\n".join(label_line(label, counted) for label in overview.labels[:MOST]) or say(language, "no_labels")
    versions = "\n".join(version_line(version, language) for version in overview.versions[-MOST:]) or "–"
    jobs = "\n".join(job_line(job, language) for job in overview.jobs[:MOST]) or say(language, "jobs_none")
    accuracy: list[Section] = []
    if overview.accuracy and counted:
        latest = overview.accuracy[-1]
        bars = sparkline([point.accuracy for point in overview.accuracy])
        # The accuracy is a mean over the last 50 labelled messages, or over as many as there are.
        title = say(language, "slack_accuracy", count=min(50, latest.labels))
        accuracy.append(Section(title, (f"`{bars}` {percent(latest.accuracy)}", overview.spoken(language))))
    return [
        Section(
            say(language, "slack_labels"),
            (labels, say(language, "slack_counts" if counted else "slack_figures", **counts)),
        ),
        *accuracy,
        Section(say(language, "slack_versions"), (versions,)),
        Section(say(language, "slack_jobs"), (jobs,)),
    ]


def label_line(label: LabelView, counted: bool) -> str:
    """One label, and how many messages it has."""
    return f"{label.display} · {label.count}" if counted else label.display


def version_line(version: VersionView, language: str) -> str:
    """One version and what it scored."""
    metrics = [version.metrics.get(name) for name in ("accuracy", "macro_f1")]
    accuracy, macro_f1 = [percent(value) if isinstance(value, float | int) else "–" for value in metrics]
    scores = "· " + say(language, "scores", accuracy=accuracy, macro_f1=macro_f1) if version.metrics else ""
    return say(language, "version_line", version=version.id, state=version.state, method=version.method, scores=scores)


def job_line(job: JobView, language: str) -> str:
    """One job and how far it is."""
    values = {"job": job.id, "kind": kind_name(language, job.kind), "state": stage_name(language, job.state)}
    if job.state not in ("queued", "running"):
        return say(language, "job_ended", **values, error=f": {job.error}" if job.error else "")
    stage = stage_name(language, job.stage)
    return say(language, "job_line", **values, stage=stage, percent=round(100 * job.fraction))


def sparkline(values: Sequence[float]) -> str:
    """Shares from 0 to 1 as a row of bars."""
    return "".join(BARS[min(7, max(0, int(8 * value)))] for value in values)

"""What Slack's App Home and its modal show, made from the store: labels, counts, accuracy, versions and jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.platforms.slack.home import Section
from bot.platforms.slack.modal import Option
from workers.core.events import ChatRef
from workers.core.i18n import kind_name, percent, say, stage_name
from workers.store.overview import JobView, LabelView, Overview, VersionView

BARS = "▁▂▃▄▅▆▇█"
MOST = 40
"""Lines of one kind: the App Home has room for 100 blocks, and nobody reads more."""


class SlackScreens:
    """The screens in one language. `overview` reads the store and may block."""

    def __init__(self, overview: Callable[[ChatRef], Overview], language: str) -> None:
        self._overview, self._language = overview, language

    def home(self, chat: ChatRef) -> list[Section]:
        """See `listeners.Screens`."""
        return sections(self._overview(chat), self._language)

    def options(self, chat: ChatRef) -> list[Option] | str:
        """See `listeners.Screens`."""
        overview = self._overview(chat)
        if not overview.enabled:
            return say(self._language, "not_here")
        if not overview.labels:
            return say(self._language, "no_labels")
        options = [Option(label.display, label.name) for label in overview.labels]
        return [*options, Option(say(self._language, "ask_none"), "none")]


def sections(overview: Overview, language: str) -> list[Section]:
    """The App Home."""
    counts = {"messages": overview.messages, "labelled": overview.labelled, "disputed": overview.disputed}
    labels = "\n".join(label_line(label) for label in overview.labels[:MOST]) or say(language, "no_labels")
    versions = "\n".join(version_line(version, language) for version in overview.versions[-MOST:]) or "–"
    jobs = "\n".join(job_line(job, language) for job in overview.jobs[:MOST]) or say(language, "jobs_none")
    accuracy: list[Section] = []
    if overview.accuracy:
        latest = overview.accuracy[-1]
        bars = sparkline([point.accuracy for point in overview.accuracy])
        title = say(language, "slack_accuracy", count=min(50, latest.labels))
        accuracy.append(Section(title, (f"`{bars}` {percent(latest.accuracy)}",)))
    return [
        Section(say(language, "slack_labels"), (labels, say(language, "slack_counts", **counts))),
        *accuracy,
        Section(say(language, "slack_versions"), (versions,)),
        Section(say(language, "slack_jobs"), (jobs,)),
    ]


def label_line(label: LabelView) -> str:
    """One label and how many messages it has."""
    return f"{label.display} · {label.count}"


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

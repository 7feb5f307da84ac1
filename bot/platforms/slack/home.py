"""The App Home: labels, counts, accuracy, versions and jobs, and buttons for admins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bot.platforms.slack.formatting import button, parts, section
from bot.platforms.slack.words import word
from workers.core.i18n import kind_name, percent, say, stage_name
from workers.core.replies import Choice

if TYPE_CHECKING:
    from workers.store.overview import JobView, LabelView, Overview, VersionView

BARS = "▁▂▃▄▅▆▇█"
MOST = 40
"""Lines of one kind: a home has room for 100 blocks, and nobody reads more."""


def view(seen: Overview, language: str, admin: bool, dm: str) -> dict[str, Any]:
    """What one person's home shows. `dm`: the channel in which the bot speaks with that person."""
    numbers = {"messages": seen.messages, "labelled": seen.labelled, "disputed": seen.disputed}
    blocks: list[dict[str, Any]] = [
        header(word(language, "labels")),
        *text("\n".join(label_line(label) for label in seen.labels[:MOST]) or say(language, "no_labels")),
        *text(word(language, "counts", **numbers)),
    ]
    if seen.accuracy:
        last = seen.accuracy[-1]
        blocks.append(header(word(language, "accuracy", count=min(50, last.labels))))
        blocks += text(f"`{sparkline([point.accuracy for point in seen.accuracy])}` {percent(last.accuracy)}")
    blocks.append(header(word(language, "versions")))
    blocks += text("\n".join(version_line(version, language) for version in seen.versions[-MOST:]) or "–")
    blocks.append(header(word(language, "jobs")))
    blocks += text("\n".join(job_line(job, language) for job in seen.jobs[:MOST]) or say(language, "jobs_none"))
    if admin:
        blocks.append(
            {"type": "actions", "elements": [verb_button(verb, language) for verb in ("retrain", "rollback")]}
        )
    return {"type": "home", "private_metadata": dm, "blocks": blocks}


def verb_button(verb: str, language: str) -> dict[str, Any]:
    """A button that types a verb for somebody."""
    return button(f"home-{verb}", Choice(text=word(language, verb), value=verb))


def header(words: str) -> dict[str, Any]:
    """A heading."""
    return {"type": "header", "text": {"type": "plain_text", "text": words[:150], "emoji": True}}


def text(words: str) -> list[dict[str, Any]]:
    """Sections with these words."""
    return [section(part) for part in parts(words)]


def label_line(label: LabelView) -> str:
    """One label and how many messages it has."""
    return f"{label.emoji} {label.name} · {label.count}"


def version_line(version: VersionView, language: str) -> str:
    """One version and what it scored."""
    measured = [version.metrics.get(name) for name in ("accuracy", "macro_f1")]
    shown = [percent(value) if isinstance(value, float | int) else "–" for value in measured]
    scores = "· " + say(language, "scores", accuracy=shown[0], macro_f1=shown[1]) if version.metrics else ""
    known = {"version": version.id, "state": version.state, "method": version.method}
    return say(language, "version_line", **known, scores=scores)


def job_line(job: JobView, language: str) -> str:
    """One job and how far it is."""
    known = {"job": job.id, "kind": kind_name(language, job.kind), "state": stage_name(language, job.state)}
    if job.state not in ("queued", "running"):
        return say(language, "job_ended", **known, error=f": {job.error}" if job.error else "")
    stage = stage_name(language, job.stage)
    return say(language, "job_line", **known, stage=stage, percent=round(100 * job.fraction))


def sparkline(values: Sequence[float]) -> str:
    """Shares from 0 to 1 as a row of bars."""
    return "".join(BARS[min(7, max(0, int(8 * value)))] for value in values)

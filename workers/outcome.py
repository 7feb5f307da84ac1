"""What people read about a job: how far it is, and how it ended."""

from __future__ import annotations

from typing import Any

from workers.store.versions import Version
from workers.texts import percent, say, stage_name


def percent_done(language: str, job: int, stage: str, fraction: float) -> str:
    """The line above a job's progress bar."""
    return say(language, "job_progress", job=job, stage=stage_name(language, stage), percent=round(100 * fraction))


def outcome_text(language: str, version: Version, promoted: bool, done: dict[str, Any]) -> str:
    """Scores before and after, and the gate's reason."""
    key = "job_promoted" if promoted else "job_kept"
    measured = scores(language, done)
    return say(language, key, version=version.id, method=version.method, scores=measured, reason=version.note)


def scores(language: str, done: dict[str, Any]) -> str:
    """Accuracy and macro-F1, beside those of the version before where it was measured."""
    after = {name: percent(float(done[name])) for name in ("accuracy", "macro_f1")}
    against = done.get("against")
    if not against:
        return say(language, "scores", **after)
    before = {f"{name}_before": percent(float(against[name])) for name in ("accuracy", "macro_f1")}
    return say(language, "scores_against", **after, **before)

"""What people read about a job: how far it is, and how it ended."""

from __future__ import annotations

from typing import Any

from workers.store.jobs import Job
from workers.store.versions import Version
from workers.texts import percent, say, stage_name


def percent_done(language: str, job: int, stage: str, fraction: float) -> str:
    """The line above a job's progress bar."""
    return say(language, "job_progress", job=job, stage=stage_name(language, stage), percent=round(100 * fraction))


def is_same(before: Version, done: dict[str, Any]) -> bool:
    """Whether the candidate would change nothing: an untuned backbone in place of the same one."""
    return done["method"] == "frozen" and before.method in ("base", "frozen")


def outcome_text(
    language: str, version: Version, before: Version, promoted: bool, job: Job, done: dict[str, Any]
) -> str:
    """Scores before and after, what came of it, and why."""
    same = is_same(before, done)
    key = "job_same" if same else "job_promoted" if promoted else "job_kept"
    why = why_frozen(language, job) if same else why_gate(language, promoted, version, done)
    return say(language, key, version=version.id, method=version.method, scores=scores(language, done), reason=why)


def why_frozen(language: str, job: Job) -> str:
    """Why nothing was fine-tuned."""
    method = job.request.method
    key = {"auto": "reason_not_better", "frozen": "reason_frozen"}.get(method, "reason_too_few")
    return say(language, key, method=method)


def why_gate(language: str, promoted: bool, version: Version, done: dict[str, Any]) -> str:
    """The gate's reason; its figures alone where they are all there is to say."""
    gate = done.get("gate")
    if not gate or not promoted:
        return version.note
    figures = {name: f"{100 * float(gate[name]):+.1f}" for name in ("difference", "low", "high")}
    return say(language, "reason_gate", **figures, messages=gate["messages"])


def scores(language: str, done: dict[str, Any]) -> str:
    """Accuracy and macro-F1, beside those of the version before where it was measured."""
    after = {name: percent(float(done[name])) for name in ("accuracy", "macro_f1")}
    against = done.get("against")
    if not against:
        return say(language, "scores", **after)
    before = {f"{name}_before": percent(float(against[name])) for name in ("accuracy", "macro_f1")}
    return say(language, "scores_against", **after, **before)

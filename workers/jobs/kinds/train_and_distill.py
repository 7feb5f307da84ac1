"""Jobs that bring a candidate version: retraining, and distilling the version at work into a small student."""

from __future__ import annotations

from sqlalchemy import Connection

from modeling.backbones.presets import AUTO, PRESETS, candidates, canonical
from modeling.events import Distilled, Outcome, TeacherFigures, Trained
from workers.core.i18n import both, percent, say
from workers.jobs.datasets import HELD_OUT, POOL, TRAIN
from workers.jobs.errors import in_both
from workers.jobs.kinds.job_context import (
    Command,
    JobContext,
    JobOutcome,
    Kind,
    WriteOutcome,
    current_bundle,
    of_kind,
    train_command,
    with_notes,
)
from workers.jobs.outcome_text import figure, outcome_text, table
from workers.store import versions

METRICS = {"accuracy", "macro_f1", "ece", "messages_per_second", "megabytes", "seconds", "against", "teacher"}


def retraining(context: JobContext) -> list[Command]:
    """Train from the base backbone, never from a tuned one: all labels are learned anew."""
    request, version = context.request, context.version
    # Nobody named a backbone, and the one at work has a short name: all that have one may be compared. Where a setting
    # leaves one to choose from, the one at work stays.
    unnamed = not request.backbone and canonical(version.backbone) in PRESETS
    free = unnamed and request.method == "auto" and len(candidates(AUTO)) > 1
    line = train_command(context, AUTO if free else context.backbone, request.method, context.out)
    line += ["--against", version.folder or version.backbone]
    if request.epochs is not None:
        line += ["--epochs", f"{request.epochs:g}"]
    if request.recipe:
        recipe = context.folder / "recipe.toml"
        recipe.write_text(request.recipe, "utf-8")
        line += ["--recipe", str(recipe)]
    return [line]


def distilling(context: JobContext) -> list[Command]:
    """Let a student learn what the version at work says about all messages."""
    teacher, before = current_bundle(context)
    files = {"texts": POOL, "train": TRAIN, "test": HELD_OUT}
    line = ["distill", str(teacher), "--student", context.student, "--out", str(context.out)]
    for option, file in files.items():
        line += [f"--{option}", str(context.folder / file)]
    return [*before, line]


def promote_or_keep(context: JobContext, line: Outcome) -> WriteOutcome:
    """The gate decides, if what the candidate was compared with is still active; one that changes nothing is kept."""
    done = of_kind(line, Trained, Distilled)
    before, request = context.version, context.request
    untuned = done.method == "frozen" and before.method in ("base", "frozen")
    backbone = (done.backbone if isinstance(done, Trained) else "") or context.backbone
    same = untuned and backbone == before.backbone
    reason = in_both(done.gate.reason) if done.gate else None
    method = f"distilled {request.student}" if isinstance(done, Distilled) else done.method
    metrics = done.model_dump(mode="json", include=METRICS)
    comparison = teacher_and_student(context.language, done) if isinstance(done, Distilled) else ""

    def write(c: Connection, now: float) -> JobOutcome:
        moved = versions.active(c).id != before.id
        note = both("reason_moved") if moved else reason
        version = versions.add_candidate(
            c, done.bundle, backbone, done.fingerprint, method, metrics, before.id, note, now
        )
        promoted = done.gate is not None and done.gate.promote and not moved and not same
        if promoted:
            versions.promote(c, version.id, now)
        text = outcome_text(context.language, version, promoted, same, request, done) + comparison
        return JobOutcome(text, {"version": version.id, "promoted": promoted})

    return write


def teacher_and_student(language: str, done: Distilled) -> str:
    """The notes, what the student keeps and gains in a sentence, and a table of both."""
    rows = table(language, {"teacher": done.teacher, "student": done})
    return "\n".join([with_notes(language, "", done.notes), kept_and_gained(language, done.teacher, done), *rows])


def kept_and_gained(language: str, teacher: TeacherFigures, done: Distilled) -> str:
    """What the student keeps and gains, in a sentence."""
    if done.accuracy is None or not (teacher.accuracy and teacher.messages_per_second and teacher.megabytes):
        return say(language, "student_unmeasured")
    shares = {
        "kept": percent(done.accuracy / teacher.accuracy),
        "times": figure(done.messages_per_second / teacher.messages_per_second),
        "size": percent(done.megabytes / teacher.megabytes),
    }
    return say(language, "student_keeps", **shares)


TRAIN_JOB = Kind((TRAIN, HELD_OUT), retraining, promote_or_keep)
DISTILL_JOB = Kind((TRAIN, HELD_OUT, POOL), distilling, promote_or_keep)

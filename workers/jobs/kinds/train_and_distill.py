"""Jobs that bring a candidate version: retraining, and distilling the version at work into a small student."""

from __future__ import annotations

from sqlalchemy import Connection

from workers.core.i18n import both, percent, say
from workers.jobs.datasets import HELD_OUT, POOL, TRAIN
from workers.jobs.errors import in_both
from workers.jobs.kinds.context import (
    STORED,
    Command,
    JobContext,
    JobOutcome,
    Kind,
    Line,
    speaker,
    training,
    with_notes,
)
from workers.jobs.messages import figure, is_same, outcome_text, table
from workers.store import versions
from workers.store.versions import Version

FIGURES = ("accuracy", "macro_f1", "ece", "messages_per_second", "megabytes", "seconds", "against", "teacher")


def retraining(order: JobContext) -> list[Command]:
    """Train from the base backbone, never from a tuned one: all labels are learnt anew."""
    request, version = order.request, order.version
    line = training(order, order.backbone, request.method, order.out)
    line += ["--against", version.folder or version.backbone]
    if request.epochs is not None:
        line += ["--epochs", f"{request.epochs:g}"]
    if request.recipe:
        recipe = order.folder / "recipe.toml"
        recipe.write_text(request.recipe, "utf-8")
        line += ["--recipe", str(recipe)]
    return [line]


def distilling(order: JobContext) -> list[Command]:
    """Let a student learn what the version at work says about all messages."""
    teacher, before = speaker(order)
    line = ["distill", str(teacher), "--student", order.student, "--texts", str(order.folder / POOL)]
    line += ["--train", str(order.folder / TRAIN), "--test", str(order.folder / HELD_OUT), "--out", str(order.out)]
    return [*before, line]


def promote_or_keep(c: Connection, order: JobContext, done: Line, now: float) -> JobOutcome:
    """The gate's word decides, if what the candidate was compared with is still active."""
    before, gate = order.version, done.get("gate") or {"promote": False, "reason": ""}
    moved = versions.active(c).id != before.id
    reason = in_both(STORED.validate_python(gate["reason"]))
    version = versions.add_candidate(
        c,
        folder=str(done["bundle"]),
        backbone=order.backbone,
        fingerprint=str(done.get("fingerprint", "")),
        method=method(order, done),
        metrics={name: done[name] for name in FIGURES if name in done},
        parent=before.id,
        note=both("reason_moved") if moved else reason,
        now=now,
    )
    same = is_same(before, order.backbone, done)
    promoted = bool(gate["promote"]) and not moved and not same
    if promoted:
        versions.promote(c, version.id, now)
    return JobOutcome(told(order, version, promoted, same, done), {"version": version.id, "promoted": promoted})


def method(order: JobContext, done: Line) -> str:
    """How the version came about, as people read it."""
    return f"distilled {order.request.student}" if order.request.kind == "distil" else str(done["method"])


def told(order: JobContext, version: Version, promoted: bool, same: bool, done: Line) -> str:
    """What the progress message says at the end; for a student with its teacher beside it."""
    text = outcome_text(order.language, version, promoted, same, order.request, done)
    teacher: Line | None = done.get("teacher")
    if not teacher:
        return text
    rows = table(order.language, {"teacher": teacher, "student": done})
    return "\n".join([with_notes(order.language, text, done), side_by_side(order.language, teacher, done), *rows])


def side_by_side(language: str, teacher: Line, done: Line) -> str:
    """What the student keeps and gains, in a sentence."""
    try:
        shares = {
            "kept": percent(done["accuracy"] / teacher["accuracy"]),
            "times": figure(done["messages_per_second"] / teacher["messages_per_second"]),
            "size": percent(done["megabytes"] / teacher["megabytes"]),
        }
    except (KeyError, TypeError, ZeroDivisionError):  # one of them was not measured
        return say(language, "student_unmeasured")
    return say(language, "student_keeps", **shares)


TRAINED = Kind((TRAIN, HELD_OUT), retraining, promote_or_keep)
DISTILLED = Kind((TRAIN, HELD_OUT, POOL), distilling, promote_or_keep)

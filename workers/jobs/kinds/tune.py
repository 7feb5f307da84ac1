"""Jobs that look for the recipe with which retraining does best here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from workers.core.i18n import percent, say
from workers.jobs.datasets import TRAIN
from workers.jobs.kinds.context import Command, JobContext, JobOutcome, Kind, Line, with_notes


def tuning(order: JobContext) -> list[Command]:
    """Search for so many minutes, by cross-validation on the messages that are not held out."""
    line = ["tune", str(order.folder / TRAIN), "--out", str(order.out), "--backbone", order.version.backbone]
    return [[*line, "--minutes", str(order.request.minutes or 10)]]


def found(c: Connection, order: JobContext, done: Line, now: float) -> JobOutcome:
    """The best recipe stays with the job, and the next retraining takes it."""
    best: dict[str, Any] = dict(done["best"])
    scores = {"best": percent(float(best["score"])), "default": percent(float(done["default"]["score"]))}
    better = float(best["score"]) > float(done["default"]["score"])
    counts = {"trials": done["trials"], "pruned": done["pruned"]}
    settings = ", ".join(f"{name} {shown(value)}" for name, value in best.items() if name not in ("score", "metric"))
    key = "tuned_better" if better else "tuned_same"
    text = say(order.language, key, **scores, **counts, settings=settings)
    recipe = Path(done["recipe"]).read_text("utf-8") if better else ""
    return JobOutcome(
        with_notes(order.language, text, done), {"recipe": recipe, "best": best, "default": done["default"], **counts}
    )


def shown(value: object) -> str:
    """A setting as people read it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


TUNED = Kind((TRAIN,), tuning, found)

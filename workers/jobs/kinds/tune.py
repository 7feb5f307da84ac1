"""Jobs that look for the recipe with which retraining does best here."""

from __future__ import annotations

from pathlib import Path

from modeling.events import Outcome, Tuned
from workers.core.i18n import percent, say
from workers.jobs.datasets import TRAIN
from workers.jobs.kinds.job_context import Command, JobContext, JobOutcome, Kind, WriteOutcome, of_kind, with_notes


def tune_commands(context: JobContext) -> list[Command]:
    """Search for so many minutes, by cross-validation on the messages that are not held out."""
    line = ["tune", str(context.folder / TRAIN), "--out", str(context.out), "--backbone", context.version.backbone]
    return [[*line, "--minutes", str(context.request.minutes or 10)]]


def keep_recipe(context: JobContext, line: Outcome) -> WriteOutcome:
    """The best recipe stays with the job, and the next retraining takes it."""
    done = of_kind(line, Tuned)
    better = done.best.score > done.default.score
    scores = {"best": percent(done.best.score), "default": percent(done.default.score)}
    counts = {"trials": done.trials, "pruned": done.pruned}
    settings = ", ".join(f"{name} {setting(value)}" for name, value in done.best.settings.items())
    code = "tuned_better" if better else "tuned_same"
    text = say(context.language, code, **scores, **counts, settings=settings)
    result = {
        "recipe": Path(done.recipe).read_text("utf-8") if better else "",
        "best": done.best.model_dump(mode="json"),
        "default": done.default.model_dump(mode="json"),
        **counts,
    }
    outcome = JobOutcome(with_notes(context.language, text, done.notes), result)
    return lambda c, now: outcome


def setting(value: object) -> str:
    """A setting as people read it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


TUNE_JOB = Kind((TRAIN,), tune_commands, keep_recipe)

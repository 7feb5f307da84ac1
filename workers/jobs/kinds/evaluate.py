"""Jobs that measure a version on the labelled messages that no training sees."""

from __future__ import annotations

from modeling.events import Evaluated, Interval, Outcome
from workers.core.i18n import percent, say
from workers.jobs.datasets import HELD_OUT, TRAIN
from workers.jobs.kinds.job_context import (
    Command,
    JobContext,
    JobOutcome,
    Kind,
    WriteOutcome,
    current_bundle,
    of_kind,
    picture,
    with_notes,
)

PICTURE = "evaluation.png"
WEAKEST = 3
RESULT = {"accuracy", "macro_f1", "ece", "messages", "intervals"}


def evaluate_commands(context: JobContext) -> list[Command]:
    """Measure the version's bundle, which may first need a head for the labels as they are now."""
    bundle, before = current_bundle(context)
    line = ["evaluate", str(bundle), str(context.folder / HELD_OUT), "--language", context.language]
    return [*before, [*line, "--picture", str(context.folder / PICTURE)]]


def show_figures(context: JobContext, line: Outcome) -> WriteOutcome:
    """The figures in words, and the picture after them."""
    done, version = of_kind(line, Evaluated), context.version.id
    numbers = ", ".join(f"{number} {name}" for number, name in done.numbered.items())
    alt = say(context.language, "evaluated_picture", version=version, numbers=numbers)
    drawn = picture(context, context.folder / PICTURE, f"version-{version}.png", alt)
    result = {"version": version, **done.model_dump(mode="json", include=RESULT)}
    outcome = JobOutcome(figures_text(context, done), result, drawn)
    return lambda c, now: outcome


def figures_text(context: JobContext, done: Evaluated) -> str:
    """What was measured, with intervals, and which labels are the weakest."""
    version, intervals = context.version, done.intervals
    figures = {
        "accuracy": with_interval(intervals.accuracy),
        "macro_f1": with_interval(intervals.macro_f1),
        "ece": percent(done.ece),
        "speed": f"{done.speed.messages_per_second:,.0f}",
    }
    about = {"version": version.id, "method": version.method, "messages": done.messages}
    sentences = [say(context.language, "evaluated", **about, **figures)]
    f1 = {name: label.f1[0] for name, label in done.per_label.items() if label.support}
    weak = sorted((share, name) for name, share in f1.items() if share < 1)[:WEAKEST]
    if weak:
        labels = ", ".join(f"{name} {percent(share)}" for share, name in weak)
        sentences.append(say(context.language, "evaluated_weakest", labels=labels))
    # Where `current_bundle` had a head fitted.
    if version.folder and (context.folder / "fresh").is_dir():
        sentences.append(say(context.language, "evaluated_afresh"))
    return with_notes(context.language, " ".join(sentences), done.notes)


def with_interval(interval: Interval) -> str:
    """A share with the interval in which it truly is, 19 times of 20."""
    value, low, high = interval
    return f"{percent(value)} ({percent(low)}–{percent(high)})"


EVALUATE_JOB = Kind((TRAIN, HELD_OUT), evaluate_commands, show_figures)

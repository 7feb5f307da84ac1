"""Jobs that measure a version on the labelled messages that no training sees."""

from __future__ import annotations

from sqlalchemy import Connection

from workers.core.i18n import percent, say
from workers.core.replies import Picture
from workers.jobs.datasets import HELD_OUT, TRAIN
from workers.jobs.kinds.context import Command, JobContext, JobOutcome, Kind, Line, speaker, with_notes

PICTURE = "evaluation.png"
WEAKEST = 3


def evaluating(order: JobContext) -> list[Command]:
    """Measure the version's bundle, which may first need a head for the labels as they are now."""
    bundle, before = speaker(order)
    line = ["evaluate", str(bundle), str(order.folder / HELD_OUT), "--language", order.language]
    return [*before, [*line, "--picture", str(order.folder / PICTURE)]]


def shown(c: Connection, order: JobContext, done: Line, now: float) -> JobOutcome:
    """The figures in words, and the picture after them."""
    request, text = order.request, told(order, done)
    numbers = ", ".join(f"{number} {name}" for number, name in done["numbered"].items())
    alt = say(order.language, "evaluated_picture", version=order.version.id, numbers=numbers)
    content = (order.folder / PICTURE).read_bytes()
    filename = f"version-{order.version.id}.png"
    picture = Picture(chat=request.chat, filename=filename, content=content, alt=alt, text=alt)
    kept = ("accuracy", "macro_f1", "ece", "messages", "intervals")
    return JobOutcome(text, {"version": order.version.id, **{name: done[name] for name in kept}}, (picture,))


def told(order: JobContext, done: Line) -> str:
    """What was measured, with intervals, and which labels are the weakest."""
    shares = {name: with_interval(done["intervals"][name]) for name in ("accuracy", "macro_f1")}
    known = {"version": order.version.id, "method": order.version.method, "messages": done["messages"]}
    speed = f"{done['speed']['messages_per_second']:,.0f}"
    sentences = [say(order.language, "evaluated", **known, **shares, ece=percent(done["ece"]), speed=speed)]
    f1 = {name: each["f1"][0] for name, each in done["per_label"].items() if each["support"]}
    weak = sorted((share, name) for name, share in f1.items() if share < 1)[:WEAKEST]
    if weak:
        named = ", ".join(f"{name} {percent(share)}" for share, name in weak)
        sentences.append(say(order.language, "evaluated_weakest", labels=named))
    if order.version.folder and (order.folder / "fresh").is_dir():
        sentences.append(say(order.language, "evaluated_afresh"))
    return with_notes(order.language, " ".join(sentences), done)


def with_interval(found: list[float]) -> str:
    """A share with the interval in which it truly is, 19 times of 20."""
    value, low, high = found[:3]
    return f"{percent(value)} ({percent(low)}–{percent(high)})"


EVALUATED = Kind((TRAIN, HELD_OUT), evaluating, shown)

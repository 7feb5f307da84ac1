"""Jobs that let the backbone go on learning from the chat's own texts; what comes of it is a named base."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from workers.core.i18n import say
from workers.core.replies import Picture
from workers.jobs.datasets import POOL, TRAIN
from workers.jobs.kinds.context import Command, JobContext, JobOutcome, Kind, Line, with_notes
from workers.store.named_backbones import PREFIX

CURVE = "curve.png"


def pretraining(order: JobContext) -> list[Command]:
    """Learn from all texts that no model is measured on, and measure the gain where messages are labelled."""
    line = ["pretrain", str(order.folder / POOL), "--out", str(order.out), "--base", order.version.backbone]
    line += ["--minutes", str(order.request.minutes or 10)]
    labelled = order.folder / TRAIN
    return [[*line, "--labelled", str(labelled)] if labelled.exists() else line]


def named(c: Connection, order: JobContext, done: Line, now: float) -> JobOutcome:
    """The base gets its name from the job."""
    name = f"{PREFIX}{order.job}"
    kept = ("objective", "texts", "steps", "loss_first", "loss_last", "gain", "fingerprint", "seconds")
    result = {"folder": str(done["backbone"]), **{key: done[key] for key in kept if key in done}}
    text = " ".join([learnt(order.language, name, done), gained(order.language, done.get("gain"))])
    text = f"{text} {say(order.language, 'base_use', base=name)}"
    return JobOutcome(with_notes(order.language, text, done), result, curve(order, name))


def learnt(language: str, name: str, done: Line) -> str:
    """What the base has read, and how its loss went down."""
    losses = {"first": f"{done['loss_first']:.2f}", "last": f"{done['loss_last']:.2f}"}
    return say(language, "base_ready", base=name, texts=done["texts"], objective=done["objective"], **losses)


def gained(language: str, gain: Line | None) -> str:
    """What it is worth for telling labels apart; only an interval that leaves zero out says anything."""
    if not gain:
        return say(language, "base_unmeasured")
    points = {name: f"{100 * float(gain[name]):.1f}" for name in ("before", "after")}
    difference = f"{100 * (float(gain['after']) - float(gain['before'])):+.1f}"
    ends = {name: f"{100 * float(gain[name]):+.1f}" for name in ("low", "high")}
    key = "base_gain" if float(gain["low"]) > 0 else "base_loss" if float(gain["high"]) < 0 else "base_no_gain"
    return say(language, key, **points, difference=difference, **ends)


def curve(order: JobContext, name: str) -> tuple[Picture, ...]:
    """The loss by steps, if it was drawn."""
    found: Path = order.out / CURVE
    if not found.is_file():
        return ()
    alt = say(order.language, "base_curve", base=name)
    chat = order.request.chat
    return (Picture(chat=chat, filename=f"{name}.png", content=found.read_bytes(), alt=alt, text=alt),)


PRETRAINED = Kind((TRAIN, POOL), pretraining, named)

"""Jobs that let the backbone go on learning from the chat's own texts; what comes of it is a named backbone."""

from __future__ import annotations

from modeling.events import Outcome, Pretrained, PretrainingGain
from workers.core.i18n import say
from workers.jobs.datasets import POOL, TRAIN
from workers.jobs.kinds.job_context import (
    Command,
    JobContext,
    JobOutcome,
    Kind,
    WriteOutcome,
    of_kind,
    picture,
    with_notes,
)
from workers.store.jobs import BASE_PREFIX

CURVE = "curve.png"
RESULT = {"objective", "texts", "steps", "loss_first", "loss_last", "gain", "fingerprint", "seconds"}


def pretrain_commands(context: JobContext) -> list[Command]:
    """Learn from all texts that no model is measured on, and measure the gain where messages are labelled."""
    line = ["pretrain", str(context.folder / POOL), "--out", str(context.out), "--base", context.version.backbone]
    line += ["--minutes", str(context.request.minutes or 10)]
    labelled = context.folder / TRAIN
    return [[*line, "--labelled", str(labelled)] if labelled.exists() else line]


def name_backbone(context: JobContext, line: Outcome) -> WriteOutcome:
    """The backbone gets its name from the job."""
    done, language, name = of_kind(line, Pretrained), context.language, f"{BASE_PREFIX}{context.job}"
    losses = {"first": f"{done.loss_first:.2f}", "last": f"{done.loss_last:.2f}"}
    sentences = [
        say(language, "base_ready", base=name, texts=done.texts, objective=done.objective, **losses),
        gain_text(language, done.gain),
        say(language, "base_use", base=name),
    ]
    text = with_notes(language, " ".join(sentences), done.notes)
    result = {"folder": done.backbone, **done.model_dump(mode="json", include=RESULT)}
    curve = picture(context, context.out / CURVE, f"{name}.png", say(language, "base_curve", base=name))
    outcome = JobOutcome(text, result, curve)
    return lambda c, now: outcome


def gain_text(language: str, gain: PretrainingGain | None) -> str:
    """What it is worth for telling labels apart; only an interval that leaves zero out says anything."""
    if not gain:
        return say(language, "base_unmeasured")
    points = {"before": f"{100 * gain.before:.1f}", "after": f"{100 * gain.after:.1f}"}
    interval = {"low": f"{100 * gain.low:+.1f}", "high": f"{100 * gain.high:+.1f}"}
    code = "base_gain" if gain.low > 0 else "base_loss" if gain.high < 0 else "base_no_gain"
    return say(language, code, **points, **interval, difference=f"{100 * (gain.after - gain.before):+.1f}")


PRETRAIN_JOB = Kind((TRAIN, POOL), pretrain_commands, name_backbone)

"""Verbs that start, show and stop jobs: retrain, distill, pretrain, evaluate, tune, jobs, cancel."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from sqlalchemy import Connection

from modeling.text.cleaning import clean, is_held_out
from workers.commands.context import Answer, Call, Plan, number_in
from workers.core.buttons import CancelJob
from workers.core.command_table import VERBS
from workers.core.i18n import kind_name, stage_name
from workers.core.replies import Choice, EditPost, Post
from workers.jobs import automatic_retraining
from workers.jobs.outcome_text import after_reason
from workers.store import jobs, labels, training_set, versions
from workers.store.jobs import Job, JobKind, JobRequest, Method

MOST_MINUTES = 24 * 60
"""Minutes that a pretraining or a tuning may take."""
DEFAULT_MINUTES = 10
FEWEST_TEXTS = 50
"""Messages without which pretraining would learn nothing."""

METHODS: tuple[str, ...] = get_args(Method)
OURS = ("multilingual", "english", "light", "static", "gru", "lstm")
HUB = re.compile(r"[\w][\w.-]*/[\w][\w.-]*", re.ASCII)
"""Owner and name on the hub. A folder of the server is nobody's to name from a chat."""
MOST_EPOCHS = 100


@dataclass(frozen=True, slots=True)
class RetrainOptions:
    """What was asked for; empty and None where nothing was."""

    method: Method | None = None
    backbone: str = ""
    epochs: float | None = None
    recipe: str = ""


def retrain(call: Call) -> Answer:
    """Queue a training job; its progress message is the answer to this command."""
    asked = parse_options(call)
    if isinstance(asked, list):
        return asked
    lack = already_waiting(call, call.c, "train") or too_few_labels(call)
    if lack:
        return lack
    tuned = tuned_job(call, asked)
    if tuned is None and asked.recipe == "tuned":
        return call.say("retrain_no_recipe")
    count = training_set.labelled_size(call.c)
    more: dict[str, Any] = {"method": asked.method or "auto", "backbone": asked.backbone, "epochs": asked.epochs}
    if tuned is not None and tuned.result is not None:
        more["recipe"] = tuned.result["recipe"]
        more["method"] = asked.method or tuned.result["best"].get("method", "auto")
    text = call.text("retrain_queued", count=count) + (call.text("retrain_tuned", job=tuned.id) if tuned else "")
    return queue(call, "train", text, labelled=count, **more)


def retrain_auto(call: Call) -> Answer:
    """Choose for the whole installation, as labels and versions are its own, whether it trains by itself."""
    wanted = call.rest.strip().lower()
    if wanted not in ("on", "off"):
        # `auto` is a method, too, and the one that `retrain` takes by default.
        return retrain(replace(call, verb=VERBS["retrain"], rest=f"auto {call.rest}"))

    def write(c: Connection) -> list[Post]:
        automatic_retraining.choose(c, wanted == "on")
        return call.tell_all(f"retrain_auto_{wanted}", fewest=automatic_retraining.FEWEST)

    return Plan(write)


def tuned_job(call: Call, asked: RetrainOptions) -> Job | None:
    """The tuning whose recipe this retraining takes: the latest, unless something else was asked for."""
    if asked.recipe == "default" or (asked.recipe == "" and (asked.method or asked.backbone)):
        return None
    return jobs.tuned(call.c)


def parse_options(call: Call) -> RetrainOptions | list[Post]:
    """Read the words behind the verb, or say which of them makes no sense."""
    options: dict[str, str] = {}
    for word in call.rest.split():
        name, equals, value = word.partition("=")
        key = name.lower() if equals else "method"
        if key not in ("method", "backbone", "epochs", "recipe") or key in options:
            return unknown_option(call, word)
        options[key] = value if equals else word
    method, recipe = options.get("method", "").lower(), options.get("recipe", "").lower()
    if (method and method not in METHODS) or recipe not in ("", "tuned", "default"):
        return unknown_option(call, options["method"] if method not in ("", *METHODS) else options["recipe"])
    if "backbone" in options and (refused := unknown_backbone(call, options["backbone"])):
        return refused
    epochs = epochs_in(options["epochs"]) if "epochs" in options else None
    if "epochs" in options and epochs is None:
        return call.say("epochs_wrong", text=options["epochs"][:40], most=MOST_EPOCHS)
    return RetrainOptions(cast(Method, method) if method else None, options.get("backbone", ""), epochs, recipe)


def unknown_option(call: Call, text: str) -> list[Post]:
    """Say that the verb does not know this word."""
    return call.say("option_unknown", verb=call.verb.name, text=text[:40], arguments=call.verb.arguments)


def unknown_backbone(call: Call, name: str) -> list[Post] | None:
    """Say which backbones there are, unless this is one: ours, a named one of this chat's, or a name on the hub."""
    names = [*OURS, *(base.name for base in jobs.named_backbones(call.c)[:5])]
    if name.lower() in (*names, "minilm") or jobs.named_backbone(call.c, name) or HUB.fullmatch(name):
        return None
    return call.say("backbone_unknown", name=name[:80], known=", ".join(f"`{backbone}`" for backbone in names))


def epochs_in(text: str) -> float | None:
    """A number of epochs, or None."""
    if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", text, re.ASCII):
        return None
    return value if 1 <= (value := float(text)) <= MOST_EPOCHS else None


def minutes_in(text: str, most: int) -> int | None:
    """A whole number of minutes from 1 to `most`, or None."""
    return int(text) if re.fullmatch(r"\d{1,5}", text, re.ASCII) and 1 <= int(text) <= most else None


def distill(call: Call) -> Answer:
    """Queue a job in which a small student learns from the version at work."""
    student = call.rest.strip()
    if not student:
        return call.usage()
    lack = unknown_backbone(call, student)
    lack = lack or already_waiting(call, call.c, "distil") or too_few_labels(call)
    if lack:
        return lack
    values = {"student": student, "version": versions.active(call.c).id, "count": training_set.pool_size(call.c)}
    return queue(call, "distil", call.text("distill_queued", **values), student=student)


def pretrain(call: Call) -> Answer:
    """Queue a job that lets the backbone go on learning from all stored messages."""
    minutes = minutes_in(call.rest.strip() or str(DEFAULT_MINUTES), MOST_MINUTES)
    if minutes is None:
        return call.say("number", text=call.rest, most=MOST_MINUTES, verb="pretrain")
    waiting = already_waiting(call, call.c, "pretrain")
    if waiting:
        return waiting
    count = different_texts(call.c, FEWEST_TEXTS)
    if count < FEWEST_TEXTS:
        return call.say("pretrain_too_few", least=FEWEST_TEXTS, count=count)
    text = call.text("pretrain_queued", minutes=minutes, count=training_set.pool_size(call.c))
    return queue(call, "pretrain", text, minutes=minutes)


def different_texts(c: Connection, enough: int) -> int:
    """How many different messages there are that no model is measured on, counted up to `enough`."""
    texts: set[str] = set()
    for raw in training_set.pool(c):
        if (text := clean(raw)) and not is_held_out(text):
            texts.add(text)
        if len(texts) == enough:
            break
    return len(texts)


def evaluate(call: Call) -> Answer:
    """Queue a job that measures a version on the messages that were held out."""
    wanted = call.rest.strip().lower().lstrip("v#")
    version = versions.find(call.c, number_in(wanted)) if wanted else versions.active(call.c)
    if version is None:
        return call.say("version_unknown", version=call.rest.strip())
    lack = already_waiting(call, call.c, "evaluate") or too_few_labels(call)
    if lack:
        return lack
    if not any(is_held_out(text) for raw in training_set.labelled_texts(call.c) if (text := clean(raw))):
        return call.say("evaluate_none")
    return queue(call, "evaluate", call.text("evaluate_queued", version=version.id), version=version.id)


def tune(call: Call) -> Answer:
    """Queue a job that looks for the best recipe for so many minutes."""
    if not call.rest.strip():
        return call.usage()
    minutes = minutes_in(call.rest.strip(), MOST_MINUTES)
    if minutes is None:
        return call.say("number", text=call.rest, most=MOST_MINUTES, verb="tune")
    lack = already_waiting(call, call.c, "tune") or too_few_labels(call)
    if lack:
        return lack
    text = call.text("tune_queued", minutes=minutes, count=training_set.labelled_size(call.c))
    return queue(call, "tune", text, minutes=minutes)


def already_waiting(call: Call, c: Connection, kind: JobKind) -> list[Post] | None:
    """One job of a kind at a time; those of other kinds wait for each other."""
    waiting = jobs.live(c, kind)
    return call.say("job_waiting", job=waiting.id, state=stage_name(call.language, waiting.state)) if waiting else None


def queue(call: Call, kind: JobKind, text: str, **asked: Any) -> Plan:
    """Queue a job and answer with its progress message, which says behind which other job it waits."""
    post = f"{call.command.key}:0"
    request = JobRequest(kind=kind, chat=call.command.chat, requested_by=call.caller, post=post, **asked)

    def write(c: Connection) -> list[Post]:
        # Again, in the write: somebody may have asked for the same since the reading.
        waiting = already_waiting(call, c, kind)
        if waiting:
            return waiting
        before = jobs.running(c)
        job = jobs.add(c, request, call.now)
        behind = call.text("job_behind", job=before.id) if before else ""
        cancel = Choice(text=call.text("cancel"), value=CancelJob(job.id).value)
        return [call.announce(text + behind, choices=(cancel,), progress=0.0)]

    return Plan(write)


def too_few_labels(call: Call) -> list[Post] | None:
    """Why there is nothing to train on yet: two labels with two messages each is the least."""
    counts = training_set.counts(call.c)
    if not counts:
        return call.say("retrain_no_labels")
    if len(counts) == 1:
        names = {label.id: label.name for label in labels.living(call.c)}
        return call.say("retrain_one_label", name=names[next(iter(counts))])
    return None if training_set.can_be_told_apart(counts) else call.say("retrain_too_few")


def show(call: Call) -> list[Post]:
    """The latest jobs, a line each, and whether one will begin by itself."""
    lines = [job_line(call, job) for job in jobs.latest(call.c, 5)] or [call.text("jobs_none")]
    outlook = automatic_retraining.outlook(call.c)
    expected = "on" if outlook.on else "off"
    lines.append(call.text(f"retrain_auto_is_{expected}", labelled=outlook.labelled, next=outlook.next_at))
    return [call.post("\n".join(lines))]


def job_line(call: Call, job: Job) -> str:
    """One job on one line."""
    values = {"job": job.id, "kind": kind_name(call.language, job.kind), "state": stage_name(call.language, job.state)}
    if job.state not in ("queued", "running"):
        return call.text("job_ended", **values, error=f": {job.error.text(call.language)}" if job.error else "")
    return call.text(
        "job_line", **values, stage=stage_name(call.language, job.stage), percent=round(100 * job.fraction)
    )


def cancel(call: Call) -> Answer:
    """Set the flag that the training worker looks at; it shows in the progress message at once."""
    wanted = call.rest.strip().lstrip("#")
    job = jobs.find(call.c, number_in(wanted)) if wanted else jobs.running(call.c)
    if job is None or job.state not in ("queued", "running"):
        return call.say("cancel_none")
    return Plan(lambda c: cancel_job(c, call, job))


def cancel_job(c: Connection, call: Call, job: Job) -> list[Post | EditPost]:
    """Ask for the job's end, unless it has come to its end meanwhile."""
    after = jobs.request_cancel(c, job.id, call.now)
    if after is None or after.state in ("done", "failed"):
        return [*call.say("cancel_none")]
    text = call.text("job_cancelled" if after.state == "cancelled" else "job_cancelling", job=job.id)
    shown = after_reason(call.language, job.request, text)
    return [EditPost(chat=job.request.chat, post=job.request.post, text=shown), call.post(text)]

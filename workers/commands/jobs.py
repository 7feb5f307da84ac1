"""Verbs that start, show and stop jobs: retrain, distill, pretrain, evaluate, tune, jobs, cancel."""

from __future__ import annotations

from collections import Counter
from typing import Any

from workers.commands import retrain_options
from workers.commands.context import Call
from workers.core.i18n import kind_name, stage_name
from workers.core.jobs import JobKind, JobRequest
from workers.core.replies import Choice, EditPost, Post
from workers.jobs.datasets import divided, gather, unheard
from workers.store import jobs, labels, training_set, versions
from workers.store.jobs import Job

LONGEST = 24 * 60
"""Minutes that a pretraining or a tuning may take."""
USUAL = 10
FEWEST = 50
"""Messages without which pretraining would learn nothing."""


def retrain(call: Call) -> list[Post]:
    """Queue a training job; its progress message is the answer to this command."""
    asked = retrain_options.read(call)
    if isinstance(asked, list):
        return asked
    lack = in_the_way(call, "train") or what_lacks(call)
    if lack:
        return lack
    tuned = tuned_job(call, asked)
    if tuned is None and asked.recipe == "tuned":
        return call.say("retrain_no_recipe")
    more: dict[str, Any] = {"method": asked.method or "auto", "backbone": asked.backbone, "epochs": asked.epochs}
    if tuned is not None and tuned.result is not None:
        more["recipe"] = tuned.result["recipe"]
        more["method"] = asked.method or tuned.result["best"].get("method", "auto")
    text = call.text("retrain_queued", count=len(training_set.labelled(call.c)))
    return queue(call, "train", text + (call.text("retrain_tuned", job=tuned.id) if tuned else ""), **more)


def tuned_job(call: Call, asked: retrain_options.Asked) -> Job | None:
    """The tuning whose recipe this retraining takes: the latest, unless something else was asked for."""
    if asked.recipe == "default" or (asked.recipe == "" and (asked.method or asked.backbone)):
        return None
    latest = jobs.latest_done(call.c, "tune", 1)
    return latest[0] if latest and latest[0].result and latest[0].result["recipe"] else None


def distill(call: Call) -> list[Post]:
    """Queue a job in which a small student learns from the version at work."""
    student = call.rest.strip()
    if not student:
        return call.usage()
    lack = retrain_options.not_a_backbone(call, student) or in_the_way(call, "distil") or what_lacks(call)
    if lack:
        return lack
    known = {"student": student, "version": versions.active(call.c).id, "count": len(training_set.pool(call.c))}
    return queue(call, "distil", call.text("distill_queued", **known), student=student)


def pretrain(call: Call) -> list[Post]:
    """Queue a job that lets the backbone go on learning from all stored messages."""
    minutes = retrain_options.minutes(call.rest.strip() or str(USUAL), LONGEST)
    if minutes is None:
        return call.say("number", text=call.rest, most=LONGEST, verb="pretrain")
    count = len(unheard(training_set.pool(call.c)))
    if count < FEWEST:
        return call.say("pretrain_too_few", least=FEWEST, count=count)
    text = call.text("pretrain_queued", minutes=minutes, count=count)
    return in_the_way(call, "pretrain") or queue(call, "pretrain", text, minutes=minutes)


def evaluate(call: Call) -> list[Post]:
    """Queue a job that measures a version on the messages that were held out."""
    wanted = call.rest.strip().lower().lstrip("v#")
    version = versions.active(call.c) if not wanted else None
    if wanted.isdecimal() and len(wanted) < 10:
        version = versions.find(call.c, int(wanted))
    if version is None:
        return call.say("version_unknown", version=call.rest.strip())
    lack = in_the_way(call, "evaluate") or what_lacks(call)
    if lack:
        return lack
    if not len(divided(gather(call.c, pool=False).labelled).held_out):
        return call.say("evaluate_none")
    return queue(call, "evaluate", call.text("evaluate_queued", version=version.id), version=version.id)


def tune(call: Call) -> list[Post]:
    """Queue a job that looks for the best recipe for so many minutes."""
    if not call.rest.strip():
        return call.usage()
    minutes = retrain_options.minutes(call.rest.strip(), LONGEST)
    if minutes is None:
        return call.say("number", text=call.rest, most=LONGEST, verb="tune")
    lack = in_the_way(call, "tune") or what_lacks(call)
    text = call.text("tune_queued", minutes=minutes, count=len(training_set.labelled(call.c)))
    return lack or queue(call, "tune", text, minutes=minutes)


def in_the_way(call: Call, kind: JobKind) -> list[Post] | None:
    """One job of a kind at a time; those of other kinds wait for each other."""
    waiting = jobs.live(call.c, kind)
    return call.say("job_waiting", job=waiting.id, state=stage_name(call.language, waiting.state)) if waiting else None


def queue(call: Call, kind: JobKind, text: str, **asked: Any) -> list[Post]:
    """Queue a job and answer with its progress message, which says behind which other job it waits."""
    before = jobs.running(call.c)
    post = f"{call.command.key}:0"
    request = JobRequest(kind=kind, chat=call.command.chat, requested_by=call.caller, post=post, **asked)
    job = jobs.add(call.c, request, call.now)
    text += call.text("job_behind", job=before.id) if before else ""
    cancel = Choice(text=call.text("cancel"), value=f"j:{job.id}")
    return [call.post(text, choices=(cancel,), progress=0.0)]


def what_lacks(call: Call) -> list[Post] | None:
    """Why there is nothing to train on yet: two labels with two messages each is the least."""
    counts = Counter(label for _, label in training_set.labelled(call.c))
    if not counts:
        return call.say("retrain_no_labels")
    if len(counts) == 1:
        names = {label.id: label.name for label in labels.living(call.c)}
        return call.say("retrain_one_label", name=names[next(iter(counts))])
    if sorted(counts.values())[-2] < 2:
        return call.say("retrain_too_few")
    return None


def show(call: Call) -> list[Post]:
    """The latest jobs, a line each."""
    latest = jobs.latest(call.c, 5)
    if not latest:
        return call.say("jobs_none")
    return [call.post("\n".join(job_line(call, job) for job in latest))]


def job_line(call: Call, job: Job) -> str:
    """One job on one line."""
    known = {"job": job.id, "kind": kind_name(call.language, job.kind), "state": stage_name(call.language, job.state)}
    if job.state not in ("queued", "running"):
        return call.text("job_ended", **known, error=f": {job.error}" if job.error else "")
    return call.text("job_line", **known, stage=stage_name(call.language, job.stage), percent=round(100 * job.fraction))


def cancel(call: Call) -> list[Post | EditPost]:
    """Set the flag that the training worker looks at; it shows in the progress message at once."""
    wanted = call.rest.strip().lstrip("#")
    job = jobs.running(call.c)
    if wanted:
        job = jobs.find(call.c, int(wanted)) if wanted.isdecimal() and len(wanted) < 10 else None
    if job is None or job.state not in ("queued", "running"):
        return [*call.say("cancel_none")]
    after = jobs.request_cancel(call.c, job.id, call.now)
    done = after is not None and after.state == "cancelled"
    text = call.text("job_cancelled" if done else "job_cancelling", job=job.id)
    return [EditPost(chat=job.request.chat, post=job.request.post, text=text), call.post(text)]

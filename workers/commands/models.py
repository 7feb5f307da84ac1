"""Verbs about training and model versions: retrain, jobs, cancel, models, promote, rollback."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from modeling.bundle_files import verify
from modeling.errors import ModelingError
from workers.commands.call import Call
from workers.commands.chat import share
from workers.contracts import Choice, EditPost, JobRequest, Post
from workers.store import jobs, labels, messages, versions
from workers.store.jobs import Job
from workers.store.versions import Version
from workers.texts import stage_name

METHODS = ("auto", "frozen", "lora", "full")


def retrain(call: Call) -> list[Post]:
    """Queue a training job; its progress message is the answer to this command."""
    method = call.rest.strip().lower() or "auto"
    if method not in METHODS:
        return call.usage()
    waiting = jobs.running(call.c)
    if waiting:
        return call.say("job_waiting", job=waiting.id, state=stage_name(call.language, waiting.state))
    lack = what_lacks(call)
    if lack:
        return lack
    key = f"{call.command.key}:0"
    request = JobRequest(chat=call.command.chat, requested_by=call.caller, post=key, method=method)  # pyright: ignore[reportArgumentType]
    job = jobs.add(call.c, request, call.now)
    text = call.text("retrain_queued", count=len(messages.labelled(call.c)))
    return [call.post(text, choices=(cancel_button(call, job.id),), progress=0.0)]


def what_lacks(call: Call) -> list[Post] | None:
    """Why there is nothing to train on yet: two labels with two messages each is the least."""
    counts = Counter(label for _, label in messages.labelled(call.c))
    if not counts:
        return call.say("retrain_no_labels")
    if len(counts) == 1:
        names = {label.id: label.name for label in labels.living(call.c)}
        return call.say("retrain_one_label", name=names[next(iter(counts))])
    if sorted(counts.values())[-2] < 2:
        return call.say("retrain_too_few")
    return None


def cancel_button(call: Call, job: int) -> Choice:
    """The button under a progress message."""
    return Choice(text="取消" if call.language == "zh" else "Cancel", value=f"j:{job}")


def show_jobs(call: Call) -> list[Post]:
    """The latest jobs, a line each."""
    latest = jobs.latest(call.c, 5)
    if not latest:
        return call.say("jobs_none")
    return [call.post("\n".join(job_line(call, job) for job in latest))]


def job_line(call: Call, job: Job) -> str:
    """One job on one line."""
    state = stage_name(call.language, job.state)
    if job.state not in ("queued", "running"):
        return call.text("job_ended", job=job.id, state=state, error=f": {job.error}" if job.error else "")
    return call.text(
        "job_line",
        job=job.id,
        state=state,
        stage=stage_name(call.language, job.stage),
        percent=round(100 * job.fraction),
    )


def cancel(call: Call) -> list[Post | EditPost]:
    """Set the flag that the training worker looks at; it shows in the progress message at once."""
    running = jobs.running(call.c)
    wanted = call.rest.strip().lstrip("#")
    if running is None or (wanted and wanted != str(running.id)):
        return [*call.say("cancel_none")]
    return cancelling(call, running)


def cancelling(call: Call, job: Job) -> list[Post | EditPost]:
    """Ask a job to stop, and say so where its progress is shown."""
    after = jobs.request_cancel(call.c, job.id, call.now)
    done = after is not None and after.state == "cancelled"
    text = call.text("job_cancelled" if done else "job_cancelling", job=job.id)
    return [EditPost(chat=job.request.chat, post=job.request.post, text=text), call.post(text)]


def models(call: Call) -> list[Post]:
    """All versions, a line each."""
    return [call.post("\n".join(version_line(call, version) for version in versions.every(call.c)))]


def version_line(call: Call, version: Version) -> str:
    """One version on one line."""
    measured = {name: share(version.metrics.get(name)) for name in ("accuracy", "macro_f1")}
    scores = "· " + call.text("scores", **measured) if version.metrics else ""
    return call.text("version_line", version=version.id, state=version.state, method=version.method, scores=scores)


def promote(call: Call) -> list[Post]:
    """Move the pointer to a version that is whole on disk."""
    wanted = call.rest.strip().lower().lstrip("v#")
    if not wanted:
        return call.usage()
    version = versions.find(call.c, int(wanted)) if wanted.isdecimal() and len(wanted) < 10 else None
    if version is None:
        return call.say("version_unknown", version=call.rest.strip())
    if version.state == "active":
        return call.say("version_active", version=version.id)
    broken = what_is_broken(version)
    if broken:
        return call.say("version_broken", version=version.id, error=broken)
    versions.promote(call.c, version.id, call.now)
    return call.say("promoted", version=version.id)


def rollback(call: Call) -> list[Post]:
    """Back to the version that was active before, if it is whole on disk."""
    before = versions.before(call.c)
    if before is None:
        return call.say("rollback_none")
    broken = what_is_broken(before)
    if broken:
        return call.say("version_broken", version=before.id, error=broken)
    versions.rollback(call.c, call.now)
    return call.say("rolled_back", version=before.id)


def what_is_broken(version: Version) -> str | None:
    """The sentence about a missing or altered file, or None when the bundle is whole."""
    try:
        if version.folder:
            verify(Path(version.folder))
    except ModelingError as error:
        return str(error)
    return None

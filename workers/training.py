"""One training job from its lease to its end: program, progress, cancel, resume, promotion.

The program `python -m modeling train` does the work. This side holds the lease, so that one worker at a time
follows one job, and writes everything that counts in one last transaction. When a worker dies, its program
dies with it (it watches its standard input), the lease runs out, and the next worker starts the same program
on the same folder, where it goes on from its last checkpoint.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection

from workers.contracts import BackchannelError, Choice, EditPost
from workers.outcome import is_same, outcome_text, percent_done
from workers.program import Interrupted, JobFailed, Program, start, tidy, write_data
from workers.settings import Settings
from workers.store import chats, jobs, labels, messages, outbox, versions
from workers.store.database import Database, DatabaseAway
from workers.store.jobs import Job, LostLease
from workers.store.versions import Version
from workers.texts import say

log = logging.getLogger(__name__)

BEAT = 1.0
MOST_TRIES = 5

TellFlower = Callable[[dict[str, object]], None]


class Cancelled(Exception):
    """Somebody typed `cancel`."""


@dataclass(slots=True)
class Run:
    """What changes while a job runs."""

    job: Job
    language: str
    renewed: float
    fraction: float = 0.0
    stage: str = "starting"
    shown: tuple[str, int] = ("", -1)
    edits: int = 0
    beaten: float = 0.0
    edited: float = 0.0


def run_job(database: Database, settings: Settings, worker: str, tell_flower: TellFlower) -> None:
    """Claim the job that waits and see it through; returns at once when none waits."""
    with database.write() as c:
        job = jobs.claim(c, worker, settings.job_lease_seconds, time.time())
    if job is None:
        return
    log.info("Job %d starts (try %d).", job.id, job.token)
    try:
        see_through(database, settings, job, tell_flower)
    except LostLease:
        log.warning("Job %d was taken over by another worker; this one stops.", job.id)
    except (DatabaseAway, Interrupted) as error:
        log.error("Job %d stops here, to be taken up again once its lease is over: %s", job.id, error)


def see_through(database: Database, settings: Settings, job: Job, tell_flower: TellFlower) -> None:
    """Run the program and end the job, one way or another. Raises LostLease, DatabaseAway or Interrupted."""
    folder = settings.versions_dir / f"job-{job.id}"
    try:
        if job.token > MOST_TRIES:
            raise JobFailed(f"Its worker died {MOST_TRIES} times: look into the worker's log, then try again.")
        done, compared = work(database, settings, job, folder, tell_flower)
        promote_or_keep(database, job, done, compared)
    except (LostLease, DatabaseAway, Interrupted):
        raise
    except Cancelled:
        end(database, job, "cancelled", "")
    except OSError as error:
        where = f"{settings.versions_dir} can't be written ({error.strerror})"
        end(database, job, "failed", f"{where}: free some space there and type `retrain` again.")
    except BackchannelError as error:
        end(database, job, "failed", str(error))
    except Exception as error:
        log.exception("Job %d broke.", job.id)
        end(database, job, "failed", f"{type(error).__name__} inside Backchannel: the worker's log says where.")
    tidy(folder)


def work(
    database: Database, settings: Settings, job: Job, folder: Path, tell_flower: TellFlower
) -> tuple[dict[str, Any], Version]:
    """The program's last line, `{"event": "done", …}`, and the version that it was compared with.

    Raises JobFailed, Cancelled or LostLease.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with database.read() as c:
        chat = chats.get(c, job.request.chat)
        compared = compared_with(c, folder)
        rows = examples(c)
    write_data(folder, rows)
    run = Run(job, chat.language if chat else settings.language, renewed=time.time())
    program = Program(start(folder, job.request, compared))
    try:
        return follow(database, settings, run, program, tell_flower), compared
    finally:
        program.stop()


def compared_with(c: Connection, folder: Path) -> Version:
    """The version that was active when the job began; a resumed job keeps to it."""
    note = folder / "against"
    known = versions.find(c, int(note.read_text())) if note.exists() else None
    compared = known or versions.active(c)
    note.write_text(str(compared.id))
    return compared


def examples(c: Connection) -> list[tuple[str, str]]:
    """Every labelled message as (text, name of its label)."""
    names = {label.id: label.name for label in labels.living(c)}
    labelled = messages.labelled(c)
    texts = messages.texts(c, [message for message, _ in labelled])
    return [(texts[message], names[label]) for message, label in labelled if texts.get(message)]


def follow(
    database: Database, settings: Settings, run: Run, program: Program, tell_flower: TellFlower
) -> dict[str, Any]:
    """Read progress, keep the lease, edit the progress message, look for a cancel."""
    while True:
        line = program.line(0.25)
        if line.get("event") == "done":
            return line
        run.fraction = float(line.get("fraction", run.fraction))
        run.stage = str(line.get("stage", run.stage))
        now = time.time()
        if now - run.beaten >= BEAT:
            run.beaten = now
            beat(database, settings, run, now)
            state = {"stage": run.stage, "fraction": run.fraction}
            threading.Thread(target=quietly, args=(tell_flower, state), daemon=True).start()


def beat(database: Database, settings: Settings, run: Run, now: float) -> None:
    """Renew the lease, and every few seconds show progress. Raises Cancelled or LostLease.

    A database that is away for less than the lease costs nothing.
    """
    try:
        with database.write() as c:
            if jobs.heartbeat(c, run.job, settings.job_lease_seconds, run.fraction, run.stage, now):
                raise Cancelled
            shown = (run.stage, round(100 * run.fraction))
            if shown != run.shown and now - run.edited >= settings.progress_seconds:
                run.shown, run.edited, run.edits = shown, now, run.edits + 1
                outbox.add(c, [(f"job:{run.job.id}:{run.job.token}:{run.edits}", progress_edit(run))], now)
        run.renewed = now
    except DatabaseAway as error:
        if now - run.renewed > settings.job_lease_seconds:
            raise LostLease(f"The lease of job {run.job.id} could not be renewed: {error}") from error
        log.warning("The lease of job %d could not be renewed yet: %s", run.job.id, error)


def quietly(tell_flower: TellFlower, state: dict[str, object]) -> None:
    """Nothing that people need lives in the result store, so a broker that is down does not matter."""
    try:
        tell_flower(state)
    except Exception as error:
        log.debug("The result store did not take the progress: %s", error)


def progress_edit(run: Run) -> EditPost:
    """The progress message as it should read now."""
    request = run.job.request
    text = percent_done(run.language, run.job.id, run.stage, run.fraction)
    cancel = Choice(text="取消" if run.language == "zh" else "Cancel", value=f"j:{run.job.id}")
    return EditPost(chat=request.chat, post=request.post, text=text, choices=(cancel,), progress=run.fraction)


def promote_or_keep(database: Database, job: Job, done: dict[str, Any], compared: Version) -> None:
    """The gate's word decides, if what it was compared with is still active; all changes in one transaction."""
    gate = done.get("gate") or {"promote": False, "reason": ""}
    now = time.time()
    with database.write() as c:
        chat = chats.get(c, job.request.chat)
        language = chat.language if chat else "en"
        moved = versions.active(c).id != compared.id
        metrics = {name: done[name] for name in ("accuracy", "macro_f1", "ece", "seconds") if name in done}
        version = versions.add_candidate(
            c,
            folder=str(done["bundle"]),
            backbone=compared.backbone,
            fingerprint=str(done.get("fingerprint", "")),
            method=str(done["method"]),
            metrics=metrics | {"against": done.get("against")},
            parent=compared.id,
            note=say(language, "reason_moved") if moved else str(gate["reason"]),
            now=now,
        )
        promoted = bool(gate["promote"]) and not moved and not is_same(compared, done)
        if promoted:
            versions.promote(c, version.id, now)
        jobs.finish(c, job, "done", {"version": version.id, "promoted": promoted}, None, now)
        text = outcome_text(language, version, compared, promoted, job, done)
        outbox.add(c, [(f"job:{job.id}:end", EditPost(chat=job.request.chat, post=job.request.post, text=text))], now)


def end(database: Database, job: Job, state: Literal["cancelled", "failed"], error: str) -> None:
    """End a job that brought no version, and say so where it was asked for."""
    log.info("Job %d %s. %s", job.id, state, error)
    now = time.time()
    with database.write() as c:
        jobs.finish(c, job, state, None, error or None, now)
        chat = chats.get(c, job.request.chat)
        text = say(chat.language if chat else "en", f"job_{state}", job=job.id, error=error)
        outbox.add(c, [(f"job:{job.id}:end", EditPost(chat=job.request.chat, post=job.request.post, text=text))], now)

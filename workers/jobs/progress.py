"""Follows a program that works on a job: edits the progress message, renews the lease, looks for a cancel."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modeling.events import Outcome, Progress
from workers.core.buttons import CancelJob
from workers.core.i18n import say
from workers.core.replies import Choice, EditPost
from workers.core.settings import Settings
from workers.jobs.errors import Cancelled
from workers.jobs.modeling_process import Program
from workers.jobs.outcome_text import after_reason, percent_done
from workers.store import jobs, outbox
from workers.store.database import Database, DatabaseAway
from workers.store.jobs import Job, LostLease

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two renewals of a lease."""

PublishState = Callable[[Mapping[str, object]], None]
"""Puts a job's state where dashboards look, such as Celery's result store. May raise, and may block for seconds."""


def unpublished(state: Mapping[str, object]) -> None:
    """Publish nothing."""


@dataclass(slots=True)
class Run:
    """What changes while a job runs. Each of its programs fills the span from `low` to `high` of the whole, 0 to 1."""

    job: Job
    language: str
    publish_state: PublishState
    renewed_at: float
    low: float = 0.0
    high: float = 1.0
    fraction: float = 0.0
    stage: str = "starting"
    last_edit: tuple[str, int] = ("", -1)
    edits: int = 0
    beaten_at: float = 0.0
    edited_at: float = 0.0


def follow(database: Database, settings: Settings, run: Run, program: Program) -> Outcome:
    """Read progress, keep the lease, edit the progress message, look for a cancel; returns the program's last line.

    Raises JobFailed, Interrupted, Cancelled or LostLease.
    """
    while True:
        # Shorter than a beat, so that the lease of a silent program is renewed in time.
        line = program.line(0.25)
        if isinstance(line, Outcome):
            return line
        if isinstance(line, Progress):
            run.fraction, run.stage = run.low + (run.high - run.low) * line.fraction, line.stage
        now = time.time()
        if now - run.beaten_at >= BEAT:
            run.beaten_at = now
            beat(database, settings, run, now)


def beat(database: Database, settings: Settings, run: Run, now: float) -> None:
    """Renew the lease, and every few seconds show progress. Raises Cancelled or LostLease.

    A database that is away for less than the lease costs nothing.
    """
    try:
        with database.write() as c:
            if jobs.heartbeat(c, run.job, settings.job_lease_seconds, run.fraction, run.stage, now):
                raise Cancelled
            edit = (run.stage, round(100 * run.fraction))
            if edit != run.last_edit and now - run.edited_at >= settings.progress_seconds:
                run.last_edit, run.edited_at, run.edits = edit, now, run.edits + 1
                # With the token: a later worker counts its edits from one again.
                outbox.add(c, [(f"job:{run.job.id}:{run.job.token}:{run.edits}", progress_edit(run))], now)
        if run.edited_at == now:
            # Aside, because the result store may block for seconds, and the lease is to be renewed every second.
            threading.Thread(target=publish_quietly, args=(run,), name="publish state", daemon=True).start()
        run.renewed_at = now
    except DatabaseAway as error:
        if now - run.renewed_at > settings.job_lease_seconds:
            raise LostLease(f"The lease of job {run.job.id} could not be renewed: {error}") from error
        log.warning("The lease of job %d could not be renewed yet: %s", run.job.id, error)


def publish_quietly(run: Run) -> None:
    """Nothing that people need lives in the result store, so a broker that is down does not matter."""
    try:
        run.publish_state({"job": run.job.id, "stage": run.stage, "fraction": run.fraction})
    except Exception as error:
        log.debug("The result store did not take the progress: %s", error)


def progress_edit(run: Run) -> EditPost:
    """The progress message as it should read now."""
    request = run.job.request
    text = percent_done(run.language, run.job.id, request.kind, run.stage, run.fraction)
    cancel = Choice(text=say(run.language, "cancel"), value=CancelJob(run.job.id).value)
    shown = after_reason(run.language, request, text)
    return EditPost(chat=request.chat, post=request.post, text=shown, choices=(cancel,), progress=run.fraction)

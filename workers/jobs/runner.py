"""One job from its lease to its end: programs, progress, cancel, resume, and what came of it.

The programs of `python -m modeling` do the work. This side holds the lease, so that one worker at a time follows
one job, and writes everything that counts in one last transaction. When a worker dies, its program dies with it (it
watches its standard input), the lease runs out, and the next worker starts the same programs on the same folder,
where they go on from their last checkpoint. What a kind of job is given, and what its end means, is in `kinds`; what
is slow at the end, such as reading pictures, is done before the last transaction.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from modeling.events import Outcome
from workers.core.errors import BackchannelError
from workers.core.i18n import Bilingual, both, say
from workers.core.replies import EditPost
from workers.core.settings import Settings
from workers.jobs.datasets import POOL, gather, tidy, tidy_left_over, write_data
from workers.jobs.errors import Cancelled, Interrupted, JobFailed
from workers.jobs.kinds.evaluate import EVALUATE_JOB
from workers.jobs.kinds.job_context import Command, JobContext, Kind, job_context
from workers.jobs.kinds.pretrain import PRETRAIN_JOB
from workers.jobs.kinds.train_and_distill import DISTILL_JOB, TRAIN_JOB
from workers.jobs.kinds.tune import TUNE_JOB
from workers.jobs.modeling_process import Program, start, step_back
from workers.jobs.outcome_text import after_reason
from workers.jobs.progress import PublishState, Run, follow, unpublished
from workers.store import chats, jobs, outbox
from workers.store.database import Database, DatabaseAway
from workers.store.jobs import Job, JobKind, LostLease

log = logging.getLogger(__name__)

KINDS: dict[JobKind, Kind] = {
    "train": TRAIN_JOB,
    "distil": DISTILL_JOB,  # the name in the database
    "evaluate": EVALUATE_JOB,
    "pretrain": PRETRAIN_JOB,
    "tune": TUNE_JOB,
}
MOST_TRIES = 5
BEFORE = 0.2
"""The share of a job that its preparing program takes, where it has one."""


def run_job(database: Database, settings: Settings, worker: str, publish_state: PublishState = unpublished) -> bool:
    """Claim the job that waits and see it through. Returns whether there was one, and the next may be looked for.

    `publish_state` gets the stage and the fraction, 0 to 1, every few seconds.
    """
    with database.write() as c:
        job = jobs.claim(c, worker, settings.job_lease_seconds, time.time())
    if job is None:
        return False
    log.info("Job %d (%s) starts (try %d).", job.id, job.kind, job.token)
    try:
        see_through(database, settings, job, publish_state)
    except LostLease:
        log.warning("Job %d was taken over by another worker; this one stops.", job.id)
    except (DatabaseAway, Interrupted) as error:
        log.error("Job %d stops here, to be taken up again once its lease is over: %s", job.id, error)
        return False
    return True


def see_through(database: Database, settings: Settings, job: Job, publish_state: PublishState = unpublished) -> None:
    """Run the programs and end the job, one way or another. Raises LostLease, DatabaseAway or Interrupted."""
    folder, done = settings.versions_dir / f"job-{job.id}", False
    try:
        # The token counts the workers that took it up, and all before this one were stopped.
        if job.token > MOST_TRIES:
            raise JobFailed(both("job_worker_died", tries=MOST_TRIES))
        conclude(database, job, *run_programs(database, settings, job, folder, publish_state))
        done = True
    # Its folder stays: whoever takes the job up goes on from there.
    except (LostLease, DatabaseAway, Interrupted):
        raise
    except Cancelled:
        end(database, job, "cancelled", None)
    except OSError as error:
        problem = both("job_folder_not_written", folder=settings.versions_dir, reason=error.strerror)
        end(database, job, "failed", problem)
    except BackchannelError as error:
        end(database, job, "failed", error.sentence)
    except Exception as error:
        log.exception("Job %d broke.", job.id)
        end(database, job, "failed", both("job_broke", kind=type(error).__name__))
    tidy(folder, keep=done)
    with suppress(OSError):
        tidy_left_over(database, settings.versions_dir)


def run_programs(
    database: Database, settings: Settings, job: Job, folder: Path, publish_state: PublishState
) -> tuple[JobContext, Outcome]:
    """The job's context, and the last line of its last program. Raises JobFailed, Cancelled, Interrupted or LostLease.

    A program that came to its end before a kill says its last line again at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kind = KINDS[job.request.kind]
    with database.read() as c:
        language = chats.language(c, job.request.chat, settings.language)
        context = job_context(c, job.id, job.request, folder, language)
        texts = gather(c, pool=POOL in kind.data)
    write_data(folder, texts, kind.data)
    *before, last = kind.commands(context)
    run = Run(job, context.language, publish_state, renewed_at=time.time(), high=BEFORE)
    for command in before:
        run_program(database, settings, run, command)
    run.low, run.high = (BEFORE if before else 0.0), 1.0
    return context, run_program(database, settings, run, last)


def run_program(database: Database, settings: Settings, run: Run, command: Command) -> Outcome:
    """Run one program to its end, and return its last line. Raises as `run_programs`."""
    process = start(command)
    if run.job.request.by_itself:
        # Nobody waits for it, so everything else on the machine goes first.
        step_back(process.pid)
    program = Program(process)
    try:
        return follow(database, settings, run, program)
    finally:
        program.stop()


def conclude(database: Database, job: Job, context: JobContext, done: Outcome) -> None:
    """Write what came of it, and say so where it was asked for, in one transaction. Raises LostLease."""
    write_outcome = KINDS[job.request.kind].conclude(context, done)
    now, request = time.time(), job.request
    with database.write() as c:
        outcome = write_outcome(c, now)
        jobs.finish(c, job, "done", outcome.result, None, now)
        text = after_reason(context.language, request, outcome.text)
        edit = EditPost(chat=request.chat, post=request.post, text=text)
        more = [(f"job:{job.id}:end:{number}", reply) for number, reply in enumerate(outcome.more)]
        outbox.add(c, [(f"job:{job.id}:end", edit), *more], now)


def end(database: Database, job: Job, state: Literal["cancelled", "failed"], error: Bilingual | None) -> None:
    """End a job that brought nothing, and say so where it was asked for."""
    log.info("Job %d %s. %s", job.id, state, error or "")
    now, request = time.time(), job.request
    with database.write() as c:
        jobs.finish(c, job, state, None, error, now)
        language = chats.language(c, request.chat, "en")
        text = say(language, f"job_{state}", job=job.id, error=error.text(language) if error else "")
        text = after_reason(language, request, text)
        outbox.add(c, [(f"job:{job.id}:end", EditPost(chat=request.chat, post=request.post, text=text))], now)

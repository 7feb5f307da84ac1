"""Long pieces of work, and the backbones that pretraining jobs left for retraining to begin with.

Whoever holds a job's lease, and its token, is the only one who may write its outcome.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from workers.core.errors import BackchannelError
from workers.core.events import ChatRef, Frozen, Person, storable_text
from workers.core.i18n import Bilingual, both
from workers.store.sql import AnyRow, advisory_lock
from workers.store.tables import jobs

# "distil" is how stored jobs spell it.
JobKind = Literal["train", "pretrain", "distil", "evaluate", "tune"]
Method = Literal["auto", "frozen", "lora", "full", "qlora", "int8"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
Outcome = Literal["done", "failed", "cancelled"]
_LIVE = jobs.c.state.in_(("queued", "running"))

BASE_PREFIX = "chat-"
MOST_BASES = 100


class JobRequest(Frozen):
    """A long piece of work, as it was asked for. `post` is the outbox key of the progress message.

    `method`, `epochs` and `recipe` (TOML, from a tuning) are of train, `student` of distil, `minutes` of pretrain and
    tune, `version` of evaluate. `backbone` is what train begins with: a name, or the folder of a named base; empty
    for that of the active version. `labelled` is how many labelled messages there were when a train was queued, which
    jobs of earlier versions do not say; `grown_from` how many at the train before, for one that nobody asked for.
    """

    kind: JobKind = "train"
    chat: ChatRef
    requested_by: Person
    post: str
    method: Method = "auto"
    seed: int = 0
    backbone: str = ""
    epochs: float | None = None
    recipe: str = ""
    student: str = ""
    minutes: int | None = None
    version: int | None = None
    labelled: int | None = None
    grown_from: int | None = None

    @property
    def by_itself(self) -> bool:
        """Whether nobody asked for it."""
        return self.grown_from is not None


class JobWaiting(BackchannelError):
    """A job of this kind is queued or running already."""


class LostLease(BackchannelError):
    """Another worker has taken the job over; ours must stop and write nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands. `fraction` is 0 to 1; `token` grows with every worker that takes the job."""

    id: int
    kind: str
    state: State
    request: JobRequest
    token: int
    fraction: float
    stage: str
    cancel: bool
    error: Bilingual | None
    result: Mapping[str, Any] | None
    created_at: float
    started_at: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class NamedBackbone:
    """What a pretraining job left: `folder` holds the backbone, `figures` what the job measured."""

    name: str
    folder: str
    figures: Mapping[str, Any]


def _job(row: AnyRow) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        request=JobRequest.model_validate_json(row.request),
        token=row.token,
        fraction=row.fraction,
        stage=row.stage,
        cancel=row.cancel,
        error=None if row.error is None else Bilingual.read(row.error),
        result=None if row.result is None else json.loads(row.result),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _one(c: Connection, condition: ColumnElement[bool]) -> Job | None:
    row = c.execute(select(jobs).where(condition).order_by(jobs.c.id).limit(1)).first()
    return None if row is None else _job(row)


def add(c: Connection, request: JobRequest, now: float) -> Job:
    """Queue a job. Raises JobWaiting while one of the kind is queued or running."""
    # Two at once would both find the place free, and the unique index would stop one without a sentence.
    advisory_lock(c, "jobs")
    waiting = _one(c, _LIVE & (jobs.c.kind == request.kind))
    if waiting is not None:
        raise JobWaiting(both("job_not_over", job=waiting.id))
    start = {"token": 0, "fraction": 0.0, "stage": "", "cancel": False, "created_at": now, "state": "queued"}
    statement = insert(jobs).values(kind=request.kind, request=request.model_dump_json(), **start)
    return _job(c.execute(statement.returning(jobs)).one())


def _claimable(now: float) -> ColumnElement[bool]:
    return (jobs.c.state == "queued") | ((jobs.c.state == "running") & (jobs.c.lease_until <= now))


def claim(c: Connection, worker: str, lease: float, now: float) -> Job | None:
    """Take the oldest job that is queued, or whose worker let its lease run out, for `lease` seconds."""
    # In a CTE, since Postgres may run a plain subquery for each row anew, and then claim several jobs.
    due = (
        select(jobs.c.id)
        .where(_claimable(now))
        .order_by(jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    values = {"state": "running", "token": jobs.c.token + 1, "worker": worker, "lease_until": now + lease}
    statement = update(jobs).where(jobs.c.id.in_(select(due.c.id)))
    # A job that is taken up again began with its first claim.
    statement = statement.values(**values, started_at=func.coalesce(jobs.c.started_at, now))
    row = c.execute(statement.returning(jobs)).first()
    return None if row is None else _job(row)


def _held(job: Job) -> ColumnElement[bool]:
    return (jobs.c.id == job.id) & (jobs.c.token == job.token) & (jobs.c.state == "running")


def heartbeat(c: Connection, job: Job, lease: float, fraction: float, stage: str, now: float) -> bool:
    """Hold a job for `lease` more seconds and say how far it is. Returns whether it should be cancelled.

    Raises LostLease when another worker has it, or when it is over.
    """
    values = {"lease_until": now + lease, "fraction": fraction, "stage": storable_text(stage)}
    row = c.execute(update(jobs).where(_held(job)).values(**values).returning(jobs.c.cancel)).first()
    if row is None:
        raise _lost(job)
    return bool(row.cancel)


def finish(
    c: Connection, job: Job, state: Outcome, result: Mapping[str, Any] | None, error: Bilingual | None, now: float
) -> None:
    """Write the outcome of a job, once. Raises LostLease when it is no longer ours."""
    values: dict[str, Any] = {
        "state": state,
        "error": error.model_dump_json() if error else None,
        "finished_at": now,
        "lease_until": None,
    }
    values["result"] = None if result is None else json.dumps(result)
    if state == "done":
        values["fraction"] = 1.0
    if not c.execute(update(jobs).where(_held(job)).values(**values)).rowcount:
        raise _lost(job)


def _lost(job: Job) -> LostLease:
    return LostLease(f"Job {job.id} was taken over by another worker or is over; this worker stops here.")


def request_cancel(c: Connection, job_id: int, now: float) -> Job | None:
    """Ask for a job's end: a queued one is cancelled at once, a running one at its next heartbeat."""
    c.execute(update(jobs).where(jobs.c.id == job_id, _LIVE).values(cancel=True))
    queued = (jobs.c.id == job_id) & (jobs.c.state == "queued")
    c.execute(update(jobs).where(queued).values(state="cancelled", finished_at=now))
    return find(c, job_id)


def running(c: Connection) -> Job | None:
    """The oldest job that is queued or running, which is the one at work, if there is one."""
    return _one(c, _LIVE)


def live(c: Connection, kind: str) -> Job | None:
    """The job of this kind that is queued or running, if there is one."""
    return _one(c, _LIVE & (jobs.c.kind == kind))


def last(c: Connection, kind: JobKind) -> Job | None:
    """The newest job of this kind, whatever came of it."""
    newest = select(func.max(jobs.c.id)).where(jobs.c.kind == kind).scalar_subquery()
    return _one(c, jobs.c.id == newest)


def tuned(c: Connection) -> Job | None:
    """The latest tuning, if it found a recipe that is better than the default."""
    latest = latest_done(c, "tune", 1)
    return latest[0] if latest and latest[0].result and latest[0].result["recipe"] else None


def latest_done(c: Connection, kind: str, n: int) -> list[Job]:
    """The last `n` jobs of a kind that came to their end with a result, newest first."""
    statement = select(jobs).where(jobs.c.kind == kind, jobs.c.state == "done", jobs.c.result.is_not(None))
    return [_job(row) for row in c.execute(statement.order_by(jobs.c.id.desc()).limit(n))]


def find(c: Connection, id: int) -> Job | None:
    """The job with this number."""
    return _one(c, jobs.c.id == id)


def latest(c: Connection, n: int) -> list[Job]:
    """The last `n` jobs, newest first."""
    return [_job(row) for row in c.execute(select(jobs).order_by(jobs.c.id.desc()).limit(n))]


def expired(c: Connection, now: float) -> bool:
    """Whether some job could be claimed now."""
    return _one(c, _claimable(now)) is not None


def are_over(c: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these jobs that are neither queued nor running."""
    return set(c.execute(select(jobs.c.id).where(jobs.c.id.in_(ids), ~_LIVE)).scalars())


def named_backbones(c: Connection) -> list[NamedBackbone]:
    """All named backbones, newest first."""
    done = latest_done(c, "pretrain", MOST_BASES)
    return [
        NamedBackbone(f"{BASE_PREFIX}{job.id}", str(job.result["folder"]), job.result) for job in done if job.result
    ]


def named_backbone(c: Connection, name: str) -> NamedBackbone | None:
    """The backbone of this name."""
    return next((backbone for backbone in named_backbones(c) if backbone.name == name.lower()), None)

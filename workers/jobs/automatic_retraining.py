"""Retraining that nobody asks for: when the labels have doubled since the last training.

Counts in a read transaction decide, and one short write queues an ordinary training and posts its progress message.
The state is the last training job itself, whatever became of it: how many labels it had, and when it began. So it
outlives every restart, and a training that fails, or is cancelled, is not begun again before the labels have doubled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from workers.core.buttons import CancelJob
from workers.core.events import Person
from workers.core.i18n import say
from workers.core.replies import Choice, Post
from workers.jobs.outcome_text import after_reason
from workers.store import chats, counters, jobs, outbox, training_set
from workers.store.database import Database
from workers.store.jobs import Job, JobRequest
from workers.store.sql import advisory_lock

FEWEST = 60
"""Labelled messages for the first training. Half as many seldom make a fine-tuned backbone better than a frozen one."""
GROWTH = 2
PAUSE = 3600.0
"""Seconds at least from the beginning of a training, whoever asked for it, to one that nobody asks for."""
CHOICE, SETTING = "retrain auto", "retrain auto by setting"
ON, OFF = 1, 2
NOBODY = Person(id="")


def choose(c: Connection, on: bool) -> None:
    """Keep what an admin chose; it goes before the setting."""
    counters.put(c, CHOICE, ON if on else OFF)


def is_on(c: Connection, by_default: bool) -> bool:
    """Whether trainings begin by themselves: as chosen in a chat, else as the setting says."""
    chosen = counters.value(c, CHOICE)
    return chosen == ON if chosen else by_default


def keep_setting(database: Database, on: bool) -> None:
    """Let those who answer commands, and are not given this setting, say what it is."""
    number = ON if on else OFF
    with database.read() as c:
        kept = counters.value(c, SETTING)
    if kept != number:
        with database.write() as c:
            counters.put(c, SETTING, number)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether trainings begin by themselves, and the next one at how many labels of how many there are."""

    on: bool
    labelled: int
    next_at: int


def outlook(c: Connection) -> Outlook:
    """What people may expect. An hour has to pass as well since the last training began."""
    labelled, before = training_set.labelled_size(c), labelled_at(c, jobs.last(c, "train"))
    return Outlook(is_on(c, counters.value(c, SETTING) != OFF), labelled, max(FEWEST, GROWTH * before))


def enough(labelled: int, before: int) -> bool:
    """Whether so many labels call for a training, where the last one had `before`; 0 where there was none."""
    return labelled >= max(FEWEST, GROWTH * before)


def retrain_if_due(database: Database, by_default: bool, now: float) -> Job | None:
    """Queue a training if it is time for one; however many processes ask at once, one of them queues one."""
    with database.read() as c:
        request = due(c, by_default, now)
    if request is None:
        return None
    with database.write() as c:
        return queue(c, request, by_default, now)


def due(c: Connection, by_default: bool, now: float) -> JobRequest | None:
    """The training that it is time for. What costs least is looked at first, since this is asked at every sweep."""
    last = jobs.last(c, "train")
    if not is_on(c, by_default) or jobs.running(c) or (last and now - began_at(last) < PAUSE):
        return None
    counts = training_set.counts(c)
    labelled, before = sum(counts.values()), labelled_at(c, last)
    if not enough(labelled, before) or not training_set.can_be_told_apart(counts):
        return None
    # Where there is no chat to say it in, as in a trial in shadow mode, no version takes over behind people's backs.
    chat = chats.last_labelled(c)
    if chat is None:
        return None
    told = {"chat": chat.ref, "requested_by": NOBODY, "post": post_key(last)}
    return JobRequest(**told, labelled=labelled, grown_from=before, **recipe(c))


def began_at(job: Job) -> float:
    """When a job began, or was to begin if it was cancelled before that."""
    return job.created_at if job.started_at is None else job.started_at


def labelled_at(c: Connection, last: Job | None) -> int:
    """How many labels the last training had; jobs of earlier versions did not write it down."""
    if last is None:
        return 0
    if last.request.labelled is not None:
        return last.request.labelled
    return training_set.labelled_before(c, last.created_at)


def post_key(last: Job | None) -> str:
    """The outbox key of the progress message: one for each training that came before."""
    return f"retrain:{last.id if last else 0}"


def recipe(c: Connection) -> dict[str, Any]:
    """What `retrain` without any words takes: the recipe of the latest tuning, if there is one."""
    tuned = jobs.tuned(c)
    if tuned is None or tuned.result is None:
        return {}
    return {"recipe": tuned.result["recipe"], "method": tuned.result["best"].get("method", "auto")}


def queue(c: Connection, request: JobRequest, by_default: bool, now: float) -> Job | None:
    """Queue it and post its progress message, unless something came between the reading and this writing."""
    advisory_lock(c, "jobs")
    chat = chats.get(c, request.chat)
    if chat is None or not (chat.enabled and chat.mode == "suggest" and is_on(c, by_default)):
        return None
    if jobs.running(c) or post_key(jobs.last(c, "train")) != request.post:
        return None
    job = jobs.add(c, request, now)
    text = after_reason(chat.language, request, say(chat.language, "retrain_auto_hint"))
    cancel = Choice(text=say(chat.language, "cancel"), value=CancelJob(job.id).value)
    outbox.add(c, [(request.post, Post(chat=request.chat, text=text, choices=(cancel,), progress=0.0))], now)
    return job

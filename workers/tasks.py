"""Thin Celery tasks: claim, call, commit. Each is only a hint, so it takes whatever waits and may find nothing."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from celery import signals
from sqlalchemy.exc import OperationalError

from workers.celery_app import app, publish
from workers.contracts import CLASSIFY, LABELS, MAINTENANCE, TRAINING, BackchannelError, Button, Command, Post, chat_of
from workers.hints import Hints
from workers.labelling import record_labels
from workers.settings import Settings, load
from workers.store import chats, counters, heads, inbox, jobs, outbox
from workers.store.database import Database
from workers.store.inbox import Claimed, LostClaim
from workers.texts import say

log = logging.getLogger(__name__)

WRONG_SETTINGS = 78
"""Exit status (EX_CONFIG of sysexits.h) that tells the supervisor that starting again will not help."""
KEEP_KEYS = 7 * 24 * 3600.0
WORKER = f"worker-{os.getpid()}"


@cache
def settings() -> Settings:
    """This process's settings."""
    return load()


@cache
def database() -> Database:
    """This process's database."""
    return Database(settings().database_url)


@cache
def hints() -> Hints:
    """This process's way of saying that there is work."""
    return Hints(lambda queue: publish(app, queue))


@cache
def inference() -> Any:
    """The process's one model in service; imports torch, so only the `classify` worker ever calls it."""
    from workers.inference import Inference

    return Inference(database(), settings())


@signals.celeryd_after_setup.connect
def load_model(instance: Any, **_: Any) -> None:
    """Load the model before the first message is taken, and stop with a sentence when it can't be loaded."""
    if CLASSIFY not in instance.app.amqp.queues.consume_from:
        return
    try:
        inference().start()
    except BackchannelError as error:
        print(f"backchannel: {error}", file=sys.stderr, flush=True)
        sys.stderr.flush()
        os._exit(WRONG_SETTINGS)


@app.task(name=CLASSIFY)
def classify() -> int:
    """Classify what waits, up to `batch_size` messages at a time."""
    return drain(CLASSIFY, settings().batch_size, lambda claimed: inference().classify(claimed, time.time()))


@app.task(name=LABELS)
def label() -> int:
    """Record reactions, answer commands and buttons."""

    def work(claimed: Sequence[Claimed]) -> None:
        with database().write() as c:
            record_labels(c, claimed, settings().language, time.time())
        if any(isinstance(one.event, Command) for one in claimed):
            wake_training()

    return drain(LABELS, settings().batch_size, work)


def wake_training() -> None:
    """Hint the training worker when a job waits."""
    with database().read() as c:
        if jobs.expired(c, time.time()):
            hints()(TRAINING)


@app.task(name=TRAINING, bind=True)
def train(self: Any) -> None:
    """Run the job that waits, if there is one, to its end."""
    from workers.training import run_job

    task_id = self.request.id

    def tell_flower(state: dict[str, object]) -> None:
        app.backend.store_result(task_id, state, "PROGRESS")

    run_job(database(), settings(), WORKER, tell_flower)


@app.task(name=MAINTENANCE)
def sweep() -> None:
    """Send hints for work that is left over, and drop the keys of events that can't come again."""
    now = time.time()
    with database().read() as c:
        waiting = [queue for queue, count in inbox.waiting(c, now).items() if count]
        due = jobs.expired(c, now)
    hints()(*waiting, *([TRAINING] if due else []))
    with database().write() as c:
        inbox.prune(c, now - KEEP_KEYS)
        heads.prune(c, now - KEEP_KEYS)
    scrub()


def scrub() -> None:
    """After somebody was forgotten, clean the database's own files of what it deleted."""
    with database().read() as c:
        forgotten = counters.value(c, "forgotten")
    if forgotten:
        database().scrub()
        with database().write() as c:
            counters.reset(c, "forgotten", forgotten)


def drain(queue: str, most: int, work: Callable[[Sequence[Claimed]], None]) -> int:
    """Claim and work until nothing waits. Returns how many events were handled."""
    handled = 0
    while claimed := claim(queue, most):
        careful(claimed, work)
        handled += len(claimed)
    return handled


def claim(queue: str, most: int) -> list[Claimed]:
    """Take what waits. Looks without a write lock first: most hints come when the work is done already."""
    now = time.time()
    with database().read() as c:
        if not inbox.waiting(c, now).get(queue):
            return []
    with database().write() as c:
        return inbox.claim(c, queue, most, settings().lease_seconds, WORKER, now)


def careful(claimed: Sequence[Claimed], work: Callable[[Sequence[Claimed]], None]) -> None:
    """One bad event must not hold up the others: what fails together is tried one by one."""
    try:
        work(claimed)
    except LostClaim:
        log.info("Another worker took over %d events; what was done here was undone.", len(claimed))
    except OperationalError:
        raise
    except Exception as error:
        if len(claimed) > 1:
            for one in claimed:
                careful([one], work)
        else:
            log.exception("The event %s could not be handled.", claimed[0].event.key)
            put_back(claimed[0], error)


def put_back(one: Claimed, error: Exception) -> None:
    """Try the event again later; whoever typed or pressed something is told instead."""
    now = time.time()
    with database().write() as c:
        if isinstance(one.event, Command | Button):
            chat = chats.get(c, chat_of(one.event))
            text = say(chat.language if chat else settings().language, "failed_inside")
            outbox.add(c, [(f"{one.event.key}:failed", Post(chat=chat_of(one.event), text=text))], now)
            inbox.finish(c, [one])
        else:
            inbox.retry(c, one, 2.0**one.attempts, f"{type(error).__name__}: {error}"[:500], now)

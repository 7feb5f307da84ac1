"""Thin Celery tasks: claim, call, commit. Each is only a hint, so it takes whatever waits and may find nothing."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from celery import signals

from workers.core.errors import WRONG_SETTINGS, BackchannelError
from workers.core.events import CLASSIFY, EXPLAIN, LABELS, MAINTENANCE, TRAINING, Button, Command
from workers.core.settings import Settings, load
from workers.handlers.claims import ClaimContext, drain
from workers.handlers.dispatch import handle, in_steps
from workers.heartbeat import Heartbeat
from workers.jobs import automatic_retraining
from workers.queue.celery_app import app, publish
from workers.queue.hints import Hints
from workers.store import counters, head_fits, heartbeats, inbox, jobs, outbox
from workers.store.database import Database, DatabaseAway
from workers.store.inbox import Claimed

if TYPE_CHECKING:
    from workers.serving.explain import Explainer
    from workers.serving.model_server import ModelServer

log = logging.getLogger(__name__)

# An exit status after which the supervisor starts the process again, unlike WRONG_SETTINGS.
AGAIN = 1
# Telegram delivers for up to a day, Slack tries three times: no event comes again after a week.
KEEP_KEYS = 7 * 24 * 3600.0
KEEP_HEARTBEATS = 3600.0
SWEEP = "sweep"
WORKER = f"worker-{heartbeats.process_name()}"


@cache
def settings() -> Settings:
    """This process's settings."""
    return load()


@cache
def database() -> Database:
    """This process's database."""
    return Database(settings().database_url)


@cache
def claim_context() -> ClaimContext:
    """Who claims in this process."""
    limits = settings()
    return ClaimContext(database(), WORKER, limits.lease_seconds, limits.batch_size, limits.language)


@cache
def hints() -> Hints:
    """This process's way of saying that there is work."""
    return Hints(lambda queue: publish(app, queue))


@cache
def model_server() -> ModelServer:
    """The process's one model in service; imports what reads messages, so only the `classify` worker ever calls it."""
    from workers.serving.model_server import ModelServer

    return ModelServer(database(), settings())


@cache
def explainer() -> Explainer:
    """The thread that explains what that model predicts."""
    from workers.serving.explain import Explainer

    return Explainer(claim_context(), lambda: model_server().model)


@signals.celeryd_after_setup.connect
def load_model(instance: Any, **_: Any) -> None:
    """Load the model before the first message is taken, and stop with a sentence when it can't be loaded."""
    if CLASSIFY not in instance.app.amqp.queues.consume_from:
        return
    try:
        model_server().start()
    except DatabaseAway as error:
        stop(str(error), AGAIN)
    except BackchannelError as error:
        stop(str(error), WRONG_SETTINGS)
    except Exception:
        log.exception("The model could not be put in service.")
        stop("The model could not be put in service, for a reason that the log names; trying again.", AGAIN)


@signals.worker_ready.connect
def start_heartbeat(sender: Any, **_: Any) -> None:
    """From now on the worker takes tasks. Its role is its name without the machine: classify, labels or training."""
    heartbeat = Heartbeat(database(), str(sender.hostname).partition("@")[0])
    heartbeat.start()

    def stop_heartbeat(**_: Any) -> None:
        heartbeat.stop()

    signals.worker_shutdown.connect(stop_heartbeat, weak=False)


@signals.beat_init.connect
def start_heartbeat_of_beat(**_: Any) -> None:
    """Celery beat sends no signal when it ends: its heartbeat ends with its process."""
    Heartbeat(database(), "beat").start()


def stop(sentence: str, status: int) -> None:
    """End the process, which Celery would otherwise run on without a model."""
    print(f"backchannel: {sentence}", file=sys.stderr, flush=True)
    os._exit(status)


@app.task(name=CLASSIFY)
def classify() -> int:
    """Classify what waits, up to `batch_size` messages at a time."""
    return drain(claim_context(), CLASSIFY, lambda claimed: model_server().classify(claimed, time.time()))


@app.task(name=EXPLAIN)
def explain() -> None:
    """Wake the thread that explains; messages are classified meanwhile."""
    explainer().wake()


@app.task(name=LABELS)
def label() -> int:
    """Record reactions, answer commands and buttons."""

    def work(step: Sequence[Claimed]) -> None:
        handle(database(), step, settings().language, time.time())
        # Reactions queue no jobs.
        if any(isinstance(item.event, Command | Button) for item in step):
            wake_training()

    return drain(claim_context(), LABELS, work, in_steps)


def wake_training() -> None:
    """Hint the training worker when a job waits."""
    with database().read() as c:
        if jobs.expired(c, time.time()):
            hints()(TRAINING)


@app.task(name=TRAINING, bind=True)
def train(self: Any) -> None:
    """Run the jobs that wait, one after another, each to its end; what dashboards see is in the task's result."""
    from workers.jobs.runner import run_job

    task_id = self.request.id

    def publish_state(state: Mapping[str, object]) -> None:
        app.backend.store_result(task_id, state, "PROGRESS")

    while run_job(database(), settings(), WORKER, publish_state):
        pass


@app.task(name=MAINTENANCE)
def sweep() -> None:
    """Retrain if it is time, send hints for work that is left over, and drop keys of events that can't come again."""
    now = time.time()
    automatic_retraining.keep_setting(database(), settings().retrain_auto)
    automatic_retraining.retrain_if_due(database(), settings().retrain_auto, now)
    with database().read() as c:
        waiting = [queue for queue, count in inbox.waiting(c, now).items() if count]
        due = jobs.expired(c, now)
    hints()(*waiting, *([TRAINING] if due else []))
    with database().write() as c:
        inbox.prune(c, now - KEEP_KEYS)
        outbox.prune(c, now - KEEP_KEYS)
        head_fits.prune(c, now - KEEP_KEYS)
        heartbeats.prune(c, now - KEEP_HEARTBEATS)
        heartbeats.beat(c, SWEEP, SWEEP, now)
    scrub()


def scrub() -> None:
    """After somebody was forgotten, clean the database's own files of what it deleted."""
    with database().read() as c:
        forgotten = counters.value(c, "forgotten")
    if forgotten:
        # Whoever is forgotten meanwhile makes the counter move on, and the next sweep scrubs again.
        database().scrub()
        with database().write() as c:
            counters.reset(c, "forgotten", forgotten)

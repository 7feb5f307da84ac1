"""Which processes make up Backchannel, and how each is started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bot.settings import BotSettings, Served
from bot.supervisor.child import ProcessSpec
from workers.core.settings import Settings
from workers.queue import embedded_valkey

WORKERS = {"classify": ("classify,explain", 1), "labels": ("labels,maintenance", 2), "training": ("training", 1)}
"""Name of a worker process: its queues and its threads. Only `classify` ever loads a model."""

THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""The head's small products gain nothing from threads that wait for each other, and waiting threads must not spin
where processes share few cores; torch keeps its threads."""

WORKER_ENV = THREADS | {"MALLOC_MMAP_THRESHOLD_": str(8 * 2**20)}
"""A table of many messages' vectors goes back to the system when a fit is done with it. By itself glibc soon takes
such large arrays from its heap, and the classify worker keeps twice the memory; below 8 MiB that is faster."""

PLATFORM_SETTINGS = ("BACKCHANNEL_SLACK__", "BACKCHANNEL_TELEGRAM__", "BACKCHANNEL_WEB__")
"""With the tokens and passwords, which are the business of one bot each."""
CELERY = (sys.executable, "-m", "celery", "--app", "workers.queue.celery_app", "--quiet")
WORDS = 200
ALL_ADDRESSES = ("", "0.0.0.0", "::")


def process_specs(settings: Settings, bot_settings: BotSettings, bots: Sequence[Sequence[str]]) -> list[ProcessSpec]:
    """The broker if it is ours, the workers, beat, and one bot process for each list of `bot` arguments."""
    broker = [valkey(settings)] if settings.embedded_broker else []
    workers = [worker(name) for name in WORKERS]
    alone = len(bots) == 1
    return [*broker, *(bot(arguments, bot_settings, alone) for arguments in bots), *workers, beat(settings.data_dir)]


def bot(arguments: Sequence[str], bot_settings: BotSettings, alone: bool) -> ProcessSpec:
    """One platform's bot process. The web chat's is ready once its page can be opened.

    Whether Slack or Telegram can be reached is not ours to wait for, and where one of them refuses our token, the
    bots of the others go on.
    """
    ready = (lambda: (health_status(bot_settings.web) or (0, ""))[0] == 200) if arguments[0] == "web" else None
    argv = (sys.executable, "-m", "bot", "bot", *arguments)
    own = f"BACKCHANNEL_{arguments[0].upper()}__"
    needed, others = alone or arguments[0] == "web", tuple(name for name in PLATFORM_SETTINGS if name != own)
    return ProcessSpec(f"bot-{arguments[0]}", argv, hidden=others, ready=ready, needed=needed)


HEALTH_SECONDS = 8.0
"""For an answer of /healthz, which looks whether the database can be written and gives that five seconds."""


def health_status(served: Served, seconds: float = 0.5) -> tuple[int, str] | None:
    """The HTTP status of /healthz, 200 if all is well and 503 if not, and what it says; None where nothing answers."""
    # An address that stands for all of them can be bound, and is none to connect to.
    host = "127.0.0.1" if served.host in ALL_ADDRESSES else served.host
    connection = HTTPConnection(host, served.port, timeout=seconds)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        return response.status, response.read(WORDS).decode("utf-8", "replace")
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def valkey(settings: Settings) -> ProcessSpec:
    """The embedded broker, which everything else waits for."""
    argv = (sys.executable, "-m", "workers.queue.embedded_valkey", str(settings.data_dir))
    return ProcessSpec(
        "valkey",
        argv,
        hidden=("BACKCHANNEL_",),
        ready=lambda: embedded_valkey.running_pid(settings.data_dir, 1.0) is not None,
    )


def worker(name: str) -> ProcessSpec:
    """A Celery worker on threads: a forked child would hang on torch, and tasks are only hints anyway."""
    return ProcessSpec(f"worker-{name}", worker_argv(name), env=WORKER_ENV, hidden=PLATFORM_SETTINGS)


def worker_argv(name: str) -> tuple[str, ...]:
    """The command line of one worker process."""
    queues, threads = WORKERS[name]
    # Workers share the database and have nothing to tell each other over the broker.
    quiet = ("--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel", "INFO")
    pool = ("--pool", "threads", "--concurrency", str(threads))
    return (*CELERY, "worker", "--queues", queues, *pool, "--hostname", f"{name}@%h", *quiet)


def beat(data_dir: Path) -> ProcessSpec:
    """The clock that hints the sweeper."""
    return ProcessSpec("beat", beat_argv(data_dir), hidden=PLATFORM_SETTINGS)


def beat_argv(data_dir: Path) -> tuple[str, ...]:
    """The command line of the clock, which keeps the time of its last tick in the data folder."""
    return (*CELERY, "beat", "--schedule", str(data_dir / "beat"), "--loglevel", "WARNING")

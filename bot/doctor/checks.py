"""What every installation needs, looked at piece by piece: disk, database, broker, model, processes."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from sqlalchemy import make_url

from bot.doctor import health
from bot.doctor.findings import Finding
from bot.settings import BotSettings, WebSettings
from workers.core.errors import BackchannelError
from workers.core.settings import Settings
from workers.queue import embedded_valkey
from workers.store import backlog, heartbeats, versions
from workers.store.database import Database

MIN_FREE = 1_000_000_000
"""Bytes that should be free: a model version takes 100 MB with the packaged backbone, and training needs several."""
LONG = 300.0
"""Seconds after which what waits is not only busy."""
LOAD_TIMEOUT = 300.0
"""Seconds that loading a backbone may take, for it may have to be downloaded."""


def has_torch() -> bool:
    """Whether workers can run from this installation. Finds torch without loading it."""
    return importlib.util.find_spec("torch") is not None


def disk(settings: Settings) -> Finding:
    """Whether the data folder can be written, has room."""
    folder = settings.data_dir
    remote = not settings.embedded_broker and settings.database_url.startswith("postgres")
    if remote and not has_torch():
        return Finding(
            True, "Nothing is kept on this machine: database and broker are elsewhere, and no model runs here."
        )
    # The folder itself may not have been made yet.
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    todo = "Make it writable for this account, or set BACKCHANNEL_DATA_DIR to another folder."
    try:
        # By writing: permissions alone do not tell of a full disk.
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"backchannel")
    except OSError as error:
        return Finding(False, f"The data folder {folder} can't be written ({error.strerror}).", todo)
    free = shutil.disk_usage(existing).free
    size = f"{free / 1e9:.1f} GB are free in the data folder {folder}"
    if free < MIN_FREE:
        return Finding(False, f"Only {size}.", "Free some space: model versions and the database grow.")
    return Finding(True, f"{size}.")


def privacy(settings: Settings) -> Iterator[Finding]:
    """Whether strangers may enter the data folder: one that was there before us is as its owner left it."""
    folder = settings.data_dir
    if folder.is_dir() and folder.stat().st_mode & 0o007:
        yield Finding(
            False, f"Every account of this machine may enter the data folder {folder}.", f"chmod 700 {folder}"
        )


def tables(settings: Settings) -> tuple[Finding, Database | None]:
    """Whether the database is there, of this release and writable; and the database, if all of that is so."""
    try:
        database = Database(settings.database_url)
        # Looked at first, because connecting would make an empty file.
        file = make_url(settings.database_url).database or ""
        if settings.database_url.startswith("sqlite") and not Path(file).exists():
            todo = "Run `backchannel migrate`, or start `backchannel up`, which does so by itself."
            return Finding(False, f"There is no database yet: {database.location} does not exist.", todo), None
        database.check()
        # A write of our own, taken back at once: reading works in a database that can't be written, too.
        with database.write() as c:
            heartbeats.beat(c, "doctor", "doctor", time.time())
            heartbeats.end(c, "doctor")
    except BackchannelError as error:
        return Finding(False, "The database can't be used.", str(error)), None
    return Finding(True, f"The database is up to date and can be written: {database.location}."), database


def broker(settings: Settings) -> Finding:
    """Whether the broker answers, knows our password and takes hints."""
    if settings.embedded_broker:
        return _embedded(settings.data_dir)
    from workers.queue.celery_app import make

    url = settings.broker.url.get_secret_value()
    address, todo = _address(url), "Messages are kept meanwhile, and answered late."
    try:
        with make(settings).connection_for_write() as connection:
            channel: Any = connection.channel()
            # By writing: a replica that is read-only, or a broker whose memory is full, still answers a PING.
            channel.client.set("backchannel-doctor", "1", ex=10)
    except (AuthenticationError, NoPermissionError):
        return Finding(
            False, f"The broker at {address} refuses us.", "Correct name and password in BACKCHANNEL_BROKER__URL."
        )
    except ResponseError as error:
        return Finding(False, f"The broker at {address} takes no hints ({str(error)[:160]}).", f"Mend it. {todo}")
    except Exception as error:  # sockets, TLS and the address itself fail in many ways
        start = "Start it, or correct BACKCHANNEL_BROKER__URL."
        return Finding(
            False, f"Nothing answers as the broker at {address} ({type(error).__name__}).", f"{start} {todo}"
        )
    return Finding(True, f"The broker at {address} answers and takes hints.")


def _embedded(data_dir: Path) -> Finding:
    if embedded_valkey.running_pid(data_dir):
        return Finding(True, "The embedded Valkey runs.")
    try:
        embedded_valkey.binary()
    except BackchannelError as error:
        return Finding(False, "The embedded Valkey can't run.", str(error))
    return Finding(True, "The embedded Valkey does not run yet: `backchannel up` starts it.")


def _address(url: str) -> str:
    """Host and port, and nothing else of an address."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path or "an unknown place"
    except ValueError:
        return "an address that can't be read"


def model(settings: Settings, database: Database | None) -> Iterator[Finding]:
    """GPU or not, whether the backbone loads, and whether the active version is here. Loading is another process's."""
    name = settings.base_backbone
    if not has_torch():
        yield Finding(True, f"The backbone {name} is not tried here, where torch is not installed: ask on a worker.")
        return
    # A program of its own: torch is never loaded in a process of the bot.
    command = [sys.executable, "-m", "modeling", "check", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        yield Finding(
            False, f"The backbone {name} was not loaded within {LOAD_TIMEOUT:g} s.", "Look at network and disk."
        )
        return
    lines = {line["event"]: line for line in map(json.loads, done.stdout.splitlines())}
    if "gpu" in lines:
        yield _gpu(lines["gpu"]["names"])
    yield _backbone(name, lines.get("backbone"), done.stderr)
    if database is not None:
        yield from _active(database)


def _gpu(names: list[str]) -> Finding:
    if names:
        return Finding(True, f"torch sees {', '.join(names)}.")
    return Finding(True, "torch sees no GPU: training on the CPU takes minutes, all else is as fast.")


def _backbone(name: str, loaded: dict[str, object] | None, error: str) -> Finding:
    if loaded is None:
        last = (error.strip().splitlines() or ["It did not say why."])[-1]
        return Finding(False, f"The backbone {name} can't be loaded.", last)
    english = name in ("minilm", "light", "english")
    only = " It reads English; BACKCHANNEL_BACKBONE=multilingual reads a hundred languages." if english else ""
    return Finding(True, f"The backbone {name} loads, on {loaded['device']}.{only}")


def _active(database: Database) -> Iterator[Finding]:
    try:
        with database.read() as c:
            active = versions.active(c)
    except BackchannelError as error:
        yield Finding(False, "No model version is active.", str(error))
        return
    if active.folder and not Path(active.folder).is_dir():
        todo = "Bring the folder back from a backup, or let an admin type rollback."
        yield Finding(False, f"Version {active.id} is active, and its folder {active.folder} is not here.", todo)
    else:
        yield Finding(True, f"Version {active.id} ({active.method}) is active.")


def processes(settings: Settings, bot_settings: BotSettings, database: Database | None) -> Iterator[Finding]:
    """Whether what `backchannel up` would run lives, the sweep comes round, and the web chat is closed to others."""
    # Without a database only bots can be asked: they answer over HTTP.
    yield from health.examine(
        [name for name in health.expected(bot_settings) if database or name in health.BOTS], bot_settings, database
    )
    if database is not None:
        yield _sweep(settings, database)
    if bot_settings.web.enabled:
        yield _web_access(bot_settings.web)


def _sweep(settings: Settings, database: Database) -> Finding:
    within = max(heartbeats.ALIVE, 3 * settings.sweep_seconds)
    with database.read() as c:
        swept = heartbeats.alive(c, "sweep", time.time() - within)
    if swept:
        return Finding(True, f"Work that is left over is looked for every {settings.sweep_seconds:g} s.")
    todo = "Broker, beat and worker-labels are all needed for it: see which of them is red, and their logs."
    return Finding(False, f"Nobody has looked for left-over work in the last {within:g} s.", todo)


def queues(database: Database | None) -> Iterator[Finding]:
    """How much waits to be worked on and to be sent, for how long, and whether anything was given up."""
    if database is None:
        return
    now = time.time()
    with database.read() as c:
        waiting, failed = backlog.waiting(c, now), backlog.failed_count(c)
    if not waiting:
        yield Finding(True, "Nothing waits to be worked on or to be sent.")
    for queue in waiting:
        what = "events wait for the worker of" if queue.direction == "in" else "replies wait to be sent to"
        sentence = f"{queue.count} {what} {queue.name}, the oldest for {queue.oldest:.0f} s."
        todo = "See which process is red, and the logs: what can't be done is tried again for as long as it takes."
        yield Finding(queue.oldest < LONG, sentence, todo)
    if failed:
        todo = "`backchannel failed list` says why; `failed retry` tries them again, `failed drop` forgets them."
        yield Finding(False, f"{failed} events or replies were given up.", todo)
    else:
        yield Finding(True, "No event and no reply was given up.")


def _web_access(web: WebSettings) -> Finding:
    password = web.password and web.password.get_secret_value()
    who = "whoever knows the password" if password else "everybody on this machine, without a password"
    return Finding(True, f"The web chat is at http://{web.host}:{web.port}, open to {who}.")

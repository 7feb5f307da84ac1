"""What grows with the labelled messages and with the events that wait: python -m tests.benchmarks.growth [SIZE ...]

A SIZE is LABELLED/LABELS, or LABELLED/LABELS/MESSAGES where many more messages are not labelled. For each, a process
serves a version that never served, and another begins with it once more. The head is that of the worker, the backbone
is not: its vectors are random ones of its width around a topic for each label, which cost the head what real ones do.
So neither loading a backbone nor its memory is part of any figure here.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select, update

from bot.supervisor.stack import worker
from tests.databases import migrated
from tests.workers.chatroom import BO, CHAT, ref
from tests.workers.many_labelled import NOW, fill, said, topics
from workers.core.events import LABELS, Event, Reaction
from workers.core.settings import Settings
from workers.serving import model_server
from workers.serving.head_fitting import HeadSettings
from workers.serving.model_server import ModelServer
from workers.store import inbox, ledger, predictions, tables, versions
from workers.store.database import Database
from workers.store.ledger import LedgerRow

SIZES = ("1000/10", "5000/10", "20000/10", "20000/10/200000", "100000/10", "10000/100", "10000/1000", "100000/100")
WIDTH, UNLABELLED, REACTIONS = 384, 1000, 20
QUEUES = ((0, 10_000), (100_000, 10_000), (0, 50_000))
PIECE, LONGEST = 5000, 60.0
Timed = dict[str, list[float]]


class RandomBackbone:
    """Gives a label's description a vector near its topic, and any other text that of the first label."""

    fingerprint, dimension = "random", WIDTH

    def __init__(self, labels: int) -> None:
        self._topics = topics(labels, WIDTH)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        numbers = [int(text.split()[1]) - 1 if text.startswith("label ") else 0 for text in texts]
        return said(np.array(numbers, np.int64), self._topics)


class Watched(ModelServer):
    """Takes down how many seconds its refits took, and how much CPU time."""

    def __init__(self, database: Database, labels: int, times: Timed) -> None:
        super().__init__(database, Settings())
        self._backbone: Any = RandomBackbone(labels)
        self._serve = timed(self._serve, times, "refit")  # type: ignore[method-assign]

    def _open(self, version: versions.Version) -> tuple[Any, HeadSettings]:
        return self._backbone, HeadSettings()


def timed(work: Callable[..., Any], times: Timed, name: str) -> Callable[..., Any]:
    """The same function, which writes down under its name how long it took."""

    def watched(*args: Any) -> Any:
        began, began_cpu = time.perf_counter(), time.thread_time()
        result = work(*args)
        times.setdefault(name, []).append(time.perf_counter() - began)
        times.setdefault(f"{name} CPU", []).append(time.thread_time() - began_cpu)
        return result

    return watched


def serve(database: Database, labels: int, *, again: bool) -> dict[str, float]:
    """Start a server and, unless `again`, label messages that were not; what it cost, in seconds and MiB."""
    times: Timed = {}
    model_server.cross_validate = timed(model_server.cross_validate, times, "choice")
    server, before = Watched(database, labels, times), resident()
    timed(server.start, times, "start")()
    if again:
        return {"start": times["start"][0]}
    unlabelled = new_labels(database, labels)
    while not server.model.settings.examples:
        # It chooses beside the refits, which go on.
        times.setdefault("beside", []).append(reaction(database, server, *next(unlabelled)))
    times["refit"], times["refit CPU"] = [], []
    waits = sorted(reaction(database, server, *next(unlabelled)) for _ in range(REACTIONS))
    return {
        "start": times["start"][0],
        "choice": sum(times.get("choice", [])),
        "choice CPU": sum(times.get("choice CPU", [])),
        "beside": max(times.get("beside", [0.0])),
        "refit": statistics.median(times["refit"]),
        "refit CPU": statistics.median(times["refit CPU"]),
        "reaction p95": waits[int(0.95 * REACTIONS) - 1],
        "held": resident() - before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10 - before,
    }


def resident() -> float:
    return psutil.Process().memory_info().rss / 2**20


def new_labels(database: Database, labels: int) -> Iterator[tuple[int, int]]:
    """Messages that nobody has labelled, and for each the label whose topic is nearest."""
    with database.read() as c:
        first = c.execute(select(func.count()).select_from(tables.message_labels)).scalar_one() + 1
        vectors = predictions.vectors(c, RandomBackbone.fingerprint, range(first, first + UNLABELLED))
    for number, vector in sorted(vectors.items()):
        yield number, int((topics(labels, WIDTH) @ np.frombuffer(vector, np.float32)).argmax()) + 1


def reaction(database: Database, server: ModelServer, number: int, label: int) -> float:
    """Label a message at no particular moment; seconds until a head that was fitted with it serves."""
    time.sleep(random.uniform(0.3, 0.4))
    row = LedgerRow(f"new {number}", ref(str(number)), BO, "", label, True, NOW, 0, "button")
    before = server.model.revision
    with database.write() as c:
        ledger.append(c, [row], NOW)
    began = time.perf_counter()
    while server.model.revision == before:
        time.sleep(0.002)
    return time.perf_counter() - began


def claims(folder: Path, over: int, waiting: int) -> tuple[float, float]:
    """Events of one chat claimed and finished a second, and the longest claim in ms, behind so many that are over."""
    longest, handled = 0.0, 0
    with migrated(folder) as database:
        for start in range(0, over + waiting, PIECE):
            with database.write() as c:
                inbox.add(c, [event(number) for number in range(start, start + PIECE)], NOW)
                c.execute(update(tables.inbox).where(tables.inbox.c.id <= over).values(state="done", event=None))
        began = time.perf_counter()
        while handled < waiting and time.perf_counter() < began + LONGEST:
            with database.write() as c:
                began_claim = time.perf_counter()
                claimed = inbox.claim(c, LABELS, 64, 30.0, "benchmark", NOW)
                longest = max(longest, time.perf_counter() - began_claim)
            with database.write() as c:
                inbox.finish(c, claimed)
            handled += len(claimed)
    return handled / (time.perf_counter() - began), 1000 * longest


def event(number: int) -> Event:
    return Reaction(key=f"r{number}", at=NOW, ref=ref(str(number), CHAT), annotator=BO, emoji="🐞", added=True)


def measured(size: str, folder: Path) -> Iterator[dict[str, float]]:
    """What two servers cost, one after the other, on a store of this size."""
    labelled, labels, *messages = map(int, size.split("/"))
    with migrated(folder) as database:
        with database.write() as c:
            versions.ensure_base(c, "minilm", "", 0.0)
        fill(database, RandomBackbone.fingerprint, [labelled + UNLABELLED, *messages][-1], labelled, labels, WIDTH)
    for what in ("--serve", "--again"):
        command = [sys.executable, "-m", "tests.benchmarks.growth", what, str(folder), str(labels)]
        environment = {**os.environ, **worker("classify").env}
        served = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        yield json.loads(served.stdout.splitlines()[-1])


def row(size: str, first: dict[str, float], second: dict[str, float]) -> list[str]:
    return [
        size,
        f"{1000 * first['refit']:.0f} ({1000 * first['refit CPU']:.0f})",
        f"{1000 * first['reaction p95']:.0f}",
        f"{first['choice']:.1f} ({first['choice CPU']:.1f})",
        f"{first['beside']:.2f}" if first["beside"] else "",
        f"{first['start']:.2f}",
        f"{second['start']:.2f}",
        f"{first['held']:.0f}, {first['peak']:.0f}",
    ]


def main(sizes: Sequence[str]) -> None:
    headings = (
        "labelled/labels",
        "refit ms (CPU)",
        "reaction to head, p95 ms",
        "choice s (CPU)",
        "slowest beside it s",
    )
    heads = Table(*headings, "first start s", "next start s", "MiB held, peak")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            heads.add_row(*row(size, *measured(size, Path(folder))))
    queues = Table("over", "waiting", "claimed and finished a second", "longest claim ms")
    for over, waiting in QUEUES:
        with tempfile.TemporaryDirectory() as folder:
            rate, longest = claims(Path(folder), over, waiting)
        queues.add_row(f"{over:,}", f"{waiting:,}", f"{rate:.0f}", f"{longest:.0f}")
    Console(width=150).print(heads, queues, f"load average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] in (["--serve"], ["--again"]):
        with migrated(Path(sys.argv[2])) as opened:
            print(json.dumps(serve(opened, int(sys.argv[3]), again=sys.argv[1] == "--again")), flush=True)
            os._exit(0)  # its threads still look at the database
    else:
        main(sys.argv[1:] or SIZES)

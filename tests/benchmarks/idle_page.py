"""What one open page costs the bot process: CPU seconds and bytes sent, in a store with many messages.

    python -m tests.benchmarks.idle_page [MESSAGES] [SECONDS]

Four times so long: nobody has the page open, or one page is; nothing happens but signs of life of four workers, each
every ten seconds, or every second ten messages and two reactions are worked on. Before that, the CPU time of one look,
which `stats` and Slack's App Home take, too: the first of a process, and later ones; and of writing the messages.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
from websockets.asyncio.client import connect

from bot.cli import open_database
from tests.benchmarks.bot_process import answers, free_port
from tests.workers.busy_store import CHAT, LABELS, message, prediction, vote
from workers.core.settings import Settings
from workers.store import heartbeats, labels, ledger, messages, predictions
from workers.store.database import Database
from workers.store.overview import overview

MESSAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 30.0
LABELLED = 10
"""One in so many messages gets a reaction or two."""
PIECE = 1000
LOOKS = 20


def add(database: Database, ids: list[int], numbers: range, now: float) -> None:
    """Messages, what was predicted, and what people said to it, as workers write it."""
    with database.write() as c:
        stored = messages.record(c, [message(number) for number in numbers])
        predictions.record_predictions(c, [prediction(item.id, ids[item.id % len(ids)]) for item in stored])
        votes = [vote(number, extra) for number in numbers if number % LABELLED == 0 for extra in (0, 1)]
        ledger.append(c, votes, now)


def fill(database: Database) -> list[int]:
    with database.write() as c:
        ids = [labels.add(c, name, f"about {name}", emoji, 0.0).id for name, emoji in LABELS.items()]
    for start in range(0, MESSAGES, PIECE):
        add(database, ids, range(start, min(MESSAGES, start + PIECE)), float(start))
    return ids


def look(database: Database) -> float:
    """CPU milliseconds of one look at the whole."""
    began = time.process_time()
    with database.read() as c:
        overview(c, CHAT)
    return 1000 * (time.process_time() - began)


@contextmanager
def bot(folder: Path) -> Generator[tuple[psutil.Process, int]]:
    port = free_port()
    env = os.environ | {"BACKCHANNEL_DATA_DIR": str(folder), "BACKCHANNEL_WEB__PORT": str(port)}
    started = subprocess.Popen([sys.executable, "-m", "bot", "bot", "web"], env=env, stderr=subprocess.DEVNULL)
    try:
        while not answers(port):
            time.sleep(0.05)
        yield psutil.Process(started.pid), port
    finally:
        started.terminate()
        started.wait()


@contextmanager
def every(seconds: float, work: Callable[[int], None]) -> Generator[None]:
    """Work in a thread of its own until the block ends."""
    ended = threading.Event()

    def run() -> None:
        number = 0
        while not ended.wait(seconds):
            work(number)
            number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def cpu(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def closed(process: psutil.Process) -> float:
    """CPU seconds without a page."""
    before = cpu(process)
    time.sleep(SECONDS)
    return cpu(process) - before


async def opened(process: psutil.Process, port: int) -> tuple[float, int, int]:
    """CPU seconds with a page, and the bytes that it is sent: at first, and then."""
    async with connect(f"ws://127.0.0.1:{port}/ws", origin=f"http://127.0.0.1:{port}", max_size=None) as page:
        first = len(await page.recv())
        # What loading costs is another matter.
        await asyncio.sleep(3)
        before, ends, sent = cpu(process), time.monotonic() + SECONDS, 0
        while (left := ends - time.monotonic()) > 0:
            try:
                sent += len(await asyncio.wait_for(page.recv(), left))
            except TimeoutError:
                break
        return cpu(process) - before, first, sent


def report(name: str, used: float, first: int = 0, sent: int = 0) -> None:
    print(f"| {name} | {used:.2f} s | {used / SECONDS:.1%} | {first:,} | {sent:,} |", flush=True)


def prepared(folder: Path) -> tuple[Database, list[int]]:
    """The store, opened by somebody who has never looked at it; prints what writing and looking cost."""
    settings = Settings(data_dir=folder)
    database = open_database(settings)
    look(database)  # compiles the statements
    began = time.process_time()
    ids = fill(database)
    written = 1e6 * (time.process_time() - began) / (MESSAGES or 1)
    database.dispose()
    database = open_database(settings)
    first, *others = [look(database) for _ in range(LOOKS + 1)]
    print(f"a look: first {first:.1f} ms, then {sum(others) / LOOKS:.2f} ms; {written:.0f} µs to write a message")
    return database, ids


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database, ids = prepared(Path(folder))

        def beat(number: int) -> None:
            with database.write() as c:
                heartbeats.beat(c, str(number % 4), "labels", time.time())

        def work(number: int) -> None:
            start = MESSAGES + 5 * number
            add(database, ids, range(start, start + 5), time.time())

        print(f"| {MESSAGES:,} messages, {SECONDS:.0f} s | CPU | of a core | bytes at first | bytes then |")
        print("|---|---|---|---|---|")
        with bot(Path(folder)) as (process, port), every(2.5, beat):
            report("no page", closed(process))
            report("an idle page", *asyncio.run(opened(process, port)))
            with every(0.5, work):
                report("no page, busy", closed(process))
                report("a busy page", *asyncio.run(opened(process, port)))
            print(f"resident {process.memory_info().rss / 2**20:.0f} MiB")
        database.dispose()


if __name__ == "__main__":
    main()

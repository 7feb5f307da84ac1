"""How soon the classify worker is ready, how much memory it keeps, and whether it loaded torch.

    python -m tests.benchmarks.classify_worker [BACKBONE[/LABELLED] ...]

For each backbone, five starts of the worker beside an embedded Valkey, with an empty database or with ten times as many
messages as are LABELLED. Backbones are exported before. Ready is when the worker takes its first task; resident memory
is read two seconds later. A started worker serves its head of last time, so one start goes before the five.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from bot.supervisor.stack import worker
from modeling.inference import prepared
from tests import valkey
from tests.databases import migrated
from tests.workers.many_labelled import fill
from workers.store import tables, versions
from workers.store.database import Database

CASES = ("light", "multilingual", "multilingual/20000")
STARTS, LABELS, LONGEST = 5, 10, 300.0


def one_start(database: Database, settings: dict[str, str]) -> tuple[float, float, bool]:
    """Seconds until the worker takes tasks, MiB resident, and whether torch is mapped into its memory."""
    spec, began = worker("classify"), time.monotonic()
    process = subprocess.Popen(spec.argv, env=os.environ | spec.env | settings, stderr=subprocess.DEVNULL)
    try:
        while not beating(database, process.pid) and time.monotonic() < began + LONGEST:
            time.sleep(0.02)
        ready = time.monotonic() - began
        time.sleep(2)
        seen = psutil.Process(process.pid)
        torch = any("libtorch" in mapped.path for mapped in seen.memory_maps())
        return ready, seen.memory_info().rss / 2**20, torch
    finally:
        process.terminate()
        process.wait()


def beating(database: Database, pid: int) -> bool:
    with database.read() as c:
        names = c.execute(select(tables.heartbeats.c.process)).scalars()
        return any(name.endswith(f":{pid}") for name in names)


def measured(case: str, folder: Path) -> Iterator[tuple[float, float, bool]]:
    """One result a start, the first one left out."""
    backbone, _, labelled = case.partition("/")
    settings = {"BACKCHANNEL_DATA_DIR": str(folder), "BACKCHANNEL_BACKBONE": backbone}
    encoder = prepared.open_encoder(backbone).encoder
    pid = valkey.start(folder)
    try:
        with migrated(folder) as database:
            if labelled:
                with database.write() as c:
                    versions.ensure_base(c, backbone, encoder.fingerprint, 0.0)
                fill(database, encoder.fingerprint, 10 * int(labelled), int(labelled), LABELS, encoder.dimension)
            for number in range(STARTS + 1):
                result = one_start(database, settings)
                if number:
                    yield result
                elif labelled:
                    time.sleep(5)
    finally:
        psutil.Process(pid).terminate()


def main(cases: list[str]) -> None:
    table = Table("backbone/labelled", "ready (median, slowest)", "resident", "torch")
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            ready, memory, torch = zip(*measured(case, Path(folder)), strict=True)
        times = f"{statistics.median(ready):.1f} s, {max(ready):.1f} s"
        table.add_row(case, times, f"{statistics.median(memory):.0f} MiB", "loaded" if any(torch) else "no")
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:] or list(CASES))

"""The longest write transaction of every verb and button, in a store with 50,000 messages of which 5,000 are labelled.

    python -m tests.benchmarks.longest_write

While one is open on SQLite nobody else writes: no message is stored and no event is acknowledged.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.workers.busy_store import NOW, Write, fill, measure
from workers.handlers.dispatch import handle, in_steps
from workers.store import versions
from workers.store.database import Database
from workers.store.inbox import Claimed

MESSAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000


def work(database: Database, claimed: Sequence[Claimed]) -> None:
    for step in in_steps(claimed):
        handle(database, step, "en", NOW)


def line(name: str, writes: Sequence[Write]) -> str:
    """A row of the table."""
    seconds, cpu = max(write.seconds for write in writes), max(write.cpu_seconds for write in writes)
    statements = max(write.statements for write in writes)
    return f"| {name} | {1000 * seconds:.1f} | {1000 * cpu:.1f} | {statements} | {len(writes)} |"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/store.sqlite3")
        database.migrate()
        with database.write() as c:
            versions.ensure_base(c, "minilm", "", 0.0)
        fill(database, MESSAGES, Path(folder) / "bundle", labelled=1)
        print("| | longest write, ms | CPU, ms | statements | writes |\n|---|---|---|---|---|")
        for name, writes in measure(database, work).items():
            print(f"| {name} | {writes} |" if isinstance(writes, Exception) else line(name, writes))
        database.dispose()


if __name__ == "__main__":
    main()

"""`backchannel failed`: what was given up, with the reason, and another try for it or an end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workers.core.errors import BackchannelError
from workers.store import backlog
from workers.store.backlog import Failed
from workers.store.database import Database

MOST = 100


def run(database: Database, action: str, numbers: Sequence[str], everything: bool) -> list[str]:
    """The lines to print. Raises BackchannelError for an action or a number that makes no sense."""
    if action == "list":
        with database.read() as c:
            count, rows = backlog.failed_count(c), backlog.failed(c, MOST)
        return [*map(line, rows), summary(count, len(rows))]
    if action not in ("retry", "drop"):
        raise BackchannelError(f"`failed {action}` is not known; write `failed list`, `failed retry` or `failed drop`.")
    if bool(numbers) == everything:
        raise BackchannelError(f"Say which, as in `failed {action} in12 out7`, or `failed {action} --all`.")
    with database.write() as c:
        changed = backlog.retry(c, numbers, time.time()) if action == "retry" else backlog.drop(c, numbers)
    done = "will be tried again" if action == "retry" else "dropped"
    return [f"{changed} {done}."]


def line(row: Failed) -> str:
    """One line: its number, when it came, where, and why it was given up."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.at))
    return f"{row.number:<10} {at}  {row.where}  {row.why}"


def summary(count: int, shown: int) -> str:
    """How many there are."""
    if not count:
        return "Nothing was given up."
    return f"{count} were given up." if shown == count else f"{count} were given up; these are the newest {shown}."

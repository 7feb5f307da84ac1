"""Ends what a supervisor that was killed has left running.

The supervisor starts `python -m bot.supervisor.orphans DATA_DIR`, the guard, and keeps writing the process groups that
it looks after to the guard's standard input. When that pipe closes, the supervisor is gone, however it went, and the
guard ends those groups and every other process that carries the mark of this data folder. Needs no Linux-only call.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path

import psutil

MARK = "BACKCHANNEL_SUPERVISED"  # in the environment of everything that a supervisor starts: its data folder
DONE = "done\n"  # what a supervisor says when it has ended everything by itself
POLL = 0.02  # seconds between two looks


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a whole process group, if there is anybody left to receive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says "permission" of a group of zombies
        os.killpg(group, number)


def end_leftovers(data_dir: Path, grace: float, groups: Collection[int] = ()) -> int:
    """End what is in these process groups and what else a supervisor of this data folder started.

    SIGTERM first, SIGKILL for what is still there after `grace` seconds. Returns how many processes there were.
    """
    left = [process for process in psutil.process_iter() if _is_leftover(process, data_dir, groups)]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _wait(left, grace)
    for process in filter(alive, left):
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait(left, 2)
    return len(left)


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that has ended and that nobody has noticed yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _wait(processes: list[psutil.Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(POLL)


def _is_leftover(process: psutil.Process, data_dir: Path, groups: Collection[int]) -> bool:
    if process.pid in (os.getpid(), os.getppid()):
        return False
    try:
        if process.uids().real != os.getuid() or not alive(process):
            return False
        # By the mark, too: a process may have moved into a group of its own.
        return os.getpgid(process.pid) in groups or process.environ().get(MARK) == str(data_dir)
    # It ended while we looked.
    except (psutil.Error, OSError):
        return False


def main(data_dir: Path) -> None:
    """Read groups from standard input, one set a line. If it closes without a goodbye, end what the last line named."""
    # What ends the supervisor must not end its guard with it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: list[int] = []
    for line in sys.stdin:
        if line == DONE:
            return
        groups = [int(word) for word in line.split()]
    for _ in range(3):  # again, for what was being started just then
        if not end_leftovers(data_dir, 3, groups):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))

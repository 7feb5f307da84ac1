"""Keeps processes running: starts them in order, starts again what dies, and stops all of them together.

One thread does everything that touches a process. Every child leads a process group of its own, so that a
Ctrl-C in the terminal reaches only the supervisor, and so that what a child has started ends with it.
What children print goes to `logs/backchannel.log` in the data folder; people see warnings and restarts.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import FrameType

from bot.supervisor.child import Pace, ProcessSpec, Say, SupervisedProcess
from bot.supervisor.orphans import DONE, end_leftovers
from workers.core.errors import BackchannelError

TICK = 0.05  # seconds between two looks at the children


class Supervisor:
    """Looks after `children` in the name of one data folder. Use `run`, or it as a context manager."""

    def __init__(
        self, children: Sequence[ProcessSpec], data_dir: Path, say: Say = print, pace: Pace | None = None
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._say = say
        self._pace = pace or Pace()
        self._log = _log_file(self._data_dir)
        self._lives = [SupervisedProcess(child, self._data_dir, self._log, say, self._pace) for child in children]
        self._stopping, self._hurry = threading.Event(), threading.Event()
        self._up, self._over = threading.Event(), threading.Event()
        self._failure: BackchannelError | None = None
        self._thread = threading.Thread(target=self._live, name="supervisor")
        self._guard: subprocess.Popen[str] | None = None
        self._guarded: list[int] = []

    def pids(self) -> dict[str, int]:
        """The process ids of the children that are running now, by name."""
        return {life.child.name: life.process.pid for life in self._lives if life.process is not None}

    def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Start, call `on_ready`, and stay until SIGINT, SIGTERM or SIGHUP; a second signal stops without patience.

        Raises BackchannelError when another supervisor has this data folder or a child cannot run.
        """
        with _signals(self._on_signal), self:
            if on_ready and not self._stopping.is_set():
                on_ready()
            self._over.wait()
            if self._failure:
                raise self._failure

    def __enter__(self) -> Supervisor:
        """Start the children. Raises BackchannelError when that is not possible; then nothing is left running."""
        try:
            self._lock = _take_lock(self._data_dir)
        except BackchannelError:
            self._log.close()
            raise
        end_leftovers(self._data_dir, grace=3)
        self._thread.start()
        self._up.wait()
        if self._failure:
            self.__exit__()
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the children, within `grace` and two seconds."""
        self._stopping.set()
        self._thread.join()
        os.close(self._lock)
        self._log.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        (self._hurry if self._stopping.is_set() else self._stopping).set()

    def _live(self) -> None:
        try:
            for life in self._lives:
                life.start()
                self._await_ready(life)
            self._up.set()
            while not self._stopping.wait(TICK):
                self._look_after(self._lives)
        except BackchannelError as error:
            self._failure = error
        finally:
            self._stop_all()
            self._up.set()
            self._over.set()

    def _await_ready(self, life: SupervisedProcess) -> None:
        self._tell_guard()
        deadline = time.monotonic() + life.child.ready_seconds
        while life.child.ready and not life.child.ready():
            self._look_after([other for other in self._lives if other is not life])
            if life.ended() or time.monotonic() > deadline:
                raise BackchannelError(f"{life.child.name} did not start: {life.last_words()}")
            if self._stopping.wait(TICK):
                return

    def _look_after(self, lives: Sequence[SupervisedProcess]) -> None:
        for life in lives:
            life.look_after()
        self._tell_guard()

    def _tell_guard(self) -> None:
        """Let the guard know the groups of now, and see that there is a guard."""
        if self._guard is None or self._guard.poll() is not None:
            if self._guard and self._guard.stdin:
                self._guard.stdin.close()
            command = [sys.executable, "-m", "bot.supervisor.orphans", str(self._data_dir)]
            self._guard = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
            self._guarded = []
        groups = sorted(self.pids().values())
        if groups != self._guarded and self._guard.stdin:
            with contextlib.suppress(OSError):  # it has just died: the next look starts another
                print(*groups, file=self._guard.stdin, flush=True)
                self._guarded = groups

    def _stop_all(self) -> None:
        """Stop what was started last first: those whose `ready` the others waited for outlive the others."""
        deadline = time.monotonic() + self._pace.grace
        stages = _stages(self._lives)
        while stages:
            stage = stages.pop()
            for life in stage:
                life.ask_to_stop()
            limit = deadline - len(stages)  # a second for each stage that is still to come
            while any(not life.ended() for life in stage) and time.monotonic() < limit and not self._hurry.is_set():
                time.sleep(TICK / 2)
            for life in stage:
                life.kill()
        if self._guard is not None:
            self._guard.communicate(DONE)  # this also closes the pipe
        end_leftovers(self._data_dir, grace=0.5)  # those that have moved out of their group


def _stages(lives: Sequence[SupervisedProcess]) -> list[list[SupervisedProcess]]:
    """The children in groups that start and stop together: one with `ready` closes its group."""
    stages: list[list[SupervisedProcess]] = [[]]
    for life in lives:
        stages[-1].append(life)
        if life.child.ready:
            stages.append([])
    return [stage for stage in stages if stage]


def _log_file(data_dir: Path) -> logging.Handler:
    path = data_dir / "logs" / "backchannel.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=3, encoding="utf-8")
    except OSError as error:
        raise BackchannelError(
            f"The data folder {data_dir} cannot be written ({error.strerror}): "
            "make it writable, or set BACKCHANNEL_DATA_DIR to another folder."
        ) from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s | %(message)s"))
    return handler


def _take_lock(data_dir: Path) -> int:
    lock = os.open(data_dir / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(lock, 20).decode(errors="replace").strip()
        os.close(lock)
        raise BackchannelError(
            f"Backchannel is already running on {data_dir} (process {holder or 'unknown'}): "
            "stop it first, or set BACKCHANNEL_DATA_DIR to another folder."
        ) from None
    os.truncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


@contextlib.contextmanager
def _signals(handler: Callable[[int, FrameType | None], None]) -> Generator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)

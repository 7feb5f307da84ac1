"""Keeps processes running: starts them in order, starts again what dies, and stops all of them together.

One thread does everything that touches a process. Every process leads a process group of its own, so that a
Ctrl-C in the terminal reaches only the supervisor, and so that what a process has started ends with it.
What they print goes to `logs/backchannel.log` in the data folder; people see warnings and restarts.
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

from bot.supervisor.child import ProcessSpec, RestartPolicy, Say, SupervisedProcess
from bot.supervisor.orphans import DONE, end_leftovers
from workers.core.errors import BackchannelError

TICK = 0.05  # seconds between two looks at the processes


class Supervisor:
    """Runs the processes of one data folder. Use `run`, or it as a context manager."""

    def __init__(
        self, specs: Sequence[ProcessSpec], data_dir: Path, say: Say = print, policy: RestartPolicy | None = None
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._say = say
        self._policy = policy or RestartPolicy()
        self._log = _log_file(self._data_dir)
        self._processes = [SupervisedProcess(spec, self._data_dir, self._log, say, self._policy) for spec in specs]
        self._stopping, self._stop_now = threading.Event(), threading.Event()
        self._up, self._finished = threading.Event(), threading.Event()
        self._failure: BackchannelError | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor")
        self._guard: subprocess.Popen[str] | None = None
        self._guarded_groups: list[int] = []

    def pids(self) -> dict[str, int]:
        """The process ids of those that are running now, by name."""
        return {process.spec.name: process.popen.pid for process in self._processes if process.popen is not None}

    def run(self, on_ready: Callable[[], None] | None = None, *, stop_with_parent: bool = False) -> None:
        """Start, call `on_ready`, and stay until SIGINT, SIGTERM or SIGHUP; a second signal stops at once.

        To `stop_with_parent` is to stop when standard input ends, too: it is a pipe whose other end closes with the
        process that holds it, however that goes. Raises BackchannelError when another supervisor has this data folder
        or a process cannot run.
        """
        if stop_with_parent:
            threading.Thread(target=self._stop_with_parent, name="parent", daemon=True).start()
        with _signals(self._on_signal), self:
            if on_ready and not self._stopping.is_set():
                on_ready()
            self._finished.wait()
            if self._failure:
                raise self._failure

    def __enter__(self) -> Supervisor:
        """Start the processes. Raises BackchannelError when that is not possible; then nothing is left running."""
        try:
            self._lock = _take_lock(self._data_dir)
        except BackchannelError:
            self._log.close()
            raise
        # Not before the lock is ours: until then they may belong to a supervisor that runs.
        end_leftovers(self._data_dir, grace=3)
        self._thread.start()
        self._up.wait()
        if self._failure:
            self.__exit__()
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the processes, within `grace` and two seconds."""
        self._stopping.set()
        self._thread.join()
        # Only when nothing of ours runs any more may another supervisor have the folder.
        os.close(self._lock)
        self._log.close()

    def _stop_with_parent(self) -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        self._stopping.set()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # Only a flag is set: a signal comes between any two steps of the main thread.
        (self._stop_now if self._stopping.is_set() else self._stopping).set()

    def _run(self) -> None:
        try:
            for process in self._processes:
                process.start()
                self._await_ready(process)
            self._up.set()
            while not self._stopping.wait(TICK):
                self._check(self._processes)
        except BackchannelError as error:
            self._failure = error
        finally:
            self._stop_all()
            self._up.set()
            self._finished.set()

    def _await_ready(self, process: SupervisedProcess) -> None:
        self._update_guard()
        deadline = time.monotonic() + process.spec.ready_seconds
        while process.spec.ready and not process.spec.ready():
            # Not this one: if it dies before it is ready, that is an error and no reason to restart it.
            self._check([other for other in self._processes if other is not process])
            if process.ended() or time.monotonic() > deadline:
                raise BackchannelError(f"{process.spec.name} did not start: {process.last_line()}")
            if self._stopping.wait(TICK):
                return

    def _check(self, processes: Sequence[SupervisedProcess]) -> None:
        for process in processes:
            process.check()
        self._update_guard()

    def _update_guard(self) -> None:
        """Tell the guard which process groups there are now, and start a guard if there is none."""
        if self._guard is None or self._guard.poll() is not None:
            if self._guard and self._guard.stdin:
                self._guard.stdin.close()
            command = [sys.executable, "-m", "bot.supervisor.orphans", str(self._data_dir)]
            self._guard = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
            self._guarded_groups = []
        groups = sorted(self.pids().values())
        if groups != self._guarded_groups and self._guard.stdin:
            with contextlib.suppress(OSError):  # it has just died: the next look starts another
                print(*groups, file=self._guard.stdin, flush=True)
                self._guarded_groups = groups

    def _stop_all(self) -> None:
        """Stop what was started last first: those whose `ready` the others waited for outlive the others."""
        deadline = time.monotonic() + self._policy.grace
        stages = _stages(self._processes)
        while stages:
            stage = stages.pop()
            for process in stage:
                process.terminate()
            limit = deadline - len(stages)  # a second for each stage that is still to come
            while (
                any(not process.ended() for process in stage)
                and time.monotonic() < limit
                and not self._stop_now.is_set()
            ):
                time.sleep(TICK / 2)
            for process in stage:
                process.kill()
        if self._guard is not None:
            self._guard.communicate(DONE)  # this also closes the pipe
        end_leftovers(self._data_dir, grace=0.5)  # those that have moved out of their group


def _stages(processes: Sequence[SupervisedProcess]) -> list[list[SupervisedProcess]]:
    """The processes in groups that start and stop together: one with `ready` closes its group."""
    stages: list[list[SupervisedProcess]] = [[]]
    for process in processes:
        stages[-1].append(process)
        if process.spec.ready:
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
        # The kernel takes the lock back however we end; a file with a process id would stay.
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

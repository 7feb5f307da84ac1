"""One supervised process over all its restarts: how it is started, watched, started again and stopped."""

from __future__ import annotations

import logging
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.supervisor.orphans import MARK, signal_group
from workers.core.environment import without_settings
from workers.core.errors import WRONG_SETTINGS, BackchannelError

WARNING = re.compile(r"(?<!# )\b(WARNING|ERROR|CRITICAL)\b")  # Valkey writes "# WARNING" above advice on kernels
WARNING_INTERVAL = 2.0  # seconds between two warnings of a process on the terminal; the log file has all of them

Say = Callable[[str], None]


@dataclass(frozen=True)
class ProcessSpec:
    """How to run one process.

    `env` is added to the supervisor's own environment, less the variables that begin with one of `hidden`. If `ready`
    is given, the processes after it are started once it says True; it is asked for at most `ready_seconds`. One that is
    `needed` takes the others with it where it cannot run at all.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    hidden: tuple[str, ...] = ()
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 30.0
    needed: bool = True


@dataclass(frozen=True)
class RestartPolicy:
    """Seconds: the first wait before a restart, the longest, the health that makes up for all, the grace at the end."""

    first: float = 0.5
    longest: float = 30.0
    healthy: float = 60.0
    grace: float = 8.0


class SupervisedProcess:
    """One process over all its restarts."""

    def __init__(
        self, spec: ProcessSpec, data_dir: Path, log: logging.Handler, say: Say, policy: RestartPolicy
    ) -> None:
        self.spec = spec
        self.popen: subprocess.Popen[str] | None = None
        # Unbuffered: a pipe is filled in blocks, and the last lines of one that dies would be lost.
        self._env = {**without_settings(*spec.hidden), "PYTHONUNBUFFERED": "1", **spec.env, MARK: str(data_dir)}
        self._log, self._say, self._policy = log, say, policy
        self._delay, self._started_at, self._due, self._warned_at = policy.first, 0.0, 0.0, 0.0
        self._last_line = ""
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start the process. Raises BackchannelError when there is no such program."""
        try:
            self.popen = subprocess.Popen(
                self.spec.argv,
                env=self._env,
                # Ctrl-C in a terminal goes to a whole group, and stopping in order is the supervisor's.
                start_new_session=True,
                text=True,
                # A byte that is no UTF-8 must not end the thread that reads.
                errors="replace",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise BackchannelError(f"{self.spec.name} cannot be started: {error.strerror}.") from None
        self._started_at, self._last_line = time.monotonic(), ""
        self._reader = threading.Thread(target=self._read, args=(self.popen,), daemon=True)
        self._reader.start()

    def ended(self) -> bool:
        """Whether it is not running now."""
        return self.popen is None or self.popen.poll() is not None

    def check(self) -> None:
        """If it has died, plan a restart; if one is due, do it. Raises BackchannelError if a restart is hopeless."""
        now = time.monotonic()
        if self.popen is None:
            if self._due and now >= self._due:
                self.start()
            return
        code = self.popen.poll()
        if code is not None:
            self._plan_restart(code, now)

    def _plan_restart(self, code: int, now: float) -> None:
        healthy = now - self._started_at >= self._policy.healthy
        # It is dead, and what it has started may not be.
        self.kill()
        # It would end in the same way again.
        if code == WRONG_SETTINGS:
            why = self.last_line().removeprefix("backchannel: ")
            if self.spec.needed:
                raise BackchannelError(why)
            self._report(f"{self.spec.name} cannot run, and the others go on without it: {why}")
            self._due = 0.0
            return
        self._delay = self._policy.first if healthy else self._delay
        self._due = now + self._delay
        ending = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self._report(f"{self.spec.name} {ending} ({self.last_line()}); starting it again in {self._delay:g} s")
        self._delay = min(self._delay * 2, self._policy.longest)

    def terminate(self) -> None:
        """SIGTERM to the process and to all that it has started."""
        if self.popen is not None and self.popen.poll() is None:
            signal_group(self.popen.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to what is left of its group, and forget the process."""
        if self.popen is None:
            return
        signal_group(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        # Not for ever: what has left the group may still hold the pipe.
        if self._reader:
            self._reader.join(timeout=1)
        self.popen = None

    def last_line(self) -> str:
        """The last line that it printed; of one that has ended, the last of all."""
        # The pipe may hold more than was read when the process ended.
        if self._reader and self.ended():
            self._reader.join(timeout=1)
        return self._last_line or "it said nothing"

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            text = line.rstrip()
            self._last_line = text or self._last_line
            self._write(text)
            if WARNING.search(text) and time.monotonic() - self._warned_at > WARNING_INTERVAL:
                self._warned_at = time.monotonic()
                self._say(f"{self.spec.name}: {text}")
        if process.stdout:
            process.stdout.close()

    def _report(self, text: str) -> None:
        self._write(text)
        self._say(text)

    def _write(self, text: str) -> None:
        self._log.handle(logging.LogRecord(self.spec.name, logging.INFO, "", 0, text, None, None))

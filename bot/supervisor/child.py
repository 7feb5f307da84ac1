"""One supervised process over all its restarts: how it is started, watched, started again and stopped."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.supervisor.orphans import MARK, signal_group
from workers.core.errors import BackchannelError

HOPELESS = 78  # the exit code (EX_CONFIG) of a child that would fail again in the same way: it is not restarted
WARNING = re.compile(r"(?<!# )\b(WARNING|ERROR|CRITICAL)\b")  # Valkey writes "# WARNING" above advice on kernels
QUIET = 2.0  # seconds between two of a child's warnings on the terminal; the log file has all of them

Say = Callable[[str], None]


@dataclass(frozen=True)
class ProcessSpec:
    """One process. If `ready` is given, the children after it are started once it says True.

    `env` is added to the supervisor's own environment; `ready` is asked for at most `ready_seconds`. One that is
    `needed` takes the others with it where it cannot run at all.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 30.0
    needed: bool = True


@dataclass(frozen=True)
class Pace:
    """Seconds: the first wait before a restart, the longest, the health that makes up for all, the grace at the end."""

    first: float = 0.5
    longest: float = 30.0
    healthy: float = 60.0
    grace: float = 8.0


class SupervisedProcess:
    """One child over all its restarts."""

    def __init__(self, child: ProcessSpec, data_dir: Path, log: logging.Handler, say: Say, pace: Pace) -> None:
        self.child = child
        self.process: subprocess.Popen[str] | None = None
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **child.env, MARK: str(data_dir)}
        self._log, self._say, self._pace = log, say, pace
        self._delay, self._since, self._due, self._shown = pace.first, 0.0, 0.0, 0.0
        self._last_line = ""
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start the process. Raises BackchannelError when there is no such program."""
        try:
            self.process = subprocess.Popen(
                self.child.argv,
                env=self._env,
                start_new_session=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise BackchannelError(f"{self.child.name} cannot be started: {error.strerror}.") from None
        self._since, self._last_line = time.monotonic(), ""
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def ended(self) -> bool:
        """Whether it is not running now."""
        return self.process is None or self.process.poll() is not None

    def look_after(self) -> None:
        """If it has died, plan a restart; if one is due, do it. Raises BackchannelError if a restart is hopeless."""
        now = time.monotonic()
        if self.process is None:
            if self._due and now >= self._due:
                self.start()
            return
        code = self.process.poll()
        if code is not None:
            self._plan_restart(code, now)

    def _plan_restart(self, code: int, now: float) -> None:
        healthy = now - self._since >= self._pace.healthy
        self.kill()
        if code == HOPELESS:
            why = self.last_words().removeprefix("backchannel: ")
            if self.child.needed:
                raise BackchannelError(why)
            self._tell(f"{self.child.name} cannot run, and the others go on without it: {why}")
            self._due = 0.0
            return
        self._delay = self._pace.first if healthy else self._delay
        self._due = now + self._delay
        ending = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self._tell(f"{self.child.name} {ending} ({self.last_words()}); starting it again in {self._delay:g} s")
        self._delay = min(self._delay * 2, self._pace.longest)

    def ask_to_stop(self) -> None:
        """SIGTERM to the process and to all that it has started."""
        if self.process is not None and self.process.poll() is None:
            signal_group(self.process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to what is left of its group, and forget the process."""
        if self.process is None:
            return
        signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._reader:
            self._reader.join(timeout=1)
        self.process = None

    def last_words(self) -> str:
        """The last line that it printed; of one that has ended, the last of all."""
        if self._reader and self.ended():
            self._reader.join(timeout=1)
        return self._last_line or "it said nothing"

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            text = line.rstrip()
            self._last_line = text or self._last_line
            self._write(text)
            if WARNING.search(text) and time.monotonic() - self._shown > QUIET:
                self._shown = time.monotonic()
                self._say(f"{self.child.name}: {text}")
        if process.stdout:
            process.stdout.close()

    def _tell(self, text: str) -> None:
        self._write(text)
        self._say(text)

    def _write(self, text: str) -> None:
        self._log.handle(logging.LogRecord(self.child.name, logging.INFO, "", 0, text, None, None))

"""A program of `modeling` as a subprocess: the lines that it prints, its last words, its end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from pydantic import ValidationError

from modeling.events import Failed, Line, read_line
from workers.core.environment import without_settings
from workers.core.i18n import Bilingual, both
from workers.jobs.errors import Interrupted, JobFailed, in_both

log = logging.getLogger(__name__)

NICENESS = 10
"""By how much a program steps back behind others where nobody waits for it; 19 would be the most."""
GRACE = 5.0
"""Seconds to end in, once asked to."""
ASKED_TO_STOP = (-signal.SIGTERM, 128 + signal.SIGTERM)
"""Statuses of a program that ended because it was asked to, as all processes are when the machine is stopped."""


def start(argv: Sequence[str]) -> subprocess.Popen[str]:
    """Start `python -m modeling` with these arguments; it ends when we do, and says how far it is in JSON lines.

    It reads files that people sent, and gets no token, password or address.
    """
    pipe = subprocess.PIPE
    line = [sys.executable, "-m", "modeling", *argv, "--progress", "json", "--stop-with-parent"]
    # Its input never says anything: when it ends, we are gone, and the program stops.
    return subprocess.Popen(
        line, env=without_settings("BACKCHANNEL_"), stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace"
    )


def step_back(pid: int) -> None:
    """Let a program that has just started give way to others, with all that it starts itself from now on."""
    # From here: code between fork and exec may hang where there are threads, as in a worker.
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)


class Program:
    """A running program. Both of its outputs are read all the time, so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: SimpleQueue[Line | ValidationError | None] = SimpleQueue()
        self._words: deque[str] = deque(maxlen=20)
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_lines, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def line(self, seconds: float) -> Line | None:
        """The next line, None if none comes in time. Raises JobFailed or Interrupted when there are no more.

        Raises ValidationError for a line that does not have the form of its event.
        """
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            return None
        if line is None and self._process.wait() in ASKED_TO_STOP:
            raise Interrupted("The training program was asked to stop.")
        if line is None:
            raise JobFailed(self._last_words())
        if isinstance(line, ValidationError):
            raise line
        if isinstance(line, Failed):
            raise JobFailed(in_both(line.sentence))
        return line

    def stop(self) -> None:
        """End the program: politely, then not."""
        process = self._process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for reader in self._readers:
            reader.join(1.0)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def _read_lines(self) -> None:
        for text in self._process.stdout or ():
            try:
                line = read_line(text)
            except ValidationError as error:
                line = error
            if line is None:
                log.info("training: %s", text.rstrip())
            else:
                self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        for line in self._process.stderr or ():
            if line.strip():
                self._words.append(line.strip())

    def _last_words(self) -> Bilingual:
        status = self._process.wait()
        # What it said last may still be on its way.
        self._readers[1].join(1.0)
        if not self._words:
            return both("job_program_ended_silently", status=status)
        return both("job_program_ended", status=status, words=self._words[-1])

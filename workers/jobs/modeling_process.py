"""A program of `modeling` as a subprocess: its JSON lines, its last words, its end."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any

from pydantic import TypeAdapter

from modeling.sentences.catalogue import Sentence, StoredSentence
from workers.core.i18n import Bilingual, both
from workers.jobs.errors import Interrupted, JobFailed, in_both

log = logging.getLogger(__name__)

STORED: TypeAdapter[Sentence] = TypeAdapter(StoredSentence)
GRACE = 5.0
ASKED_TO_STOP = (-signal.SIGTERM, 128 + signal.SIGTERM)
"""Statuses of a program that ended because it was asked to, as all processes are when the machine is stopped."""


def start(argv: Sequence[str]) -> subprocess.Popen[str]:
    """Start `python -m modeling` with these arguments; it ends when we do, and says how far it is in JSON lines."""
    pipe = subprocess.PIPE
    line = [sys.executable, "-m", "modeling", *argv, "--progress", "json", "--stop-with-parent"]
    return subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace")


class Program:
    """A running program. Both of its outputs are read all the time, so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._words: deque[str] = deque(maxlen=20)
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_lines, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def line(self, seconds: float) -> dict[str, Any]:
        """The next JSON line, or {} if none comes in time. Raises JobFailed or Interrupted when there are no more."""
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            return {}
        if line is None and self._process.wait() in ASKED_TO_STOP:
            raise Interrupted("The training program was asked to stop.")
        if line is None:
            raise JobFailed(self._last_words())
        if line.get("event") == "error":
            said = {"code": line.get("code", ""), "params": line.get("params", {}), "text": line["message"]}
            raise JobFailed(in_both(STORED.validate_python(said)))
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
        for line in self._process.stdout or ():
            try:
                self._lines.put(json.loads(line))
            except json.JSONDecodeError:
                log.info("training: %s", line.rstrip())
        self._lines.put(None)

    def _read_errors(self) -> None:
        for line in self._process.stderr or ():
            if line.strip():
                self._words.append(line.strip())

    def _last_words(self) -> Bilingual:
        status = self._process.wait()
        self._readers[1].join(1.0)
        if not self._words:
            return both("job_program_ended_silently", status=status)
        return both("job_program_ended", status=status, words=self._words[-1])

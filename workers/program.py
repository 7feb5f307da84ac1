"""The training program as a subprocess: its data set, its JSON lines, its last words, its end."""

from __future__ import annotations

import csv
import json
import logging
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from modeling.data import Examples
from modeling.split import split
from modeling.text import clean
from workers.contracts import BackchannelError, JobRequest
from workers.store.versions import Version

log = logging.getLogger(__name__)

GRACE = 5.0
ASKED_TO_STOP = (-signal.SIGTERM, 128 + signal.SIGTERM)
"""Statuses of a program that ended because it was asked to, as all processes are when the machine is stopped."""


class JobFailed(BackchannelError):
    """The training program could not do it; the sentence says why."""


class Interrupted(BackchannelError):
    """Somebody stops the program, and probably us: whoever takes the job up again goes on from its last checkpoint."""


def write_data(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write `train.csv` and `heldout.csv` once: a resumed job goes on with the data that it began with.

    The text's hash decides what is held out, so it stays held out in every job to come; what nearly repeats a training
    message is not asked about. Raises JobFailed.
    """
    if (folder / "heldout.csv").exists():
        return
    cleaned = [(text, label) for raw, label in rows if (text := clean(raw))]
    parts = split(Examples(tuple(text for text, _ in cleaned), tuple(label for _, label in cleaned)))
    if not len(parts.held_out) or len(set(parts.train.labels)) < 2:
        raise JobFailed("There are too few labelled messages to train on some and test on others: label a few more.")
    for note in parts.train.notes:
        log.info("%s", note)
    write_csv(folder / "train.csv", list(parts.train.rows()))
    write_csv(folder / "heldout.csv", list(parts.held_out.rows()))


def write_csv(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write a text,label file under its name only once it is whole."""
    draft = path.with_suffix(".part")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(rows)
    draft.replace(path)


def start(folder: Path, request: JobRequest, compared: Version) -> subprocess.Popen[str]:
    """Start the training program on the job's folder, compared with the version that was active at its beginning.

    It begins with the base backbone, never with a tuned one: all labels are learnt anew.
    """
    argv = [sys.executable, "-m", "modeling", "train", str(folder / "train.csv"), "--test", str(folder / "heldout.csv")]
    argv += ["--out", str(folder / "out"), "--method", request.method, "--seed", str(request.seed)]
    argv += ["--against", compared.folder or compared.backbone, "--backbone", compared.backbone]
    argv += ["--progress", "json", "--stop-with-parent"]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace")


class Program:
    """A running training program. Both of its outputs are read all the time, so that it never waits for us."""

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
            raise JobFailed(str(line.get("message")))
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

    def _last_words(self) -> str:
        status = self._process.wait()
        self._readers[1].join(1.0)
        said = self._words[-1] if self._words else "it said nothing"
        return f"The training program ended with status {status}: {said}."


def tidy(folder: Path) -> None:
    """Keep a finished bundle, and nothing else: people's messages have no place beside it."""
    for path in (folder / "train.csv", folder / "heldout.csv"):
        with suppress(OSError):
            path.unlink()
    if not any(folder.glob("out/**/meta.json")):
        shutil.rmtree(folder, ignore_errors=True)

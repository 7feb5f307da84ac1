"""The rows that a replay plays, read as `python -m modeling` reads them: a file has one meaning."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workers.core.errors import BackchannelError

Rows = list[tuple[str, str]]
"""(text, label)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a file, and what is to be said of it: notes of modeling's, each with its code and its text."""

    path: Path
    rows: Rows
    notes: list[dict[str, Any]]

    @property
    def left_out(self) -> int:
        """How many rows were left out, having no text or no label."""
        return sum(note["params"]["count"] for note in self.notes if note["code"] == "rows_without_text_or_label")


def read_rows(path: Path, like: Path | None = None) -> Rows:
    """The rows alone, as `read` reads them."""
    return read(path, like).rows


def read(path: Path, like: Path | None = None) -> Reading:
    """Read a file in any format that modeling reads, with texts as people wrote them.

    Rows without text or label are left out, and standard error says so. Labels that look as one of the file `like` are
    spelled as there. Raises BackchannelError with what is wrong, and in which line.
    """
    with TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        # A program of its own: what modeling loads is never loaded in a process of the bot.
        command = [sys.executable, "-m", "modeling", "data", "convert", "--as-written", "--progress", "json"]
        command += [f"--like={like}"] if like else []
        done = subprocess.run(
            [*command, "--", str(path), str(rows)], capture_output=True, encoding="utf-8", check=False
        )
        outcome = _outcome(path, done)
        for note in outcome["notes"]:
            print(f"{path}: {note['text']}", file=sys.stderr)
        with rows.open(encoding="utf-8") as lines:
            return Reading(path, [(row["text"], row["label"]) for row in map(json.loads, lines)], outcome["notes"])


def _outcome(path: Path, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What was said at the end of the reading. Raises BackchannelError."""
    last = json.loads((done.stdout.strip().splitlines() or ["{}"])[-1])
    if last.get("event") == "error":
        raise BackchannelError(last["message"])
    if done.returncode or last.get("event") != "converted":
        why = (done.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise BackchannelError(f"{path} can't be read: {why}")
    return last

"""The rows of a text,label file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from workers.core.errors import BackchannelError

Rows = list[tuple[str, str]]


def read(path: Path) -> Rows:
    """The (text, label) rows of a CSV file, spaces in labels made single. Raises BackchannelError when it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            if not {"text", "label"} <= set(lines.fieldnames or ()):
                raise BackchannelError(f"{path} has no columns text and label: name them in its first line.")
            rows = [_row(path, lines.line_num, line) for line in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BackchannelError(
            f"{path} can't be read as a CSV file with the columns text and label ({error})."
        ) from error
    if not rows:
        raise BackchannelError(f"{path} has no rows: give a CSV file with the columns text and label.")
    return rows


def _row(path: Path, number: int, line: Mapping[str, str | None]) -> tuple[str, str]:
    text, label = line["text"], " ".join((line["label"] or "").split())
    if text is None or not label:
        missing = "text" if text is None else "label"
        raise BackchannelError(f"The row in line {number} of {path} has no {missing}: add it, or remove the row.")
    return text, label

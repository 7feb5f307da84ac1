"""What people read about a job: how far it is, and how the version that it brought did."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from workers.core.i18n import kind_name, percent, say, stage_name
from workers.core.jobs import JobRequest
from workers.store.versions import Version

Line = Mapping[str, Any]
"""The last line that a program printed, or the part of it about one model."""
SHARES, COLUMNS = ("accuracy", "macro_f1"), ("accuracy", "macro_f1", "messages_per_second", "megabytes")


def percent_done(language: str, job: int, kind: str, stage: str, fraction: float) -> str:
    """The line above a job's progress bar."""
    known = {"kind": kind_name(language, kind), "stage": stage_name(language, stage)}
    return say(language, "job_progress", job=job, **known, percent=round(100 * fraction))


def is_same(before: Version, backbone: str, done: Line) -> bool:
    """Whether the candidate would change nothing: an untuned backbone in place of the same one."""
    return done["method"] == "frozen" and before.method in ("base", "frozen") and backbone == before.backbone


def outcome_text(language: str, version: Version, promoted: bool, same: bool, request: JobRequest, done: Line) -> str:
    """Scores before and after, what came of it, and why."""
    key = "job_same" if same else "job_promoted" if promoted else "job_kept"
    why = why_frozen(language, request.method) if same else why_gate(language, promoted, version, done)
    return say(language, key, version=version.id, method=version.method, scores=scores(language, done), reason=why)


def why_frozen(language: str, method: str) -> str:
    """Why nothing was fine-tuned."""
    key = {"auto": "reason_not_better", "frozen": "reason_frozen"}.get(method, "reason_too_few")
    return say(language, key, method=method)


def why_gate(language: str, promoted: bool, version: Version, done: Line) -> str:
    """The gate's reason; its figures alone where they are all there is to say."""
    gate = done.get("gate")
    if not gate or not promoted:
        return version.note.text(language)
    figures = {name: f"{100 * float(gate[name]):+.1f}" for name in ("difference", "low", "high")}
    return say(language, "reason_gate", **figures, messages=gate["messages"])


def scores(language: str, done: Line) -> str:
    """Accuracy and macro-F1, beside those of the version before where it was measured."""
    after = {name: percent(float(done[name])) for name in ("accuracy", "macro_f1")}
    against = done.get("against")
    if not against:
        return say(language, "scores", **after)
    before = {f"{name}_before": percent(float(against[name])) for name in ("accuracy", "macro_f1")}
    return say(language, "scores_against", **after, **before)


def table(language: str, rows: Mapping[str, Line]) -> list[str]:
    """Models beside each other, a line of code each, since every platform shows that in letters of one width."""
    head = ["", *(say(language, f"table_{column}") for column in COLUMNS)]
    lines = [head, *([say(language, f"table_{name}"), *map(cell, COLUMNS, each_of(row))] for name, row in rows.items())]
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    return [f"`{line[0]}{' ' * (widths[0] - cells(line[0]))}{right(line[1:], widths[1:])}`" for line in lines]


def each_of(row: Line) -> list[object]:
    """The figures of one model, in the order of the columns."""
    return [row.get(column) for column in COLUMNS]


def cell(column: str, value: object) -> str:
    """One figure; a dash where it was not measured."""
    if not isinstance(value, int | float):
        return "–"
    return percent(value) if column in SHARES else figure(value)


def figure(value: float) -> str:
    """A number of any size with as many digits as say something: 21,034 or 8.1."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def right(parts: list[str], widths: list[int]) -> str:
    """Columns set flush right, two blanks apart."""
    return "".join(f"  {' ' * (width - cells(part))}{part}" for part, width in zip(parts, widths, strict=True))


def cells(text: str) -> int:
    """How many letters wide a text is where a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

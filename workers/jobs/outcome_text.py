"""What people read about a job: how far it is, and how the version that it brought did."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len

from modeling.events import Distilled, Gate, TeacherFigures, Trained
from workers.core.i18n import kind_name, percent, say, stage_name
from workers.store.jobs import JobRequest
from workers.store.versions import Version

SHARES, COLUMNS = ("accuracy", "macro_f1"), ("accuracy", "macro_f1", "messages_per_second", "megabytes")


def percent_done(language: str, job: int, kind: str, stage: str, fraction: float) -> str:
    """The line above a job's progress bar."""
    names = {"kind": kind_name(language, kind), "stage": stage_name(language, stage)}
    return say(language, "job_progress", job=job, **names, percent=round(100 * fraction))


def after_reason(language: str, request: JobRequest, text: str) -> str:
    """What is said of a job, and before it, where nobody asked for the job, why it began."""
    if request.grown_from is None:
        return text
    code = "retrain_grown" if request.grown_from else "retrain_first"
    return f"{say(language, code, count=request.labelled, before=request.grown_from)}\n{text}"


def outcome_text(
    language: str, version: Version, promoted: bool, same: bool, request: JobRequest, done: Trained | Distilled
) -> str:
    """Scores before and after, what came of it, and why; `same`: the candidate would change nothing."""
    code = "job_same" if same else "job_promoted" if promoted else "job_kept"
    if same:
        reason = why_frozen(language, request.method)
    elif promoted and done.gate:
        reason = gate_figures(language, done.gate)
    else:
        reason = version.note.text(language)
    return say(language, code, version=version.id, method=version.method, scores=scores(language, done), reason=reason)


def why_frozen(language: str, method: str) -> str:
    """Why nothing was fine-tuned."""
    code = {"auto": "reason_not_better", "frozen": "reason_frozen"}.get(method, "reason_too_few")
    return say(language, code, method=method)


def gate_figures(language: str, gate: Gate) -> str:
    """The gate's figures, which are all there is to say about a version that took over."""
    shares = {"difference": gate.difference, "low": gate.low, "high": gate.high}
    points = {name: f"{100 * share:+.1f}" for name, share in shares.items()}
    return say(language, "reason_gate", **points, messages=gate.messages)


def scores(language: str, done: Trained | Distilled) -> str:
    """Accuracy and macro-F1, beside those of the version before where it was measured."""
    after = {"accuracy": share_or_dash(done.accuracy), "macro_f1": share_or_dash(done.macro_f1)}
    if not done.against:
        return say(language, "scores", **after)
    before = {"accuracy_before": percent(done.against.accuracy), "macro_f1_before": percent(done.against.macro_f1)}
    return say(language, "scores_against", **after, **before)


def share_or_dash(share: float | None) -> str:
    """A share, or a dash where it was not measured."""
    return "–" if share is None else percent(share)


def table(language: str, rows: Mapping[str, TeacherFigures | Distilled]) -> list[str]:
    """Models beside each other, a line of code each, since every platform shows that in letters of one width."""
    head = ["", *(say(language, f"table_{column}") for column in COLUMNS)]
    lines = [head, *([say(language, f"table_{name}"), *cells(row)] for name, row in rows.items())]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    return [f"`{line[0]}{' ' * (widths[0] - cell_len(line[0]))}{flush_right(line[1:], widths[1:])}`" for line in lines]


def cells(row: TeacherFigures | Distilled) -> list[str]:
    """The figures of one model in the order of the columns; a dash where one was not measured."""
    figures = row.model_dump(include=set(COLUMNS))
    return [
        "–" if figures[name] is None else percent(figures[name]) if name in SHARES else figure(figures[name])
        for name in COLUMNS
    ]


def figure(value: float) -> str:
    """A number of any size with as many digits as say something: 21,034 or 8.1."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def flush_right(parts: list[str], widths: list[int]) -> str:
    """Columns set flush right, two blanks apart."""
    return "".join(f"  {' ' * (width - cell_len(part))}{part}" for part, width in zip(parts, widths, strict=True))

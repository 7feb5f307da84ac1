"""An evaluation as JSON for programs and as tables for a terminal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from modeling.errors import ModelingError
from modeling.evaluation import bootstrap
from modeling.evaluation.bootstrap import Interval, LabelFigures
from modeling.evaluation.curves import WANTED, Spoken, widest
from modeling.evaluation.evaluate import Evaluation
from modeling.evaluation.significance import Comparison
from modeling.events import Evaluated
from modeling.reporting.evaluation_plot import numbered, png

SHOWN_LABELS = 20
SHOWN_MIX_UPS = 8


def event(found: Evaluation) -> Evaluated:
    """Return the "evaluated" event; figures with intervals are [value, low, high] under "intervals"."""
    figures = found.figures
    main = {"accuracy": figures.accuracy, "macro_f1": figures.macro_f1, "ece": found.ece}
    all_ = {**main, "macro_precision": figures.macro_precision, "macro_recall": figures.macro_recall}
    line = {
        "bundle": str(found.bundle),
        **{name: round(each.value, 4) for name, each in main.items()},
        "messages": found.messages,
        "intervals": {"method": bootstrap.METHOD, **{name: each.summary() for name, each in all_.items()}},
        "per_label": {found.labels[place]: _label_json(each) for place, each in figures.per_label.items()},
        "confusion": [
            {"true": found.labels[true], "said": found.labels[said], "messages": int(found.matrix[true, said])}
            for true, said in np.argwhere(found.matrix).tolist()
        ],
        "reliability": [_rounded(each) for each in found.reliability],
        "coverage": [_rounded(each) for each in found.coverage],
        "at_thresholds": _rounded(found.at_thresholds),
        "out_of_scope": found.out_of_scope
        and {
            "messages": found.out_of_scope.messages,
            "auroc": found.out_of_scope.auroc.summary(),
            "auprc": found.out_of_scope.auprc.summary(),
        },
        "speed": _rounded(found.speed),
        "bytes": found.size,
        "against": found.comparison and {"bundle": str(found.against), **_comparison_json(found.comparison)},
        "numbered": {str(number): name for number, name in numbered(found).items()},
        "notes": found.notes,
    }
    return Evaluated.model_validate(line)


def as_tables(found: Evaluation) -> Group:
    """Return what a person wants to see first: the figures, the weakest labels, the most frequent mix-ups."""
    parts = [_main_table(found), _label_table(found)]
    mixed = _mix_ups(found)
    if mixed.row_count:
        parts.append(mixed)
    notes = [Text(note.text) for note in found.notes]
    how = Text(f"In brackets: {bootstrap.METHOD}.", style="dim")
    return Group(*parts, *notes, how)


def write(found: Evaluation, json_file: Path | None, picture: Path | None, language: str) -> None:
    """Write what was asked for to files. Raises ModelingError when a file cannot be written."""
    try:
        if json_file:
            json_file.write_text(event(found).model_dump_json(indent=1) + "\n", "utf-8")
        if picture:
            picture.write_bytes(png(found, language))
    except OSError as error:
        raise ModelingError("file_not_written", path=error.filename, reason=error.strerror or str(error)) from None


def legend(found: Evaluation) -> str:
    """Say which number in the picture is which label."""
    return "In the picture: " + ", ".join(f"{number} {name}" for number, name in numbered(found).items()) + "."


def _main_table(found: Evaluation) -> Table:
    figures, speed = found.figures, found.speed
    table = Table(title=f"{found.bundle} on {found.messages} messages", show_header=False)
    for name, each in (
        ("accuracy", figures.accuracy),
        ("macro-F1", figures.macro_f1),
        ("macro precision", figures.macro_precision),
        ("macro recall", figures.macro_recall),
        ("calibration error (ECE)", found.ece),
    ):
        table.add_row(name, _share(each))
    table.add_row("spoken at its thresholds", _spoken(found.at_thresholds))
    for wanted in WANTED:
        point = widest(found.coverage, wanted)
        table.add_row(f"coverage at precision {wanted:.0%}", f"{point.coverage:.1%}" if point else "not reached")
    if found.out_of_scope:
        table.add_row(f"AUROC, {found.out_of_scope.messages} out of scope", _share(found.out_of_scope.auroc))
        table.add_row("AUPRC", _share(found.out_of_scope.auprc))
    table.add_row("messages a second", f"{speed.messages_per_second:,.0f}")
    table.add_row("one message alone", f"{speed.p50_ms:.1f} ms (median), {speed.p95_ms:.1f} ms (p95)")
    table.add_row("on the disk", f"{found.size / 1e6:,.1f} MB")
    if found.comparison:
        _add_comparison(table, str(found.against), found.comparison)
    return table


def _add_comparison(table: Table, name: str, comparison: Comparison) -> None:
    test = comparison.mcnemar
    table.add_section()
    table.add_row("less those of", name)
    table.add_row("accuracy", _points(comparison.accuracy))
    table.add_row("macro-F1", _points(comparison.macro_f1))
    table.add_row(
        "McNemar", f"only this one right {test.ours}, only the other {test.theirs}: p = {test.p:.3g} ({test.method})"
    )


def _label_table(found: Evaluation) -> Table:
    weakest = sorted(found.figures.per_label.items(), key=lambda each: each[1].f1.value)
    shown = weakest[:SHOWN_LABELS]
    title = "Labels, weakest first" + (f" ({len(shown)} of {len(weakest)})" if len(shown) < len(weakest) else "")
    table = Table(title=title)
    table.add_column("label", overflow="fold")
    for heading in ("F1", "precision", "recall", "messages"):
        table.add_column(heading, justify="right", no_wrap=True)
    for place, each in shown:
        shares = (f"{100 * one.value:.1f}" for one in (each.precision, each.recall))
        table.add_row(Text(found.labels[place]), _share(each.f1), *shares, str(each.support))
    return table


def _mix_ups(found: Evaluation) -> Table:
    table = Table("is", "taken for", "messages", title="Most frequent mix-ups")
    wrong = found.matrix - np.diag(np.diag(found.matrix))
    for cell in np.argsort(-wrong, axis=None, kind="stable")[: min(SHOWN_MIX_UPS, np.count_nonzero(wrong))]:
        true, said = np.unravel_index(cell, wrong.shape)
        table.add_row(Text(found.labels[true]), Text(found.labels[said]), str(wrong[true, said]))
    return table


def _share(each: Interval) -> str:
    return f"{100 * each.value:.1f} ({100 * each.low:.1f}\u2013{100 * each.high:.1f})"


def _points(each: Interval) -> str:
    return f"{100 * each.value:+.1f} points ({100 * each.low:+.1f} to {100 * each.high:+.1f})"


def _spoken(each: Spoken) -> str:
    return f"{each.coverage:.1%} of the messages, {each.precision:.1%} of them right"


def _label_json(each: LabelFigures) -> dict[str, Any]:
    shares = {"precision": each.precision, "recall": each.recall, "f1": each.f1}
    return {**{name: share.summary() for name, share in shares.items()}, "support": each.support}


def _comparison_json(each: Comparison) -> dict[str, Any]:
    test = {
        name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(each.mcnemar).items()
    }
    return {"accuracy": each.accuracy.summary(), "macro_f1": each.macro_f1.summary(), "mcnemar": test}


def _rounded(each: Any) -> dict[str, float]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(each).items()}

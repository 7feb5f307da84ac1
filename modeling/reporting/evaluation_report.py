"""An evaluation as JSON for programs and as tables for a terminal."""

from __future__ import annotations

from dataclasses import replace
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
from modeling.events import Evaluated, rounded
from modeling.reporting.drawing import attempt
from modeling.reporting.evaluation_plot import numbered, png
from modeling.sentences.catalogue import Sentence

SHOWN_LABELS = 20
SHOWN_MIX_UPS = 8


def event(evaluation: Evaluation) -> Evaluated:
    """Return the "evaluated" event; figures with intervals are [value, low, high] under "intervals"."""
    figures = evaluation.figures
    main = {"accuracy": figures.accuracy, "macro_f1": figures.macro_f1, "ece": evaluation.ece}
    all_ = {**main, "macro_precision": figures.macro_precision, "macro_recall": figures.macro_recall}
    line = {
        "bundle": str(evaluation.bundle),
        **{name: round(figure.value, 4) for name, figure in main.items()},
        "messages": evaluation.messages,
        "intervals": {"method": bootstrap.METHOD, **{name: figure.summary() for name, figure in all_.items()}},
        "per_label": {evaluation.labels[label]: _label_json(of_label) for label, of_label in figures.per_label.items()},
        "confusion": [
            {
                "true": evaluation.labels[true],
                "said": evaluation.labels[predicted],
                "messages": int(evaluation.matrix[true, predicted]),
            }
            for true, predicted in np.argwhere(evaluation.matrix).tolist()
        ],
        "reliability": [rounded(group) for group in evaluation.reliability],
        "coverage": [rounded(point) for point in evaluation.coverage],
        "at_thresholds": rounded(evaluation.at_thresholds),
        "out_of_scope": evaluation.out_of_scope
        and {
            "messages": evaluation.out_of_scope.messages,
            "auroc": evaluation.out_of_scope.auroc.summary(),
            "auprc": evaluation.out_of_scope.auprc.summary(),
        },
        "speed": rounded(evaluation.speed),
        "bytes": evaluation.size,
        "against": evaluation.comparison
        and {"bundle": str(evaluation.against), **_comparison_json(evaluation.comparison)},
        "numbered": {str(number): name for number, name in numbered(evaluation).items()},
        "notes": evaluation.notes,
    }
    return Evaluated.model_validate(line)


def as_tables(evaluation: Evaluation) -> Group:
    """Return what a person wants to see first: the figures, the weakest labels, the most frequent mix-ups."""
    parts = [_main_table(evaluation), _label_table(evaluation)]
    mixed = _mix_ups(evaluation)
    if mixed.row_count:
        parts.append(mixed)
    notes = [Text(note.text) for note in evaluation.notes]
    how = Text(f"In brackets: {bootstrap.METHOD}.", style="dim")
    return Group(*parts, *notes, how)


def write(evaluation: Evaluation, json_file: Path) -> None:
    """Write everything that was measured. Raises ModelingError when the file cannot be written."""
    try:
        json_file.write_text(event(evaluation).model_dump_json(indent=1) + "\n", "utf-8")
    except OSError as error:
        raise ModelingError("file_not_written", path=json_file, reason=error.strerror or str(error)) from None


def drawn(evaluation: Evaluation, picture: Path, language: str) -> tuple[Evaluation, bool]:
    """Draw it, and return whether that went well; where it did not, the evaluation says so among its notes."""
    problem = attempt(lambda: picture.write_bytes(png(evaluation, language)))
    if isinstance(problem, Sentence):
        return replace(evaluation, notes=(problem, *evaluation.notes)), False
    return evaluation, True


def legend(evaluation: Evaluation) -> str:
    """Say which number in the picture is which label."""
    return "In the picture: " + ", ".join(f"{number} {name}" for number, name in numbered(evaluation).items()) + "."


def _main_table(evaluation: Evaluation) -> Table:
    figures, speed = evaluation.figures, evaluation.speed
    table = Table(title=f"{evaluation.bundle} on {evaluation.messages} messages", show_header=False)
    for name, figure in (
        ("accuracy", figures.accuracy),
        ("macro-F1", figures.macro_f1),
        ("macro precision", figures.macro_precision),
        ("macro recall", figures.macro_recall),
        ("calibration error (ECE)", evaluation.ece),
    ):
        table.add_row(name, _share(figure))
    table.add_row("spoken at its thresholds", _spoken(evaluation.at_thresholds))
    for wanted in WANTED:
        point = widest(evaluation.coverage, wanted)
        table.add_row(f"coverage at precision {wanted:.0%}", f"{point.coverage:.1%}" if point else "not reached")
    if evaluation.out_of_scope:
        table.add_row(f"AUROC, {evaluation.out_of_scope.messages} out of scope", _share(evaluation.out_of_scope.auroc))
        table.add_row("AUPRC", _share(evaluation.out_of_scope.auprc))
    table.add_row("messages a second", f"{speed.messages_per_second:,.0f}")
    table.add_row("one message alone", f"{speed.p50_ms:.1f} ms (median), {speed.p95_ms:.1f} ms (p95)")
    table.add_row("on the disk", f"{evaluation.size / 1e6:,.1f} MB")
    if evaluation.comparison:
        _add_comparison(table, str(evaluation.against), evaluation.comparison)
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


def _label_table(evaluation: Evaluation) -> Table:
    weakest = sorted(evaluation.figures.per_label.items(), key=lambda item: item[1].f1.value)
    listed = weakest[:SHOWN_LABELS]
    title = "Labels, weakest first" + (f" ({len(listed)} of {len(weakest)})" if len(listed) < len(weakest) else "")
    table = Table(title=title)
    table.add_column("label", overflow="fold")
    for heading in ("F1", "precision", "recall", "messages"):
        table.add_column(heading, justify="right", no_wrap=True)
    for label, figures in listed:
        shares = (f"{100 * figure.value:.1f}" for figure in (figures.precision, figures.recall))
        table.add_row(Text(evaluation.labels[label]), _share(figures.f1), *shares, str(figures.support))
    return table


def _mix_ups(evaluation: Evaluation) -> Table:
    table = Table("is", "taken for", "messages", title="Most frequent mix-ups")
    wrong = evaluation.matrix - np.diag(np.diag(evaluation.matrix))
    for cell in np.argsort(-wrong, axis=None, kind="stable")[: min(SHOWN_MIX_UPS, np.count_nonzero(wrong))]:
        true, predicted = np.unravel_index(cell, wrong.shape)
        table.add_row(Text(evaluation.labels[true]), Text(evaluation.labels[predicted]), str(wrong[true, predicted]))
    return table


def _share(figure: Interval) -> str:
    return f"{100 * figure.value:.1f} ({100 * figure.low:.1f}\u2013{100 * figure.high:.1f})"


def _points(figure: Interval) -> str:
    return f"{100 * figure.value:+.1f} points ({100 * figure.low:+.1f} to {100 * figure.high:+.1f})"


def _spoken(point: Spoken) -> str:
    return f"{point.coverage:.1%} of the messages, {point.precision:.1%} of them right"


def _label_json(figures: LabelFigures) -> dict[str, Any]:
    shares = {"precision": figures.precision, "recall": figures.recall, "f1": figures.f1}
    return {**{name: share.summary() for name, share in shares.items()}, "support": figures.support}


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    intervals = {"accuracy": comparison.accuracy.summary(), "macro_f1": comparison.macro_f1.summary()}
    return {**intervals, "mcnemar": rounded(comparison.mcnemar, 6)}

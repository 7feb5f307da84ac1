"""`evaluate`: measure a bundle on labelled messages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from modeling.cli.console import Language, Progress, Show, StopWithParent, on_terminal, print_as_written, reporting
from modeling.sentences.catalogue import Sentence


def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder that training wrote.")],
    test: Annotated[Path, typer.Argument(metavar="TEST", help="Messages to score: text and label.")],
    against: Annotated[Path | None, typer.Option(help="Another bundle, compared on the same messages.")] = None,
    out_of_scope: Annotated[Path | None, typer.Option(help="Messages of no label; a label column is ignored.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything measured here.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it here, as PNG.")] = None,
    language: Annotated[Language, typer.Option(help="Of the words in the picture.")] = Language.en,
    stop_with_parent: StopWithParent = False,
    progress: Progress = None,
) -> None:
    """Measure a bundle on labelled messages: tables on a terminal, else {"event": "evaluated", ...} as the last line.

    Rows whose label the bundle does not know count as wrong; out of scope is what --out-of-scope names, nothing else.
    """
    show = progress or on_terminal()
    with reporting(show, stop_with_parent=stop_with_parent) as reporter:
        from modeling.data.examples import read, read_texts
        from modeling.evaluation.evaluate import evaluate as run
        from modeling.reporting import evaluation_report

        notes: list[Sentence] = []
        outside = read_texts(out_of_scope, notes) if out_of_scope else ()
        examples = read(test)
        examples = replace(examples, notes=(*examples.notes, *notes))
        evaluation = run(bundle, examples, against, outside, reporter)
        drawn = False
        if picture:
            evaluation, drawn = evaluation_report.drawn(evaluation, picture, language.value)
        if json_file:
            evaluation_report.write(evaluation, json_file)
        if show is Show.json:
            reporter.finish(evaluation_report.event(evaluation))
    if show is Show.rich:
        print_as_written(evaluation_report.as_tables(evaluation))
        if drawn:
            typer.echo(evaluation_report.legend(evaluation))

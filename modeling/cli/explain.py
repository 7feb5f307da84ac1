"""The command `python -m modeling explain`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modeling.cli.console import Language, Progress, Show, on_terminal, print_as_written, reporting
from modeling.sentences.catalogue import Sentence

if TYPE_CHECKING:
    from modeling.explanation.explain import Explanation

LONGEST = 4_000_000  # bytes of standard input that are read; a message is cut far earlier


def explain(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder that training wrote.")],
    text: Annotated[str, typer.Argument(metavar="TEXT|-", help="The message; - reads it from standard input.")],
    neighbours: Annotated[Path | None, typer.Option(help="Labelled messages, to show the nearest.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it here, as PNG.")] = None,
    language: Annotated[Language, typer.Option(help="Of the words in the picture.")] = Language.en,
    stop_with_parent: Annotated[bool, typer.Option(help="End when standard input ends; not with TEXT -.")] = False,
    progress: Progress = None,
) -> None:
    """Say why a message gets its label: coloured text on a terminal, else {"event": "explained", ...} as the last line.

    Its words' weights are in log-odds of the label against the runner-up.
    """
    show = progress or on_terminal()
    with reporting(show, stop_with_parent=stop_with_parent and text != "-") as reporter:
        reporter.stage("loading", 0.4)
        from modeling.classifier.bundle import load
        from modeling.data import lines
        from modeling.data.examples import read, spelled_as
        from modeling.explanation.explain import explain as run
        from modeling.reporting import explanation_report

        message = lines.text_of_standard_input(LONGEST) if text == "-" else text
        labelled = read(neighbours) if neighbours else None
        loaded = load(bundle)
        labelled = spelled_as(labelled, loaded.head.labels) if labelled else None
        reporter.stage("explaining", 0.9)
        explanation = run(loaded, message, labelled)
        if picture:
            reporter.stage("drawing", 1.0)
            explanation = _drawn(explanation, picture, language.value)
        if show is Show.json:
            reporter.finish(explanation_report.event(explanation))
    if show is Show.rich:
        print_as_written(explanation_report.as_text(explanation))


def _drawn(explanation: Explanation, picture: Path, language: str) -> Explanation:
    """Draw it; where that fails, the explanation says so among its notes."""
    from modeling.reporting import explanation_plot
    from modeling.reporting.drawing import attempt

    problem = attempt(lambda: picture.write_bytes(explanation_plot.png(explanation, language)))
    return replace(explanation, notes=(problem, *explanation.notes)) if isinstance(problem, Sentence) else explanation

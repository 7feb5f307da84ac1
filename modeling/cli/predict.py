"""`predict`: classify one message a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from modeling.cli.console import Show, errors_as_sentences
from modeling.events import Prediction
from modeling.progress import print_line

AT_ONCE = 256


def predict(bundle: Path, file: Annotated[str, typer.Argument(metavar="[FILE|-]")] = "-") -> None:
    """Classify one message a line; prints JSON lines with text, label and probability (label null: nothing to read)."""
    with errors_as_sentences(Show.rich):
        from modeling.classifier.bundle import load
        from modeling.data import lines

        loaded, portion = load(bundle), list[str]()
        for line in lines.of_standard_input() if file == "-" else lines.of_file(Path(file)):
            portion.append(line)
            if len(portion) == AT_ONCE:
                _print_predictions(loaded, portion)
                portion.clear()
        _print_predictions(loaded, portion)


def _print_predictions(loaded: Any, portion: list[str]) -> None:
    from modeling.text.cleaning import clean

    cleaned = [clean(line) for line in portion]
    readable = [text for text in cleaned if text]
    rows = iter(loaded.classify(readable)) if readable else iter(())
    for line, text in zip(portion, cleaned, strict=True):
        if not text:
            print_line(Prediction(text=line, label=None, probability=0.0))
            continue
        row = next(rows)
        best = int(row.argmax())
        label, probability = loaded.head.labels[best], round(float(row[best]), 4)
        print_line(Prediction(text=line, label=label, probability=probability))

"""The commands about labelled messages: `python -m modeling data describe | convert | split`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from modeling.cli.console import Progress, Show, errors_as_sentences, on_terminal, print_as_written
from modeling.events import DataConverted, DataDescribed, DataSplit
from modeling.progress import print_line

app = typer.Typer(no_args_is_help=True, help="Look at labelled messages, change their format, split them.")

Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help=".csv, .tsv, .json, .jsonl, .parquet, or a folder of `datasets`.")
]


@app.command()
def describe(
    source: Source,
    backbone: Annotated[str, typer.Option(help="Whose tokens are counted.")] = "",
    progress: Progress = None,
) -> None:
    """Say what is in a file: labels, repeated and nearly repeated messages, lengths, and how it would be split."""
    show = progress or on_terminal()
    with errors_as_sentences(show):
        from modeling.backbones import backbone as backbones
        from modeling.backbones.token_lengths import token_lengths
        from modeling.data.examples import read
        from modeling.data.near_duplicates import near_copies
        from modeling.data.split import split

        examples = read(source, training=True)
        parts, counts = split(examples), Counter(examples.labels)
        copies = {row for row, other in near_copies(examples.texts, examples.texts) if row > other}
        description = DataDescribed(
            messages=len(examples),
            labels=len(counts),
            smallest=min(counts.values()),
            largest=max(counts.values()),
            near_copies=len(copies),
            train=len(parts.train),
            held_out=len(parts.held_out),
            set_aside=len(parts.aside),
            thin=parts.thin,
            tokens=token_lengths(backbones.load(backbone), examples.texts),
            hash=examples.hash,
            notes=parts.train.notes,
        )
        _print_event(description, show)


@app.command()
def convert(
    source: Source,
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="Named by its ending; without one, a folder.")],
    as_written: Annotated[bool, typer.Option("--as-written", help="Leave texts as people wrote them.")] = False,
    like: Annotated[Path | None, typer.Option(help="Spell labels that look the same as this file does.")] = None,
    progress: Progress = None,
) -> None:
    """Read, clean and write messages in another format."""
    show = progress or on_terminal()
    with errors_as_sentences(show):
        from modeling.data import formats
        from modeling.data.examples import read, read_as_written, spelled_as

        examples = read_as_written(source) if as_written else read(source)
        if like:
            examples = spelled_as(examples, read_as_written(like).labels)
        count = formats.write(target, ("text", "label"), examples.rows())
        _print_event(DataConverted(messages=count, file=str(target), notes=examples.notes), show)


@app.command(name="split")
def split_command(
    source: Source,
    train: Annotated[Path, typer.Option(help="Messages to learn from go here.")],
    held_out: Annotated[Path, typer.Option(help="Messages to score go here.")],
    progress: Progress = None,
) -> None:
    """Hold a fifth out by a hash of each text: a message stays on its side, whatever is added later."""
    show = progress or on_terminal()
    with errors_as_sentences(show):
        from modeling.data import formats
        from modeling.data.examples import read
        from modeling.data.split import split
        from modeling.errors import ModelingError

        parts = split(read(source, training=True))
        if not len(parts.train) or not len(parts.held_out):
            raise ModelingError("too_few_to_hold_out", path=source)
        formats.write(train, ("text", "label"), parts.train.rows())
        formats.write(held_out, ("text", "label"), parts.held_out.rows())
        outcome = DataSplit(
            train=len(parts.train),
            held_out=len(parts.held_out),
            set_aside=len(parts.aside),
            thin=parts.thin,
            notes=parts.train.notes,
        )
        _print_event(outcome, show)


def _print_event(event: DataDescribed | DataConverted | DataSplit, show: Show) -> None:
    if show is Show.json:
        print_line(event)
        return
    table = Table(show_header=False)
    for name, value in event.model_dump(exclude={"event", "notes", "tokens"}).items():
        table.add_row(name.replace("_", " "), ", ".join(value) or "none" if isinstance(value, tuple) else str(value))
    if isinstance(event, DataDescribed):
        for name, value in event.tokens.model_dump().items():
            table.add_row(f"tokens, {name}", f"{value:.1%}" if isinstance(value, float) else str(value))
    print_as_written(table)
    for note in event.notes:
        typer.echo(note.text)

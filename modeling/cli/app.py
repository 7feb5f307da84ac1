"""The command line: `python -m modeling train`, and `pretrain`, `tune`, `distill`, `evaluate`, `explain` and more."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

# Threads that wait by spinning starve each other where several processes share few cores; read at torch's start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer

from modeling.cli import check, data, distill, evaluate, explain, predict, pretrain, train, tune
from modeling.cli.console import FAILED

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(data.app, name="data")
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(predict.predict)
app.command()(check.check)
app.command()(pretrain.pretrain)
app.command()(tune.tune)
app.command()(distill.distill)
app.command()(explain.explain)


def main() -> None:
    """Run the command line; nothing but sentences comes out of it when something is wrong."""
    for stream in (sys.stdout, sys.stderr):
        # A letter that the terminal lacks is printed as its number, rather than ending the command.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except BrokenPipeError:
        os._exit(FAILED)

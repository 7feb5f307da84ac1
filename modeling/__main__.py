"""The command line: `python -m modeling train`, and `pretrain`, `tune`, `distill`, `evaluate`, `explain` and more."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

# Threads that wait by spinning starve each other where several processes share few cores; read at torch's start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer
from rich.console import Console

from modeling import data_commands, distill_command, explain_command, pretrain_command, processes, tune_command
from modeling.console import FAILED, Language, Show, errors_as_sentences, on_terminal, prepare
from modeling.errors import ModelingError
from modeling.progress import JsonLines, Reporter, RichBar

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(data_commands.app, name="data")
app.command()(pretrain_command.pretrain)
app.command()(tune_command.tune)
app.command()(distill_command.distill)
app.command()(explain_command.explain)

AT_ONCE = 256


class Method(StrEnum):
    """What is trained; auto chooses by cross-validation."""

    auto = "auto"
    frozen = "frozen"
    lora = "lora"
    full = "full"
    qlora = "qlora"
    int8 = "int8"


@app.command()
def train(
    train_file: Annotated[
        Path, typer.Argument(metavar="TRAIN", help="Messages to learn from: .csv, .jsonl, .parquet.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the bundle; the same one continues a killed run.")],
    test: Annotated[Path | None, typer.Option(help="Messages to score, once. Default: a fifth is held out.")] = None,
    backbone: Annotated[str | None, typer.Option(help="minilm (default), a local folder or a hub name.")] = None,
    method: Annotated[Method | None, typer.Option(help="Default: auto, which chooses by cross-validation.")] = None,
    seed: Annotated[int | None, typer.Option(help="Everything random follows from it. Default: 0.")] = None,
    epochs: Annotated[
        float | None, typer.Option(min=0.01, help="How often to go through the messages. Default: 3, within bounds.")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="TOML or JSON with settings; options go before it.")] = None,
    against: Annotated[str, typer.Option(help="A bundle or backbone to compare with; the gate then decides.")] = "",
    stop_with_parent: Annotated[bool, typer.Option(help="End when standard input ends.")] = False,
    progress: Annotated[Show | None, typer.Option(help="Default: rich on a terminal, else json.")] = None,
) -> None:
    """Train a bundle; the last line printed is {"event": "done", ...}. Runs under `accelerate launch` too."""
    shown = progress or on_terminal()
    prepare(stop_with_parent=stop_with_parent)
    if not processes.leads():
        with errors_as_sentences(Show.rich):
            processes.mute()
            from modeling.finetune import follow

            follow()
        return
    with errors_as_sentences(shown), Reporter(JsonLines() if shown is Show.json else RichBar()) as reporter:
        from modeling.inputs import read_inputs
        from modeling.recipe import Recipe, read_recipe
        from modeling.train import train as run

        given = {"method": method and method.value, "backbone": backbone, "seed": seed}
        asked = {name: value for name, value in given.items() if value is not None}
        settings = (read_recipe(recipe) if recipe else Recipe()).model_copy(update=asked)
        settings = settings.with_epochs(epochs) if epochs else settings
        with processes.leading():
            done = run(read_inputs(train_file, test), settings, out, against, reporter)
        reporter.finish(done)


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder that training wrote.")],
    test: Annotated[Path, typer.Argument(metavar="TEST", help="Messages to score: text and label.")],
    against: Annotated[Path | None, typer.Option(help="Another bundle, compared on the same messages.")] = None,
    out_of_scope: Annotated[Path | None, typer.Option(help="Messages of no label; a label column is ignored.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything measured here.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it here, as PNG.")] = None,
    language: Annotated[Language, typer.Option(help="Of the words in the picture.")] = Language.en,
    stop_with_parent: Annotated[bool, typer.Option(help="End when standard input ends.")] = False,
    progress: Annotated[Show | None, typer.Option(help="Default: rich on a terminal, else json.")] = None,
) -> None:
    """Measure a bundle on labelled messages: tables on a terminal, else {"event": "evaluated", ...} as the last line.

    Rows whose label the bundle does not know count as wrong; out of scope is what --out-of-scope names, nothing else.
    """
    shown = progress or on_terminal()
    prepare(stop_with_parent=stop_with_parent)
    with errors_as_sentences(shown):
        from modeling import report
        from modeling.data import read, read_texts
        from modeling.evaluation import evaluate as run

        examples, outside = read(test), read_texts(out_of_scope) if out_of_scope else ()
        with Reporter(JsonLines() if shown is Show.json else RichBar()) as reporter:
            found = run(bundle, examples, against, outside, reporter)
            report.write(found, json_file, picture, language.value)
            if shown is Show.json:
                reporter.finish(report.as_json(found))
        if shown is Show.rich:
            Console().print(report.as_tables(found))
            if picture:
                typer.echo(report.legend(found))


@app.command()
def predict(bundle: Path, file: Annotated[str, typer.Argument(metavar="[FILE|-]")] = "-") -> None:
    """Classify one message a line; prints JSON lines with text, label and probability (label null: nothing to read)."""
    with errors_as_sentences(Show.rich):
        from modeling.classifier import load

        loaded, portion = load(bundle), list[str]()
        for line in _lines(file):
            portion.append(line)
            if len(portion) == AT_ONCE:
                _print_predictions(loaded, portion)
                portion.clear()
        _print_predictions(loaded, portion)


@app.command()
def check(backbone: Annotated[str, typer.Argument(help="minilm, a local folder or a hub name.")] = "minilm") -> None:
    """Look for a GPU, then load a backbone and read a message with it; prints a JSON line for each.

    The second one says what the backbone is: family, parameters, dimension, longest input, licence, size on disk.
    """
    with errors_as_sentences(Show.rich):
        import torch

        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        typer.echo(json.dumps({"event": "gpu", "names": names}))

        from modeling.backbone import load
        from modeling.describe import describe

        loaded = load(backbone)
        loaded.encode(["It crashes when I drag a card."])
        typer.echo(json.dumps({"event": "backbone", **describe(loaded)}))


def main() -> None:
    """Run the command line; nothing but sentences comes out of it when something is wrong."""
    try:
        app()
    except BrokenPipeError:
        os._exit(FAILED)


def _print_predictions(loaded: Any, lines: list[str]) -> None:
    from modeling.text import clean

    cleaned = [clean(line) for line in lines]
    readable = [text for text in cleaned if text]
    rows = iter(loaded.classify(readable)) if readable else iter(())
    for line, text in zip(lines, cleaned, strict=True):
        found: dict[str, Any] = {"text": line, "label": None, "probability": 0.0}
        if text:
            row = next(rows)
            best = int(row.argmax())
            found.update(label=loaded.head.labels[best], probability=round(float(row[best]), 4))
        typer.echo(json.dumps(found, ensure_ascii=False))


def _lines(file: str) -> Iterator[str]:
    if file == "-":
        yield from (line.rstrip("\r\n") for line in sys.stdin)
        return
    try:
        with Path(file).open(encoding="utf-8-sig") as stream:
            yield from (line.rstrip("\r\n") for line in stream)
    except UnicodeDecodeError:
        raise ModelingError(f"{file} is not UTF-8: save it as UTF-8.") from None
    except OSError as error:
        raise ModelingError(f"{file} cannot be read ({error.strerror}): check the path.") from None


if __name__ == "__main__":
    main()

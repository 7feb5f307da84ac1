"""The command line: `python -m modeling train | evaluate | predict | check`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

# Threads that wait by spinning starve each other where several processes share few cores; read at torch's start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer

from modeling.errors import ModelingError
from modeling.progress import JsonLines, Reporter, RichBar

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

FAILED, TERMINATED = 2, 128 + signal.SIGTERM
AT_ONCE = 256


class Method(StrEnum):
    """What is trained; auto chooses by cross-validation."""

    auto = "auto"
    frozen = "frozen"
    lora = "lora"
    full = "full"


class Show(StrEnum):
    """How progress is shown."""

    json = "json"
    rich = "rich"


@app.command()
def train(
    train_file: Annotated[Path, typer.Argument(metavar="TRAIN.csv", help="Messages to learn from: text,label.")],
    test: Annotated[Path, typer.Option(help="Messages to score, once: text,label.")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle; the same one continues a killed run.")],
    backbone: Annotated[str, typer.Option(help="minilm, a local folder or a hub name.")] = "minilm",
    method: Annotated[Method, typer.Option(help="auto chooses by cross-validation.")] = Method.auto,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    recipe: Annotated[Path | None, typer.Option(help="JSON with settings other than the defaults.")] = None,
    against: Annotated[str, typer.Option(help="A bundle or backbone to compare with; the gate then decides.")] = "",
    stop_with_parent: Annotated[bool, typer.Option(help="End when standard input ends.")] = False,
    progress: Annotated[Show | None, typer.Option(help="Default: rich on a terminal, else json.")] = None,
) -> None:
    """Train a bundle; the last line printed is {"event": "done", ...}."""
    shown = progress or (Show.rich if sys.stderr.isatty() and sys.stdout.isatty() else Show.json)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))
    warnings.simplefilter("ignore")  # libraries' advice to programmers, in the middle of a bar or of JSON lines
    if stop_with_parent:
        threading.Thread(target=_exit_with_parent, name="parent", daemon=True).start()
    with _errors_as_sentences(shown), Reporter(JsonLines() if shown is Show.json else RichBar()) as reporter:
        from modeling.recipe import Recipe, read_recipe
        from modeling.train import read_inputs
        from modeling.train import train as run

        asked = {"method": method.value, "backbone": backbone, "seed": seed}
        settings = (read_recipe(recipe) if recipe else Recipe()).model_copy(update=asked)
        reporter.finish(run(read_inputs(train_file, test), settings, out, against, reporter))


@app.command()
def evaluate(bundle: Path, test: Annotated[Path, typer.Argument(metavar="TEST.csv")]) -> None:
    """Score a bundle on labelled messages; prints one JSON line."""
    with _errors_as_sentences(Show.rich):
        from modeling.classifier import load
        from modeling.data import read_csv
        from modeling.evaluate import scores_by_name

        loaded, examples = load(bundle), read_csv(test)
        found = scores_by_name(loaded.classify(examples.texts), examples.labels, loaded.head.labels)
        typer.echo(json.dumps({"event": "evaluated", **found.summary(), "notes": examples.notes}, ensure_ascii=False))


@app.command()
def predict(bundle: Path, file: Annotated[str, typer.Argument(metavar="[FILE|-]")] = "-") -> None:
    """Classify one message a line; prints JSON lines with text, label and probability (label null: nothing to read)."""
    with _errors_as_sentences(Show.rich):
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
    """Look for a GPU, then load a backbone and read a message with it; prints a JSON line for each."""
    with _errors_as_sentences(Show.rich):
        import torch

        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        typer.echo(json.dumps({"event": "gpu", "names": names}))

        from modeling.backbone import load

        loaded = load(backbone)
        dimension = loaded.encode(["It crashes when I drag a card."]).shape[1]
        found = {"name": loaded.name, "dimension": dimension, "device": loaded.model.device.type}
        typer.echo(json.dumps({"event": "backbone", **found}))


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


def _exit_with_parent() -> None:
    """Wait for the end of standard input: then nobody is left who would read the progress."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(TERMINATED)


@contextmanager
def _errors_as_sentences(shown: Show) -> Generator[None]:
    """Print what went wrong as one sentence and exit with 2."""
    try:
        yield
    except BrokenPipeError:
        os._exit(FAILED)
    except KeyboardInterrupt:
        _fail(shown, "Stopped; the same command continues from the last checkpoint.")
    except ModelingError as error:
        _fail(shown, error.message)
    except MemoryError:
        _fail(shown, "There is not enough memory for this backbone: choose a smaller one.")
    except Exception as error:
        _fail(
            shown,
            f"Something unforeseen went wrong ({type(error).__name__}: {str(error).strip()[:300]}): "
            "please report it with the command that you ran.",
        )


def _fail(shown: Show, sentence: str) -> None:
    if shown is Show.json:
        typer.echo(json.dumps({"event": "error", "message": sentence}, ensure_ascii=False))
    else:
        typer.echo(sentence, err=True)
    raise typer.Exit(FAILED) from None


if __name__ == "__main__":
    main()

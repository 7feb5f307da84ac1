"""What all commands share: their common options, how progress is shown, and errors as one sentence."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from modeling.backbones import hub
from modeling.errors import ModelingError
from modeling.events import Failed
from modeling.progress import JsonLines, Reporter, RichBar, print_line
from modeling.sentences.catalogue import Sentence, sentence

FAILED, TERMINATED = 2, 128 + signal.SIGTERM


class Show(StrEnum):
    """How progress is shown."""

    json = "json"
    rich = "rich"


class Language(StrEnum):
    """Of words in a picture."""

    en = "en"
    zh = "zh"


Progress = Annotated[Show | None, typer.Option(help="Default: rich on a terminal, else json.")]
StopWithParent = Annotated[bool, typer.Option(help="End when standard input ends.")]
Seed = Annotated[int, typer.Option(help="Everything random follows from it.")]


def print_as_written(*parts: RenderableType) -> None:
    """Print for people: brackets in names and texts of others are no markup, and :bug: is no picture."""
    Console(markup=False, emoji=False).print(*parts)


def on_terminal() -> Show:
    """Choose rich for people and json for programs."""
    return Show.rich if sys.stderr.isatty() and sys.stdout.isatty() else Show.json


def prepare(*, stop_with_parent: bool) -> None:
    """End at once on SIGTERM, and on the end of standard input if asked to; say nothing but what we say."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))
    warnings.simplefilter("ignore")  # libraries' advice to programmers, in the middle of a bar or of JSON lines
    if stop_with_parent:
        threading.Thread(target=_exit_with_parent, name="parent", daemon=True).start()


@contextmanager
def reporting(progress: Show | None, *, stop_with_parent: bool) -> Generator[Reporter]:
    """Prepare the process for a long command, and give what shows its progress; errors become sentences."""
    show = progress or on_terminal()
    prepare(stop_with_parent=stop_with_parent)
    with errors_as_sentences(show), Reporter(JsonLines() if show is Show.json else RichBar()) as reporter:
        yield reporter


@contextmanager
def errors_as_sentences(show: Show) -> Generator[None]:
    """Print what went wrong as one sentence and exit with 2; print, too, what is going to be downloaded."""
    downloads = _Downloads(show)
    hub.log.setLevel(logging.INFO)
    hub.log.addHandler(downloads)
    try:
        yield
    except BrokenPipeError:
        os._exit(FAILED)
    except KeyboardInterrupt:
        _fail(show, sentence("stopped"))
    except ModelingError as error:
        _fail(show, error.sentence)
    except MemoryError:
        _fail(show, sentence("out_of_memory"))
    except Exception as error:
        _fail(show, sentence("unforeseen", kind=type(error).__name__, reason=str(error).strip()[:300]))
    finally:
        hub.log.removeHandler(downloads)


class _Downloads(logging.Handler):
    """Shows what is fetched from the hub: as a JSON line for programs, as a sentence for people."""

    def __init__(self, show: Show) -> None:
        super().__init__()
        self._shown = show

    def emit(self, record: logging.LogRecord) -> None:
        download = getattr(record, "download", None)
        if download is None:
            return
        if self._shown is Show.json:
            print_line(download)
        else:
            typer.echo(download.sentence.text, err=True)


def _exit_with_parent() -> None:
    """Wait for the end of standard input: then nobody is left who would read the progress."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(TERMINATED)


def _fail(show: Show, why: Sentence) -> None:
    if show is Show.json:
        print_line(Failed.of(why))
    else:
        typer.echo(why.text, err=True)
    raise typer.Exit(FAILED) from None

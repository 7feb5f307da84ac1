"""Training and encoding on a GPU, beside a plain Trainer and SentenceTransformer in the same run; one command.

    python -m tests.benchmarks.gpu pack FOLDER                   where there is a package index
    python -m tests.benchmarks.gpu [--wheels FOLDER] [--out FILE.md] [--seconds 400] [--only WORDS] [--tiny]

Needs Python with torch, transformers, peft and sentence-transformers; the rest may come as wheels. Nothing is
downloaded. Every contender has a process of its own, or shares it with a few that need little, and a time budget: one
that fails, or needs too much memory or time, becomes a row with the reason. Without a GPU it runs as well, with
`--tiny` in a moment. Prints tables in Markdown; what has been measured so far stands in FILE.md all the time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from tests.benchmarks import gpu_wheels

ROOT = Path(__file__).parents[2]
PACKAGES = ("torch", "transformers", "peft", "sentence-transformers", "accelerate", "bitsandbytes")
METHODS = {"full": "full, bfloat16", "lora": "LoRA", "qlora": "QLoRA: NF4, twice quantised", "int8": "LoRA on 8 bits"}
FEWEST_SECONDS = 10.0  # that a process is started with
MARK = "measured: "  # before a line of ours: libraries print, too


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a contender, a second and in GiB; `note` says why there is nothing, or what else."""

    model: str
    work: str
    who: str
    messages: float | None = None
    tokens: float | None = None
    memory: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What a process prints: the rows of a contender that has ended, or facts about where it runs."""

    contender: str = ""
    rows: list[Row] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Contenders, MODEL/WORK/WHO, that share a process, and the seconds that it has."""

    contenders: tuple[str, ...]
    seconds: float


def groups(*, tiny: bool) -> list[Group]:
    """All work, the most wanted first, for what comes last may find no time left."""
    whos, large = ("ours", "Trainer"), [f"decoder/{method}" for method in METHODS]
    small = {model: [f"{model}/full", f"{model}/lora"] for model in ("minilm", "e5")}
    if tiny:
        trained = [f"{work}/{who}" for work in (*large, "minilm/lora") for who in whos]
        return [Group(("prepare", *trained, "minilm/encode/all", "decoder/qlora bundle/ours"), 200)]
    return [
        Group(("prepare",), 120),
        *(Group((f"{work}/{who}",), 60) for work in large for who in whos),
        Group(("minilm/lora bundle/ours",), 90),
        Group(("minilm/encode/all", "e5/encode/all", "decoder/encode/all"), 90),
        *(Group(tuple(f"{work}/{who}" for work in small[model]), 60) for model in small for who in whos),
        Group(("decoder/qlora bundle/ours",), 120),
    ]


def chosen(all_groups: Iterable[Group], words: str) -> list[Group]:
    """Those contenders whose names hold all words, and what prepares them."""
    kept = [
        Group(tuple(name for name in group.contenders if name == "prepare" or _named(name, words)), group.seconds)
        for group in all_groups
    ]
    return [group for group in kept if group.contenders]


def _named(contender: str, words: str) -> bool:
    return all(word in contender for word in words.split())


class Process:
    """A process that prints lines, from which they are read until it ends or its time is over."""

    def __init__(self, argv: Sequence[str], environment: dict[str, str], seconds: float) -> None:
        self._argv, self._environment, self._seconds = argv, environment, seconds
        self.why = ""  # it said no more, once it has ended

    def lines(self) -> Iterator[Line]:
        """Yield what it says, as it says it."""
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
            self._start(complaints) as process,
        ):
            timer = threading.Timer(self._seconds, self._end, [process])
            timer.start()
            try:
                yield from _said(process.stdout or ())
                process.wait()
            finally:
                timer.cancel()
                self._end(process)
            complaints.seek(0)
            self.why = self.why or _ending(process.returncode, complaints.read())

    def _start(self, complaints: TextIO) -> subprocess.Popen[str]:
        # A session of its own, so that what it starts ends with it.
        how: dict[str, Any] = {"text": True, "cwd": ROOT, "env": self._environment, "start_new_session": True}
        return subprocess.Popen(self._argv, stdout=subprocess.PIPE, stderr=complaints, **how)

    def _end(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            self.why = f"took longer than {self._seconds:.0f} s"
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(process.pid, signal.SIGKILL)


def _said(output: Iterable[str]) -> Iterator[Line]:
    for text in output:
        if text.startswith(MARK):
            said: dict[str, Any] = json.loads(text.removeprefix(MARK))
            yield Line(said["contender"], [Row(**row) for row in said["rows"]], said["facts"])


def _ending(status: int, complaints: str) -> str:
    """How a process ended, and the last thing that it complained about: an error, if there is one."""
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    last = ([line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)] or lines)[-1:]
    return f"its process ended with status {status}" + "".join(f": {line[:160]}" for line in last)


def measure(group: Group, argv: Sequence[str], environment: dict[str, str], left: float) -> Iterator[Line]:
    """Yield a line for each contender of a group, whatever happens to its process."""
    missing, reason = list(group.contenders), "no time was left"
    if left >= FEWEST_SECONDS:
        process = Process([*argv, *group.contenders], environment, min(group.seconds, left))
        for line in process.lines():
            missing = [name for name in missing if name != line.contender]
            yield line
        reason = process.why
    for name in missing:
        yield failed(name, reason)


def failed(contender: str, reason: str) -> Line:
    """What stands in place of a contender's rows."""
    if contender == "prepare":
        return Line(contender, facts={"backbones": f"not made: {reason}"})
    model, work, who = contender.split("/")
    return Line(contender, [Row(model, work, who, note=reason)])


@dataclass(slots=True)
class Report:
    """What has been measured so far."""

    rows: list[Row] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, line: Line) -> None:
        self.rows += line.rows
        self.facts |= line.facts

    def markdown(self) -> str:
        """Tables, with where, when and by which versions they were measured."""
        head = "; ".join(f"{name} {value}" for name, value in self.facts.items() if name not in ("device", "backbones"))
        when = datetime.now(UTC).date().isoformat()
        lines = [f"{self.facts.get('device', 'unknown device')}, {when}. {head}. {self.seconds:.0f} s in all."]
        lines += [f"Backbones: {self.facts['backbones']}."] if "backbones" in self.facts else []
        return "\n\n".join([*lines, *(table for table in self._tables() if table)]) + "\n"

    def _tables(self) -> Iterator[str]:
        trained = [row for row in self.rows if row.work in METHODS]
        yield table("Training", ("tokens/s", "messages/s", "peak GiB"), trained)
        yield table("Encoding", ("tokens/s", "messages/s"), [row for row in self.rows if row.work == "encode"])
        yield table("Bundles", (), [row for row in self.rows if row.work.endswith(" bundle")])


def table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Return one table in Markdown, "" without rows; those of one model and work stand together."""
    if not rows:
        return ""
    works = list(dict.fromkeys((row.model, row.work) for row in rows))
    models = list(dict.fromkeys(model for model, _ in works))
    ordered = sorted(rows, key=lambda row: (models.index(row.model), works.index((row.model, row.work))))
    heads = ("model", "work", "by", *columns, "note")
    lines = [f"| {' | '.join(heads)} |", f"{'|---' * len(heads)}|"]
    return f"**{title}**\n\n" + "\n".join([*lines, *(_cells(row, columns) for row in ordered)])


def _cells(row: Row, columns: Sequence[str]) -> str:
    figures = {"tokens/s": row.tokens, "messages/s": row.messages, "peak GiB": row.memory}
    shown = ["–" if (value := figures[name]) is None else _figure(name, value) for name in columns]
    method = row.work.removesuffix(" bundle")
    work = row.work.replace(method, METHODS.get(method, method))
    return f"| {' | '.join([row.model, work, row.who, *shown, row.note.replace('|', '/')])} |"


def _figure(name: str, value: float) -> str:
    return f"{value:.2f}" if name == "peak GiB" else f"{value:,.0f}"


def run(options: argparse.Namespace, folder: Path) -> Report:
    """Do all work that is asked for, and keep the report up to date."""
    began, report = time.monotonic(), Report()
    environment = dict(os.environ) | {"HF_HUB_OFFLINE": "1"}
    if options.wheels:
        failure = gpu_wheels.install(options.wheels, folder / "packages")
        report.facts |= {"wheels": f"not installed: {failure}"} if failure else {}
        paths = [str(folder / "packages"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    argv = [sys.executable, "-m", "tests.benchmarks.gpu_contenders", str(folder), "tiny" if options.tiny else "full"]
    for group in chosen(groups(tiny=options.tiny), options.only):
        for line in measure(group, argv, environment, options.seconds - (time.monotonic() - began)):
            report.add(line)
            report.seconds = time.monotonic() - began
            print(f"{report.seconds:4.0f} s  {line.contender} {line.rows or line.facts}", file=sys.stderr, flush=True)
            if options.out:
                options.out.write_text(report.markdown(), "utf-8")
    return report


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, help="a folder of wheels to install for this run alone")
    parser.add_argument("--out", type=Path, help="a file for the tables")
    parser.add_argument("--seconds", type=float, default=400.0, help="for everything")
    parser.add_argument("--only", default="", help="contenders whose names hold these words")
    parser.add_argument("--tiny", action="store_true", help="backbones of two layers, to try the program")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["pack"] and len(words) == 2:
        folder = Path(words[1])
        print("\n".join(gpu_wheels.pack(folder)))
        print(f"{gpu_wheels.bytes_of(folder) / 1e6:.1f} MB in {folder}")
        return
    options = parsed(words)
    with tempfile.TemporaryDirectory(prefix="backchannel-gpu-") as name:
        print(run(options, Path(name)).markdown())


if __name__ == "__main__":
    main()

"""Ours beside its peers on public data: the same files, seeds, backbone and machine, one after the other.

    python -m tests.benchmarks.learning --data DATA_FOLDER [--quick] [--only WORDS] [--results FILE.jsonl]

DATA_FOLDER holds `banking77`, `banking77_fewshot`, `clinc150`, `clinc150_fewshot` and `emotion`, as text,label files.
Every contender is a process of its own, from its start to its last prediction, loading included. `--results` keeps
each run as a line and does not repeat those that are there already, so that long work may be interrupted. The table
goes into README.md here. The test files decide nothing: ours chooses on the training file, the peers have fixed
settings.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- learning begins -->", "<!-- learning ends -->"
OURS = ("ours",)
QUICK_PEERS = ("tf-idf", "minilm", "model2vec")
PEERS = (*QUICK_PEERS, "setfit")
NAMES = {
    "ours": "**ours**, `--method auto`",
    "tf-idf": "TF-IDF + logistic regression",
    "minilm": "MiniLM + logistic regression",
    "model2vec": "Model2Vec's classifier",
    "setfit": "SetFit, 1,000 steps at most",
}


@dataclass(frozen=True, slots=True)
class Work:
    """A training file, a test file, and who competes. `outside` holds messages of no label; ours alone is asked."""

    name: str
    train: Path
    test: Path
    contenders: tuple[str, ...]
    seed: int = 0
    outside: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What one contender did: `seconds` of its process, those of all processors, its largest resident memory in MiB."""

    work: str
    contender: str
    seed: int
    accuracy: float
    macro_f1: float
    seconds: float
    busy: float
    memory: float
    more: dict[str, Any] = field(default_factory=dict)


def works(data: Path, folder: Path, quick: bool) -> Iterator[Work]:
    """Everything that is measured, the short ones first."""
    everybody, most = (*OURS, *PEERS), (*OURS, *QUICK_PEERS)
    emotion = data / "emotion"
    for seed in range(1 if quick else 5):
        some = shots(emotion / "train.csv", folder / f"emotion-16-{seed}.csv", 16, seed)
        yield Work("emotion, 16 a label", some, emotion / "test.csv", everybody, seed)
    for name, count in (("banking77", 5), ("banking77", 10), ("clinc150", 5), ("clinc150", 10)):
        test = data / ("banking77_fewshot" if name == "banking77" else "clinc150") / "test.csv"
        peers = everybody if (name, count) == ("banking77", 10) and not quick else most
        yield Work(f"{name}, {count} a label", data / f"{name}_fewshot" / f"train_{count}.csv", test, peers)
    if quick:
        return
    for name in ("emotion", "banking77", "clinc150"):
        outside = data / name / "oos_test.csv"
        outside = outside if outside.is_file() else None
        yield Work(f"{name}, all", data / name / "train.csv", data / name / "test.csv", most, outside=outside)


def shots(source: Path, target: Path, count: int, seed: int) -> Path:
    """So many messages of every label, drawn by the seed."""
    with source.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random.Random(seed).shuffle(rows)
    taken: dict[str, int] = defaultdict(int)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        for row in rows:
            taken[row["label"]] += 1
            if taken[row["label"]] <= count:
                writer.writerow(row)
    return target


def measured(argv: list[str]) -> tuple[dict[str, Any], tuple[float, float, float]]:
    """A program's last JSON line, its seconds, those that processors were busy, its largest resident memory in MiB."""
    began = time.monotonic()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        lines = [line for line in process.stdout or () if line.startswith("{")]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not lines:
        raise SystemExit(f"{' '.join(argv)} ended with status {process.returncode}: run it by hand to see why.")
    took = time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    return json.loads(lines[-1]), took


def compete(work: Work, contender: str, folder: Path) -> Run:
    """Let one contender learn and be tested."""
    out = folder / f"{work.name}-{work.seed}".replace(" ", "").replace(",", "-")
    if contender == "ours":
        argv = [sys.executable, "-m", "modeling", "train", str(work.train), "--test", str(work.test)]
        argv += ["--out", str(out), "--seed", str(work.seed), "--progress", "json"]
    else:
        argv = [sys.executable, "-m", "tests.benchmarks.learning_peers", contender, str(work.train), str(work.test)]
        argv += [str(work.seed)]
    done, (seconds, busy, memory) = measured(argv)
    more = {name: done[name] for name in ("method", "ece") if name in done}
    if contender == "ours" and work.outside:
        more |= beyond(out / "bundle", work)
    figures = round(float(done["accuracy"]), 4), round(float(done["macro_f1"]), 4)
    return Run(work.name, contender, work.seed, *figures, round(seconds, 1), round(busy, 1), round(memory), more)


def beyond(bundle: Path, work: Work) -> dict[str, float]:
    """How well messages of no label are told from the others."""
    argv = [sys.executable, "-m", "modeling", "evaluate", str(bundle), str(work.test)]
    found, _ = measured([*argv, "--out-of-scope", str(work.outside), "--progress", "json"])
    return {name: round(float(found["out_of_scope"][name][0]), 4) for name in ("auroc", "auprc")}


def known(results: Path | None) -> list[Run]:
    """Runs of earlier calls."""
    if results is None or not results.is_file():
        return []
    return [Run(**json.loads(line)) for line in results.read_text("utf-8").splitlines()]


def table(runs: list[Run]) -> str:
    """One row per work and contender: means over the seeds, with the deviation where there are several."""
    lines = ["| work | contender | accuracy | macro-F1 | seconds | of processors | peak MiB | |", f"{'|---' * 8}|"]
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.work, run.contender].append(run)
    order = list(dict.fromkeys(run.work for run in runs))
    for work, contender in sorted(groups, key=lambda pair: (order.index(pair[0]), list(NAMES).index(pair[1]))):
        group = groups[work, contender]
        cells = [mean([run.accuracy for run in group]), mean([run.macro_f1 for run in group])]
        seconds, busy = (
            statistics.mean(each) for each in ([run.seconds for run in group], [run.busy for run in group])
        )
        note = ", ".join(f"{name} {value}" for name, value in group[-1].more.items()) if len(group) == 1 else ""
        seeds = f", {len(group)} seeds" if len(group) > 1 else ""
        cells += [f"{seconds:,.0f}", f"{busy:,.0f}", f"{max(run.memory for run in group):,.0f}", note]
        lines.append(f"| {work}{seeds} | {NAMES[contender]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def mean(values: list[float]) -> str:
    """A mean, with the standard deviation of several."""
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread}"


def write(runs: list[Run]) -> None:
    """Put the table into the README, in place of the one before."""
    text = README.read_text("utf-8")
    head, rest = text.split(BEGIN)
    when = datetime.now(UTC).date().isoformat()
    machine = f"{when}, {os.cpu_count()} cores, Python {platform.python_version()}. Written by the benchmark itself."
    README.write_text(f"{head}{BEGIN}\n{machine}\n\n{table(runs)}\n{END}{rest.split(END)[1]}", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="one seed, nothing that takes more than minutes")
    parser.add_argument("--only", default="", help="works and contenders whose names hold these words")
    parser.add_argument("--results", type=Path, help="a file that keeps the runs")
    arguments = parser.parse_args()
    runs = known(arguments.results)
    done = {(run.work, run.contender, run.seed) for run in runs}
    with tempfile.TemporaryDirectory(prefix="backchannel-learning-") as name:
        folder = Path(name)
        for work in works(arguments.data.resolve(), folder, arguments.quick):
            for contender in work.contenders:
                wanted = all(word in f"{work.name} {contender}" for word in arguments.only.split())
                if not wanted or (work.name, contender, work.seed) in done:
                    continue
                runs.append(compete(work, contender, folder))
                print(json.dumps(asdict(runs[-1])), flush=True)
                if arguments.results:
                    with arguments.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(runs[-1])) + "\n")
                write(runs)
    write(runs)
    print(table(runs))


if __name__ == "__main__":
    main()

"""The figures of the loop, measured by real replays on this machine, one after the other.

    python -m tests.benchmarks.loop DATA_FOLDER

DATA_FOLDER holds `banking77`, `banking77_fewshot`, `clinc150` and `emotion` as text,label files. Nothing of
it is in the repository.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

Report = dict[str, Any]


def replay(file: Path, *options: str) -> Report:
    """One `backchannel replay` in a process of its own."""
    argv = [sys.executable, "-m", "bot", "replay", str(file), *options]
    return json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)


def first_labels(source: Path, target: Path, count: int) -> Path:
    """The rows of the first `count` labels, for a head of ordinary size."""
    with source.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = sorted({row["label"] for row in rows})[:count]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(row for row in rows if row["label"] in kept)
    return target


def show(name: str, report: Report, *fields: str) -> None:
    picked = {field: report[field] for field in ("messages", "labels", "lost", "doubled", *fields)}
    print(f"{name}: {json.dumps(picked)}", flush=True)


def main() -> None:
    data = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        ten = first_labels(data / "banking77/train.csv", Path(folder) / "ten.csv", 10)
        bulk = replay(data / "banking77/train.csv", "--limit", "5000", "--annotate", "none", "--in-flight", "256")
        show("bulk, nobody labels", bulk, "messages_per_s", "latency_ms")
        some = replay(data / "banking77/train.csv", "--limit", "3000", "--annotate", "0.1", "--in-flight", "256")
        show("bulk, a tenth labelled, 77 labels", some, "messages_per_s", "latency_ms", "label_to_head_ms")
        calm = replay(data / "banking77/train.csv", "--limit", "600", "--annotate", "none", "--rate", "20")
        show("20 messages/s", calm, "messages_per_s", "latency_ms")
        ten_labels = replay(ten, "--limit", "1000", "--annotate", "all", "--rate", "20")
        show("20 messages/s, all labelled, 10 labels", ten_labels, "latency_ms", "label_to_head_ms")
        many = replay(data / "banking77/train.csv", "--limit", "1000", "--annotate", "all", "--rate", "20")
        show("20 messages/s, all labelled, 77 labels", many, "latency_ms", "label_to_head_ms")
        test = str(data / "banking77_fewshot/test.csv")
        shots = replay(data / "banking77_fewshot/train_10.csv", "--test", test, "--annotate", "all")
        show("Banking77 10-shot", shots, "test", "messages_per_s", "label_to_head_ms")


if __name__ == "__main__":
    main()

"""What a newcomer sees of the sample conversation: how often the bot speaks, and how often it is right when it does.

    python -m tests.benchmarks.first_hour [--seeds 5] [--annotate 0.37] [--rate 4]

Real replays, one after the other, of the conversation that the web page plays, with its labels and what they mean. Each
seed is another order with other labels given. The backbone is that of BACKCHANNEL_BACKBONE, or the packaged one.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bot.platforms.web.sample import SECONDS, sample_labels, sample_lines
from tests.benchmarks.loop import Report, replay

HEADER = f"{'seed':>6}  {'labels':>6}  {'after 60 labels: shown':>22}  {'right':>6}  {'last 100: accuracy':>18}"


def write_conversation(folder: Path) -> tuple[Path, Path]:
    """The sample conversation as a text,label file, and its labels as a JSON file."""
    conversation, labels = folder / "sample.csv", folder / "labels.json"
    with conversation.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        rows.writerows((line.text, line.label) for line in sample_lines())
    labels.write_text(json.dumps([label.model_dump() for label in sample_labels()], ensure_ascii=False), "utf-8")
    return conversation, labels


def figures(report: Report) -> tuple[float, float | None, float]:
    """Share shown and share right of those after the first 60 labels; accuracy over the last 100 messages."""
    later = report["after_60_labels"]
    return later["shown"] / max(1, later["messages"]), later["shown_right"], report["last_100"]["accuracy"]


def line(name: object, labels: object, shown: float, right: float | None, accuracy: float) -> str:
    precision = "–" if right is None else f"{right:.1%}"
    return f"{name!s:>6}  {labels!s:>6}  {shown:>22.1%}  {precision:>6}  {accuracy:>18.1%}"


def means(rows: Sequence[tuple[float, float | None, float]]) -> tuple[float, float | None, float]:
    """Each column averaged over the seeds; a seed in which nothing was shown has no precision."""
    shown, right, accuracy = zip(*rows, strict=True)
    spoke = [share for share in right if share is not None]
    return statistics.mean(shown), statistics.mean(spoke) if spoke else None, statistics.mean(accuracy)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--annotate", default="0.37", help="share of messages that somebody labels")
    # As the page plays it: as fast as it goes, a label would come after most of what it could teach.
    parser.add_argument("--rate", default=f"{len(sample_lines()) / SECONDS:.2f}", help="messages per second")
    asked = parser.parse_args()
    rows: list[tuple[float, float | None, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        conversation, labels = write_conversation(Path(folder))
        options = ("--labels", str(labels), "--annotate", asked.annotate, "--rate", asked.rate)
        print(HEADER, flush=True)
        for seed in range(asked.seeds):
            report = replay(conversation, *options, "--seed", str(seed))
            rows.append(figures(report))
            print(line(seed, report["labels"], *rows[-1]), flush=True)
    print(line("mean", "", *means(rows)), flush=True)


if __name__ == "__main__":
    main()

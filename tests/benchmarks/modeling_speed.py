"""How fast the models are here: python tests/benchmarks/modeling_speed.py [TRAIN.csv]

Messages a second of `Backbone.encode` beside plain `SentenceTransformer.encode` in the same run, alternating, so that
other load on the machine meets both; milliseconds of a refit at 1,000 labels and 77 kinds, on one core. Without a file
the messages are made up of random words, as long as tweets.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from rich.console import Console
from rich.table import Table

from modeling.backbones import backbone as backbones
from modeling.classifier import head
from modeling.data.examples import read

ROUNDS, MESSAGES = 5, 512
EXAMPLES, KINDS, REFITS = 1000, 77, 20


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def texts(path: str | None) -> list[str]:
    if path:
        return list(read(Path(path)).texts[:MESSAGES])
    rng = random.Random(0)
    words = ["release", "lunch", "broken", "thanks", "why", "server", "tomorrow", "please", "again", "the", "it", "is"]
    return [" ".join(rng.choices(words, k=rng.randint(4, 36))) for _ in range(MESSAGES)]


def encoding(path: str | None) -> list[tuple[str, str, str]]:
    model, messages = backbones.load("minilm", as_saved=True), texts(path)

    def ours() -> object:
        return model.encode(messages)

    def theirs() -> object:
        return model.model.encode(messages, show_progress_bar=False)

    ours(), theirs()
    rounds = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    cosine = float((model.encode(messages) * model.model.encode(messages, show_progress_bar=False)).sum(1).min())
    alone = [1000 * seconds(lambda text=text: model.encode([text])) for text in messages[:50]]
    rate = [len(messages) / statistics.median(times) for times in zip(*rounds, strict=True)]
    return [
        ("Backbone.encode, bulk", f"{rate[0]:.0f} messages/s", f"smallest cosine to the peer's {cosine:.5f}"),
        ("SentenceTransformer.encode, bulk", f"{rate[1]:.0f} messages/s", "its defaults"),
        ("Backbone.encode, one message", f"{statistics.median(alone):.1f} ms", f"slowest {max(alone):.1f} ms"),
    ]


def refits() -> list[tuple[str, str, str]]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(KINDS, 384))
    targets = rng.integers(0, KINDS, EXAMPLES)
    vectors = centres[targets] + 1.5 * rng.normal(size=(EXAMPLES, 384))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    described = (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float32)
    labels = [f"kind {number}" for number in range(KINDS)]
    warm = head.fit(vectors[:-1], targets[:-1], labels, described)
    times: list[float] = []
    for row in range(REFITS):
        kept = np.delete(np.arange(EXAMPLES), row)
        times.append(
            1000 * seconds(lambda kept=kept: head.fit(vectors[kept], targets[kept], labels, described, warm=warm))
        )
    cold = seconds(lambda: head.fit(vectors, targets, labels, described))
    return [
        ("refit after a reaction", f"{statistics.median(times):.0f} ms", f"slowest of {REFITS}: {max(times):.0f} ms"),
        ("refit that chooses its strength again", f"{1000 * cold:.0f} ms", "once per 25% more labels"),
    ]


def main() -> None:
    table = Table(title=f"Models: {MESSAGES} messages, {EXAMPLES} labels of {KINDS} kinds, {os.cpu_count()} cores")
    for heading in ("what", "measured", "note"):
        table.add_column(heading)
    for row in encoding(sys.argv[1] if len(sys.argv) > 1 else None) + refits():
        table.add_row(*row)
    Console().print(table)
    Console().print(f"load average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

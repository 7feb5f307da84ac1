"""A bundle is trained by `modeling train`'s own function, saved, and loaded by a process that sees no GPU.

`python -m tests.benchmarks.gpu_bundles BUNDLE TEXTS.json PROBABILITIES.npy` is that process: it prints how many of the
messages get the same label as before, and by how much a probability differs at most.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from modeling.classifier import bundle as bundles
from modeling.data.train_test import read_inputs
from modeling.events import Outcome, Progress
from modeling.progress import Reporter
from modeling.training.recipe import Method, Recipe
from modeling.training.train import train
from tests.benchmarks import gpu_models
from tests.benchmarks.gpu import Row

SECONDS = 60  # for the process without a GPU
CLASSIFIED = 32


class Silence:
    """Shows nothing."""

    def show(self, progress: Progress) -> None:
        pass

    def finish(self, done: Outcome) -> None:
        pass

    def close(self) -> None:
        pass


def train_and_check(base: Path, model: str, method: Method, folder: Path, count: int) -> Iterator[Row]:
    """Train on so many messages, by one pass on each of two folds and one on all; then classify on the CPU."""
    began, out = time.perf_counter(), folder / f"bundle-{model}"
    data = gpu_models.write_csv(gpu_models.messages(count, seed=3), folder / f"{model}.csv")
    recipe = Recipe(method=method, backbone=str(base), folds=2).with_epochs(1)
    with Reporter(Silence()) as reporter:
        done = train(read_inputs(data, None), recipe, out, "", reporter)
    trained = time.perf_counter() - began
    texts = [text for text, _ in gpu_models.messages(CLASSIFIED, seed=4)]
    loaded = bundles.load(Path(done.bundle))
    probabilities = loaded.classify(texts)
    (folder / f"{model}-texts.json").write_text(json.dumps(texts), "utf-8")
    np.save(folder / f"{model}.npy", probabilities)
    said = _on_cpu([done.bundle, str(folder / f"{model}-texts.json"), str(folder / f"{model}.npy")])
    where = loaded.backbone.model.device.type
    note = f"trained on {where} in {trained:.0f} s, accuracy {done.accuracy:.2f}, {done.megabytes:,.0f} MB; {said}"
    yield Row(model, f"{method} bundle", "ours", note=note)


def _on_cpu(arguments: list[str]) -> str:
    """What a process says that sees no GPU."""
    argv = [sys.executable, "-m", "tests.benchmarks.gpu_bundles", *arguments]
    blind = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(argv, env=blind, capture_output=True, text=True, timeout=SECONDS, check=False)
    if ended.returncode:
        raise RuntimeError("the bundle does not load on the CPU: " + (ended.stderr.strip().splitlines() or ["?"])[-1])
    return ended.stdout.strip().splitlines()[-1]


def main() -> None:
    folder, texts, probabilities = map(Path, sys.argv[1:])
    bundle = bundles.load(folder)
    device, expected = bundle.backbone.model.device.type, np.load(probabilities)
    found = bundle.classify(json.loads(texts.read_text("utf-8")))
    same = int((found.argmax(1) == expected.argmax(1)).sum())
    print(
        f"loaded on {device}: {same} of {len(found)} labels the same, probabilities differ by at most "
        f"{float(np.abs(found - expected).max()):.4f}"
    )


if __name__ == "__main__":
    main()

"""Train a classifier on a few messages and classify with it, all from Python."""

from __future__ import annotations

import tempfile
from pathlib import Path

from modeling.classifier import bundle as bundles
from modeling.data.train_test import read_inputs
from modeling.progress import JsonLines, Reporter
from modeling.text.cleaning import clean
from modeling.training.recipe import Recipe
from modeling.training.train import train

TRAIN, TEST = (Path(__file__).parent / name for name in ("messages.csv", "messages_test.csv"))
NEW = ["The page stays white after I log in", "怎么修改密码？", "You saved my day, thank you!"]


def main() -> None:
    """Train with the packaged backbone, which stays as it is, and print what three new messages are."""
    with tempfile.TemporaryDirectory() as folder, Reporter(JsonLines()) as reporter:
        done = train(read_inputs(TRAIN, TEST), Recipe(method="frozen"), Path(folder), "", reporter)
        bundle = bundles.load(Path(done.bundle))
        for text, row in zip(NEW, bundle.classify([clean(text) for text in NEW]), strict=True):
            print(f"{bundle.head.labels[row.argmax()]:>8} {row.max():.2f}  {text}")


if __name__ == "__main__":
    main()

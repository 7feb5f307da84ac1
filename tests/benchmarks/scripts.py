"""What help with unread scripts is worth: python -m tests.benchmarks.scripts [BANKING77_FEWSHOT_FOLDER]

The packaged backbone without help, with spelling alone (as where no dictionary is installed), and as it is loaded:
1. Chinese support messages of our own, on which everything was chosen: 0, 5, 10 and 20 labels a class.
2. The sample conversation, the test: each message is predicted before it may be labelled, a third of them are; every
   label is fitted at once, as by a worker. Means over shuffles.
3. Banking77 10-shot, where the folder is given: English has to be the same.
4. Messages a second, alternating in the same run.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bot.platforms.web.sample import sample_labels, sample_lines
from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.classifier import head
from modeling.classifier.logistic_regression import shared
from modeling.data.examples import read
from modeling.text.cleaning import clean
from modeling.text.script_reading import Reading
from workers.serving.head_fitting import HeadSettings, cross_validate, fit_head, needs_cross_validation
from workers.serving.labelled_vectors import LabelledVectors, description
from workers.store.labels import Label

SEEDS, SHOTS, LABELLED, ROUNDS = 12, (5, 10, 20), 1 / 3, 5
BANDS = ((0, 1), (1, 15), (15, 30), (30, 60), (60, 999))
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Data:
    """Labelled messages: cleaned texts, targets [n], and what the labels say."""

    texts: list[str]
    targets: NDArray[np.int64]
    names: list[str]
    descriptions: list[str]


def data(rows: Sequence[tuple[str, str]], labels: Sequence[tuple[str, str]]) -> Data:
    names = [name for name, _ in labels]
    targets = np.array([names.index(label) for _, label in rows])
    return Data([clean(text) for text, _ in rows], targets, names, [said for _, said in labels])


def development() -> Data:
    file = files("tests.benchmarks").joinpath("data/support_zh.jsonl")
    rows = [(row["text"], row["label"]) for row in map(json.loads, file.read_text("utf-8").splitlines())]
    return data(rows, [(label, label) for label in dict.fromkeys(label for _, label in rows)])


def sample() -> Data:
    labels = [Label(0, label.name, label.description, "") for label in sample_labels()]
    return data([(line.text, line.label) for line in sample_lines()], [(one.name, description(one)) for one in labels])


def few_shot(backbone: Backbone, of: Data) -> Iterator[str]:
    """Accuracy on the rest, without labels and with some of each class."""
    vectors, said = backbone.encode(of.texts), backbone.encode(of.descriptions)
    guessed = head.guess(said, shared(vectors, said), of.names).probabilities(vectors).argmax(1)
    yield f"{(guessed == of.targets).mean():.3f}"
    for shots in SHOTS:
        found: list[float] = []
        for seed in range(SEEDS):
            order = np.random.default_rng(seed).permutation(len(of.texts))
            rows = np.concatenate([order[of.targets[order] == label][:shots] for label in range(len(of.names))])
            rest = np.setdiff1d(order, rows)
            fitted = head.fit(vectors[rows], of.targets[rows], of.names, said)
            found.append(float((fitted.probabilities(vectors[rest]).argmax(1) == of.targets[rest]).mean()))
        yield f"{statistics.mean(found):.3f}"


def played(vectors: Vectors, said: Vectors, of: Data, seed: int) -> Iterator[tuple[int, int, bool, bool]]:
    """For each message of a shuffled conversation: its row, labels so far, whether right, whether shown."""
    rng, living = np.random.default_rng(seed), tuple(Label(row, name, "", "") for row, name in enumerate(of.names))
    settled, serving, told, stale = HeadSettings(), None, list[int](), True
    order = rng.permutation(len(of.texts))
    for place, row in enumerate(order):
        if stale or not told or serving is None:
            nobody = np.zeros(len(told), np.bool_)
            material = LabelledVectors(0, 0, living, vectors[told], of.targets[told], said, nobody)
            mean = shared(vectors[order[:place]], said)
            settled = cross_validate(material, settled, mean) if needs_cross_validation(settled, material) else settled
            serving = fit_head(material, settled, serving, mean)
            assert serving is not None
        odds = serving.probabilities(vectors[[row]])[0]
        best = int(odds.argmax())
        yield int(row), len(told), best == of.targets[row], bool(odds[best] >= serving.thresholds[best])
        stale = rng.random() < LABELLED
        told += [int(row)] * stale


def conversation(backbone: Backbone, of: Data) -> Iterator[list[str]]:
    """Per language: accuracy, share that is shown, precision of what is shown, by how many labels there were."""
    vectors, said = backbone.encode(of.texts), backbone.encode(of.descriptions)
    found = np.array([each for seed in range(SEEDS) for each in played(vectors, said, of, seed)])
    chinese = np.array([any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in of.texts])[found[:, 0]]
    for language, rows in (("all", np.ones_like(chinese)), ("Chinese", chinese), ("English", ~chinese)):
        cells = [language]
        for low, high in BANDS:
            _, _, right, shown = found[rows & (found[:, 1] >= low) & (found[:, 1] < high)].T.astype(bool)
            precise = f"{right[shown].mean():.2f}" if shown.any() else "-"
            cells.append(f"{right.mean():.2f}, {100 * shown.mean():.0f}% at {precise}")
        yield cells


def english(arms: dict[str, Backbone], folder: Path) -> Iterator[list[str]]:
    train, test = read(folder / "train_10.csv", training=True), read(folder / "test.csv")
    names = sorted(set(train.labels))
    targets, right = (np.array([names.index(label) for label in each.labels]) for each in (train, test))
    before: Vectors | None = None
    for name, backbone in arms.items():
        said = backbone.encode([label.replace("_", " ") for label in names])
        odds = head.fit(backbone.encode(train.texts), targets, names, said).probabilities(backbone.encode(test.texts))
        before = odds if before is None else before
        apart, other = float(np.abs(odds - before).max()), int((odds.argmax(1) != before.argmax(1)).sum())
        yield [name, f"{(odds.argmax(1) == right).mean():.4f}", f"{apart:.1e}", str(other)]


def speed(arms: dict[str, Backbone], texts: dict[str, list[str]]) -> Iterator[list[str]]:
    for kind, messages in texts.items():
        times: dict[str, list[float]] = {name: [] for name in arms}
        for _ in range(ROUNDS + 1):  # the first is for warming up, and reads the dictionary
            for name, backbone in arms.items():
                began = time.perf_counter()
                backbone.encode(messages)
                times[name].append(time.perf_counter() - began)
        rates = [len(messages) / statistics.median(each[1:]) for each in times.values()]
        yield [kind, *(f"{rate:.0f} ({rate / rates[0]:.2f})" for rate in rates)]


def show(title: str, headings: Sequence[str], rows: Iterator[list[str]]) -> None:
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    Console(width=150).print(table)


def main() -> None:
    loaded = backbones.load("minilm")
    scripts = ("han", *(name for name in loaded.reading.spelled if name != "han"))
    helps = {"no help": Reading(), "spelling only": Reading(scripts), "as loaded": loaded.reading}
    arms = {name: Backbone(loaded.model, loaded.name, loaded.folder, each) for name, each in helps.items()}
    own, test = development(), sample()
    rows = iter([name, *few_shot(arm, own)] for name, arm in arms.items())
    show("1. Chinese support messages, accuracy", ("", "no label", *(f"{shots} a class" for shots in SHOTS)), rows)
    headings = ("", "language", *(f"{low} to {high - 1} labels" for low, high in BANDS))
    lines = ([name, *cells] for name, arm in arms.items() for cells in conversation(arm, test))
    show(f"2. The sample, {SEEDS} shuffles: accuracy, shown at precision", headings, lines)
    if len(sys.argv) > 1:
        headings = ("", "accuracy", "largest difference in probability", "other answers")
        show("3. Banking77 10-shot", headings, english(arms, Path(sys.argv[1])))
    latin = [text for text in test.texts if text.isascii()]
    show("4. Messages a second (ratio)", ("", *arms), speed(arms, {"English": latin, "Chinese": own.texts}))


if __name__ == "__main__":
    main()

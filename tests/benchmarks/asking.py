"""How many answers `ask` saves: accuracy by the number of labels, for every strategy, on the same vectors.

    python -m tests.benchmarks.asking DATA [--backbone NAME] [--vectors FOLDER] [--only banking77] [--seeds 5]

DATA holds folders of public data with `train.csv` and `test.csv`: banking77, clinc150, emotion. A few of the labels,
and of their training messages, are the pool; ten are asked about at a time, as `ask 10` does, and answered truly. Then
the head is fitted as in a chat, the labels' names as their descriptions, and tested. small-text comes with
`backchannel[bench]`. `--validate` tests on `val.csv`: for choosing constants. Vectors are kept in FOLDER.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from modeling.active_learning.strategies import STRATEGIES, Pool, choose
from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.classifier import head
from modeling.classifier.logistic_regression import shared
from modeling.data.examples import read
from modeling.types import Rows, Targets, Vector, Vectors

ASKED = 10
ENCODED, POOL, TESTED = 1200, 900, 500
"""Messages of the training file, those of them that a seed draws as its pool, and messages to test on."""
CLASSES = {"banking77": 30, "clinc150": 50, "emotion": 4}
"""How many labels: encoding takes the most time."""
BUDGETS = {
    "banking77": (30, 60, 90, 150, 210, 300),
    "clinc150": (50, 100, 150, 250, 350, 500),
    "emotion": (12, 20, 32, 60, 120, 240),
}
"""Numbers of labels at which accuracies are printed."""
BREAKING_TIES, K_MEANS = "small-text, breaking ties", "small-text, k-means, then breaking ties"

Ask = Callable[["DataSet", Rows, int, int], Rows]
"""Chooses among a data set's pool: what is labelled so far, how many to ask about, and a seed."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """Unit vectors float32 [n, d] of messages, [k, d] of the labels' names, and targets int64 [n]."""

    pool: Vectors
    pool_targets: Targets
    tested: Vectors
    tested_targets: Targets
    names: Vectors

    def drawn(self, seed: int) -> DataSet:
        """The same with a part of the pool: what a seed changes for a strategy that leaves nothing to chance."""
        rows = np.random.default_rng(seed).permutation(len(self.pool))[:POOL]
        return replace(self, pool=self.pool[rows], pool_targets=self.pool_targets[rows])

    @property
    def mean(self) -> Vector:
        return shared(self.pool[:512])

    @property
    def labels(self) -> list[str]:
        return list(map(str, range(len(self.names))))


def load(data: Path, name: str, backbone: Backbone, folder: Path, *, validate: bool) -> DataSet:
    """Some labels of a public data set, as vectors."""
    validation = (data / name / "val.csv", data / f"{name}_fewshot" / "valid.csv")
    test = next(path for path in validation if path.exists()) if validate else data / name / "test.csv"
    labels = sorted(set(read(data / name / "train.csv").labels))
    labels = sorted(np.random.default_rng(0).permutation(labels)[: CLASSES[name]].tolist())
    pool, pool_targets = encoded(data / name / "train.csv", labels, ENCODED, backbone, folder)
    tested, tested_targets = encoded(test, labels, TESTED, backbone, folder)
    names = backbone.encode([label.replace("_", " ") for label in labels])
    return DataSet(pool, pool_targets, tested, tested_targets, names)


def encoded(file: Path, labels: Sequence[str], most: int, backbone: Backbone, folder: Path) -> tuple[Vectors, Targets]:
    """Vectors and targets of so many messages of these labels, from the folder where it has them."""
    kept = folder / f"{file.parent.name}-{file.stem}-{most}-{backbone.fingerprint}.npz"
    if not kept.is_file():
        examples = read(file)
        rows = [row for row in np.random.default_rng(0).permutation(len(examples)) if examples.labels[row] in labels]
        vectors = backbone.encode([examples.texts[row] for row in rows[:most]])
        targets = np.array([labels.index(examples.labels[row]) for row in rows[:most]], np.int64)
        np.savez(kept, vectors=vectors, targets=targets)
    saved = np.load(kept)
    return saved["vectors"], saved["targets"]


def ours(strategy: Any) -> Ask:
    """A strategy of `ask`; what a model foresees is what it says before there are labels."""

    def ask(data: DataSet, labelled: Rows, count: int, seed: int) -> Rows:
        free = np.setdiff1d(np.arange(len(data.pool)), labelled)
        foreseen = head.guess(data.names, data.mean, data.labels).probabilities(data.pool[free])
        predicted, certainty = foreseen.argmax(axis=1), foreseen.max(axis=1)
        known, targets = data.pool[labelled], data.pool_targets[labelled]
        pool = Pool(data.pool[free], known, targets, len(data.names), predicted, certainty)
        return free[choose(pool, count, strategy, seed)]

    return ask


@dataclass(frozen=True, slots=True)
class Classifier:
    """What small-text asks of one: here the head over the labels seen so far, as our own strategies have it."""

    fitted: head.Head

    def predict_proba(self, vectors: Vectors) -> Vectors:
        return self.fitted.probabilities(vectors)


def peer(*, k_means: bool) -> Ask:
    """small-text's breaking ties (margin), started with one message a class at random or by its k-means."""
    import small_text

    # Untyped: without this everything that comes from it would be unknown to the checker.
    library: Any = small_text
    breaking_ties, k_means_query = library.BreakingTies().query, library.EmbeddingKMeans().query

    def ask(data: DataSet, labelled: Rows, count: int, seed: int) -> Rows:
        free, targets = np.setdiff1d(np.arange(len(data.pool)), labelled), data.pool_targets[labelled]
        if not len(labelled) and k_means:
            np.random.seed(seed)  # it knows no other
            start = len(data.names)
            return k_means_query(None, data.pool, free, labelled, targets, start, embeddings=data.pool)
        if len(set(targets.tolist())) < 2:
            return np.random.default_rng(seed).permutation(free)[: len(data.names)]
        return breaking_ties(classifier(data, labelled), data.pool, free, labelled, targets, count)

    return ask


def classifier(data: DataSet, labelled: Rows) -> Classifier:
    present, targets = np.unique(data.pool_targets[labelled], return_inverse=True)
    names, thresholds = list(map(str, present)), np.zeros(len(present), np.float32)
    given: dict[str, Any] = {"c": head.DEFAULT_C, "temperature": 1.0, "thresholds": thresholds}
    return Classifier(head.fit(data.pool[labelled], targets, names, None, **given))


def contenders() -> dict[str, Ask]:
    asks: dict[str, Ask] = {strategy: ours(strategy) for strategy in STRATEGIES}
    try:
        return asks | {BREAKING_TIES: peer(k_means=False), K_MEANS: peer(k_means=True)}
    except ImportError:
        print("small-text is not installed, so it is left out: pip install 'backchannel[bench]'.")
        return asks


def curve(data: DataSet, ask: Ask, budgets: Sequence[int], seed: int) -> list[float]:
    """Accuracy after each of these numbers of labels."""
    data = data.drawn(seed)
    labelled, accuracies = np.empty(0, np.int64), list[float]()
    for budget in budgets:
        while len(labelled) < budget:
            count = min(ASKED, budget - len(labelled))
            labelled = np.concatenate([labelled, ask(data, labelled, count, seed * 1000 + len(labelled))])
        accuracies.append(accuracy(data, labelled[:budget]))
    return accuracies


def accuracy(data: DataSet, labelled: Rows) -> float:
    thresholds = np.zeros(len(data.names), np.float32)
    given: dict[str, Any] = {"c": head.DEFAULT_C, "temperature": 1.0, "thresholds": thresholds, "mean": data.mean}
    fitted = head.fit(data.pool[labelled], data.pool_targets[labelled], data.labels, data.names, **given)
    return float((fitted.probabilities(data.tested).argmax(axis=1) == data.tested_targets).mean())


def needed(budgets: Sequence[int], accuracies: Sequence[float], wanted: float) -> float:
    """Labels until a mean curve first reaches an accuracy, linearly between budgets; infinite where it never does."""
    reached = next((place for place, value in enumerate(accuracies) if value >= wanted), None)
    if not reached:
        return float(budgets[0]) if reached == 0 else float("inf")
    low, high = accuracies[reached - 1], accuracies[reached]
    return budgets[reached - 1] + (wanted - low) / (high - low) * (budgets[reached] - budgets[reached - 1])


def report(name: str, budgets: Sequence[int], curves: dict[str, Sequence[float]]) -> None:
    """Two tables: accuracies, and labels for the accuracy that random labels reach."""
    print(f"\n| {name}, labels | {' | '.join(map(str, budgets))} |\n{'|---' * (len(budgets) + 1)}|")
    for contender, means in curves.items():
        print(f"| {contender} | {' | '.join(f'{value:.3f}' for value in means)} |")
    print(f"\n| {name}, labels for random's accuracy at | {' | '.join(map(str, budgets[1:]))} |")
    print(f"{'|---' * len(budgets)}|")
    for contender, means in curves.items():
        counts = (needed(budgets, means, wanted) for wanted in curves["random"][1:])
        print(f"| {contender} | {' | '.join(f'{count:.0f}' for count in counts)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--backbone", default="multilingual")
    parser.add_argument("--vectors", type=Path, default=Path())
    parser.add_argument("--only", choices=tuple(CLASSES), action="append")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--validate", action="store_true")
    arguments = parser.parse_args()
    backbone, asks = backbones.load(arguments.backbone), contenders()
    for name in arguments.only or CLASSES:
        data = load(arguments.data, name, backbone, arguments.vectors, validate=arguments.validate)
        curves = {
            contender: np.mean(
                [curve(data, ask, BUDGETS[name], seed) for seed in range(arguments.seeds)], axis=0
            ).tolist()
            for contender, ask in asks.items()
        }
        report(f"{name}, {len(data.names)} classes", BUDGETS[name], curves)


if __name__ == "__main__":
    main()

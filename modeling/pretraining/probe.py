"""What another backbone gains once there are labels: the same head on the same folds, with one and with the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modeling.backbones.backbone import Backbone
from modeling.classifier import head
from modeling.data.examples import Examples, describe_labels, positions, read
from modeling.data.folds import stratified_folds
from modeling.evaluation.bootstrap import LEVEL, RESAMPLES, interval, macro_f1_difference
from modeling.evaluation.metrics import macro_f1
from modeling.events import PretrainingGain, rounded
from modeling.sentences.catalogue import Sentence, sentence
from modeling.types import Folds, Probabilities, Targets

FOLDS = 5
METHOD = f"frozen head out of fold; paired bootstrap over messages, {RESAMPLES} resamples, {LEVEL:.0%}"


@dataclass(frozen=True, slots=True)
class Gain:
    """Macro-F1 `before` and `after`, and the ends of the interval of their difference."""

    before: float
    after: float
    low: float
    high: float
    folds: int = FOLDS
    metric: str = "macro_f1"
    method: str = METHOD

    def rounded(self) -> PretrainingGain:
        """The gain as it is printed."""
        return PretrainingGain.model_validate(rounded(self))

    @property
    def sentence(self) -> Sentence:
        """What the figures say, and no more than that."""
        code = "pretraining_gained" if self.low > 0 else "pretraining_lost" if self.high < 0 else "pretraining_no_gain"
        points = {"low": round(100 * self.low, 2), "high": round(100 * self.high, 2)}
        return sentence(code, before=round(self.before, 4), after=round(self.after, 4), **points)


def measure(
    examples: Examples, before: Backbone, after: Backbone, seed: int, on_progress: Callable[[float], None]
) -> Gain:
    """Cross-validate a frozen head over both backbones.

    The head chooses its C within each fold, as it does in a chat. That the examples' texts may have been among
    those that were pretrained on is as it is in a chat, too: their labels were not.
    """
    labels = sorted(set(examples.labels))
    targets = positions(examples.labels, labels)
    folds = stratified_folds(targets, FOLDS, seed)
    probabilities: list[Probabilities] = []
    for position, backbone in enumerate((before, after)):
        probabilities.append(_out_of_fold(examples, targets, labels, folds, backbone, seed))
        on_progress((position + 1) / 2)
    gain = interval(macro_f1_difference(probabilities[1], probabilities[0], targets, seed))
    return Gain(macro_f1(probabilities[0], targets), macro_f1(probabilities[1], targets), gain.low, gain.high)


def read_labelled(path: Path) -> Examples | None:
    """Read labelled messages as for training; None if they are too few, or of one label. Raises ModelingError."""
    examples = read(path)  # says what is wrong with the file, while too few messages are nothing wrong here
    counts = Counter(examples.labels)
    if len(counts) < 2 or max(counts.values()) < 2:
        return None
    examples = read(path, training=True)
    return examples if len(examples) >= 2 * FOLDS else None


def _out_of_fold(
    examples: Examples, targets: Targets, labels: list[str], folds: Folds, backbone: Backbone, seed: int
) -> Probabilities:
    """Probabilities float32 [n, k] of every example by a head that was fitted without its fold."""
    vectors = backbone.encode(examples.texts)
    description_vectors = backbone.encode(describe_labels(labels))
    probabilities = np.zeros((len(targets), len(labels)), np.float32)
    for fold_rows in folds:
        rest = np.setdiff1d(np.arange(len(targets)), fold_rows)
        fitted = head.fit(vectors[rest], targets[rest], labels, description_vectors, seed=seed)
        probabilities[fold_rows] = fitted.probabilities(vectors[fold_rows])
    return probabilities

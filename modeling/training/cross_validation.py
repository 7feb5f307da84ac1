"""Candidates of cross-validation: a frozen or tuned backbone and what it says of training messages it did not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from safetensors.numpy import load_file, save_file

from modeling.atomic_files import written_atomically
from modeling.classifier.calibration import best_temperature, out_of_fold, thresholds
from modeling.classifier.logistic_regression import Problem, softmax
from modeling.classifier.out_of_scope import LANDMARKS, OodSignals, held_out_nearest
from modeling.data.folds import stratified_group_folds
from modeling.data.near_duplicates import near_copy_groups
from modeling.evaluation.metrics import ece, macro_f1
from modeling.training import finetune
from modeling.training.finetune import FineTuned
from modeling.training.recipe import FineTuneConfig, Method, Recipe
from modeling.training.weight_averaging import base_weights, blend, save_changed_weights
from modeling.types import Cosines, Folds, Logits, Probabilities, Rows, Targets, Thresholds, Vectors

C_GRID = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
BLENDS = (1.0, 0.6)  # shares of the way from the base's weights to the tuned ones; blending is done in place, once
WEIGHTS = ".weights"
RARE = 10  # messages of a label; with fewer on average, its description is an example, too
FEWEST_BATCHES = 4
LITTLE_CONTRAST = 0.2
LARGE, LARGE_FOLDS = 3000, 5  # of so many messages a fifth that is held out once says enough

OnProgress = Callable[[str, float], None]
Encoded: TypeAlias = tuple[Vectors, Vectors]  # of the messages [n, d], and of the labels' descriptions [k, d]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What is trained on: cleaned texts, targets [n], label descriptions; vectors are of the frozen backbone."""

    texts: Sequence[str]
    targets: Targets
    descriptions: Sequence[str]
    vectors: Vectors
    description_vectors: Vectors

    def of(self, rows: Rows) -> TrainingSet:
        """Return some of the messages."""
        texts = [self.texts[int(row)] for row in rows]
        return TrainingSet(texts, self.targets[rows], self.descriptions, self.vectors[rows], self.description_vectors)

    def centroids(self, rows: Rows) -> Vectors:
        """Where each label's messages and description lie among the frozen vectors, float32 [k, d], length one."""
        sums = self.description_vectors.copy()
        np.add.at(sums, self.targets[rows], self.vectors[rows])
        return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method's predictions for messages that it did not see: scores [m, k] for the examples `rows` [m].

    `near` [m] is how near the nearest landmark of the messages that it saw was; None where nobody asked. `blend` is how
    far a tuned backbone went from its base.
    """

    method: Method
    c: float
    scores: Logits
    rows: Rows
    targets: Targets
    near: Cosines | None = None
    blend: float = 1.0
    temperature: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", best_temperature(self.scores, self.targets[self.rows])[0])

    @property
    def probabilities(self) -> Probabilities:
        """Calibrated probabilities [m, k] of the examples `rows`."""
        return softmax(self.scores / np.float32(self.temperature))

    def of(self, rows: Rows) -> Probabilities:
        """Calibrated probabilities [m, k] of some of its examples."""
        positions = {row: position for position, row in enumerate(self.rows.tolist())}
        return self.probabilities[[positions[row] for row in rows.tolist()]]

    def thresholds(self) -> Thresholds:
        """Thresholds [k] for the wanted precision."""
        return thresholds(self.probabilities, self.targets[self.rows])

    def signals(self) -> list[OodSignals]:
        """What the out-of-scope detector is calibrated by; empty where nobody asked for it."""
        return [] if self.near is None else [OodSignals(self.near, self.scores.max(axis=1))]

    def summary(self) -> dict[str, float]:
        """Accuracy, macro-F1 and calibration error out of fold."""
        targets = self.targets[self.rows]
        accuracy = float((self.probabilities.argmax(1) == targets).mean())
        figures = {"accuracy": accuracy, "macro_f1": macro_f1(self.probabilities, targets)}
        return {name: round(value, 4) for name, value in {**figures, "ece": ece(self.probabilities, targets)}.items()}


def make_folds(training_set: TrainingSet, recipe: Recipe) -> Folds:
    """Return the rows of each fold of cross-validation; near copies of a message are in one."""
    count = LARGE_FOLDS if len(training_set.texts) >= LARGE else recipe.folds
    return stratified_group_folds(training_set.targets, near_copy_groups(training_set.texts), count, recipe.seed)


def evaluated_folds(training_set: TrainingSet, recipe: Recipe) -> int:
    """Return how many of the folds are held out, one after the other."""
    return 1 if len(training_set.texts) >= LARGE else recipe.folds


def frozen_candidate(training_set: TrainingSet, folds: Folds, c: float) -> Candidate:
    """The head alone, on the frozen backbone's vectors."""
    problem = Problem.around(training_set.vectors, training_set.targets, training_set.description_vectors)
    # Where one part alone is held out, as in a search over many messages, the others have no score.
    rows = np.sort(np.concatenate(folds))
    return Candidate("frozen", c, out_of_fold(problem, folds, c)[rows], rows, training_set.targets)


@dataclass(slots=True)
class CrossValidation:
    """Fine-tunes candidates fold by fold; what is done is kept on disk, so that a killed run need not repeat it.

    With `keep_weights`, so are the tuned weights, to be averaged with the final ones.
    """

    training_set: TrainingSet
    recipe: Recipe
    base: Path
    folds: Folds
    work: Path
    on_progress: OnProgress
    keep_weights: bool = False
    vectors: dict[tuple[str, int], dict[float, Encoded]] = field(default_factory=dict)

    def run(self, method: Method, fold_count: int) -> Candidate:
        """Fine-tune on the first folds; return the scores of the best blend and C on what was held out."""
        rows = np.concatenate(self.folds[:fold_count])
        encoded = [self._fold(method, fold) for fold in range(fold_count)]
        targets = self.training_set.targets
        candidates: list[Candidate] = []
        for share in BLENDS:
            for c in C_GRID:
                scores = [
                    out_of_fold(self._problem(encoded[fold][share]), [fold_rows], c)[fold_rows]
                    for fold, fold_rows in enumerate(self.folds[:fold_count])
                ]
                candidates.append(Candidate(method, c, np.concatenate(scores), rows, targets, blend=share))
        # By the loss after calibration, as the live head's C is chosen.
        best = min(candidates, key=lambda candidate: best_temperature(candidate.scores, targets[rows])[1])
        blended = [by_share[best.blend] for by_share in encoded]
        near = [
            held_out_nearest(vectors, self.training_set.targets, fold_rows, LANDMARKS)
            for (vectors, _), fold_rows in zip(blended, self.folds[:fold_count], strict=True)
        ]
        return replace(best, near=np.concatenate(near))

    def _problem(self, encoded: Encoded) -> Problem:
        return Problem.around(encoded[0], self.training_set.targets, encoded[1])

    def _fold(self, method: Method, fold: int) -> dict[float, Encoded]:
        if (method, fold) not in self.vectors:
            path = self.work / f"{method}-{fold}.safetensors"
            if not path.is_file():
                self._tune(method, fold, path)
            tensors = load_file(path)
            self.vectors[method, fold] = {
                share: (tensors[f"vectors-{share}"], tensors[f"described-{share}"]) for share in BLENDS
            }
        return self.vectors[method, fold]

    def _tune(self, method: Method, fold: int, path: Path) -> None:
        rest = np.setdiff1d(np.arange(len(self.training_set.texts)), self.folds[fold])
        base_weights(self.base)
        stage = f"cross-validation {fold + 1}/{evaluated_folds(self.training_set, self.recipe)}"
        tuned = fine_tune_rows(
            self.training_set,
            rest,
            method,
            self.recipe,
            self.base,
            self.work,
            lambda share: self.on_progress(stage, share),
        )
        if self.keep_weights:
            save_changed_weights(tuned.backbone, self.base, path.with_suffix(WEIGHTS))
        vectors: dict[str, Vectors] = {}
        for share in BLENDS:
            encode = blend(tuned.backbone, self.base, share).encode
            vectors[f"vectors-{share}"] = encode(self.training_set.texts)
            vectors[f"described-{share}"] = encode(self.training_set.descriptions)
        with written_atomically(path) as draft:
            save_file(vectors, draft)


def kept_weights(work: Path, method: Method) -> list[Path]:
    """Return the files with the weights that cross-validation tuned and kept."""
    return sorted(work.glob(f"{method}-*{WEIGHTS}"))


def fine_tune_rows(
    training_set: TrainingSet,
    rows: Rows,
    method: Method,
    recipe: Recipe,
    base: Path,
    work: Path,
    on_progress: Callable[[float], None],
) -> FineTuned:
    """Fine-tune the backbone in the folder `base` on the examples `rows`.

    Where they are few, each label's description is one more example of it.
    """
    texts, targets = [training_set.texts[int(row)] for row in rows], training_set.targets[rows]
    if len(rows) < RARE * len(training_set.descriptions):
        texts += training_set.descriptions
        targets = np.concatenate([targets, np.arange(len(training_set.descriptions))])
    return finetune.fine_tune(
        base,
        texts,
        targets,
        training_set.centroids(rows),
        method,
        _adapt_config(recipe.tuning(method), len(texts), many=len(training_set.texts) >= LARGE),
        seed=recipe.seed,
        # names the fold, the same after a restart
        work=work / f"{method}-{len(rows)}-{int(rows.sum())}",
        on_progress=on_progress,
    )


def _adapt_config(tuning: FineTuneConfig, count: int, *, many: bool) -> FineTuneConfig:
    """Return settings that suit `count` messages: few in several batches, and less contrast where there are `many`.

    Of many, cross-entropy alone knows all labels well, and most messages of a batch meet none of their own label there.
    """
    batch = min(tuning.batch, max(1, count // FEWEST_BATCHES))
    contrast = LITTLE_CONTRAST if many and tuning.contrast is None else tuning.contrast
    return tuning.model_copy(update={"batch": batch, "contrast": contrast})

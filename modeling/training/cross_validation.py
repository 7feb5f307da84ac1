"""Candidates of cross-validation: a frozen or tuned backbone and what it says of training messages it did not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from safetensors.numpy import load_file, save_file

from modeling.atomic_files import written_atomically
from modeling.classifier.calibration import best_temperature, thresholds
from modeling.classifier.logistic_regression import Problem, shared, softmax, solve
from modeling.classifier.out_of_scope import LANDMARKS, ScopeSigns, landmarks, nearest
from modeling.data.folds import stratified_group_folds
from modeling.data.near_duplicates import near_copy_groups
from modeling.evaluation.metrics import ece, macro_f1
from modeling.training import finetune
from modeling.training.finetune import Tuned
from modeling.training.recipe import Method, Recipe, Tuning
from modeling.training.weight_averaging import blend, keep
from modeling.types import Cosines, Folds, Logits, Probabilities, Rows, Targets, Thresholds, Vectors

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
BLENDS = (1.0, 0.6)  # shares of the way from the base's weights to the tuned ones; blending is done in place, once
WEIGHTS = ".weights"
RARE = 10  # messages of a label; with fewer on average, what the label says it means is learnt from, too
FEWEST_BATCHES = 4
LITTLE_CONTRAST = 0.2
LARGE, LARGE_FOLDS = 3000, 5  # of so many messages a fifth that is held out once says enough

OnProgress = Callable[[str, float], None]
Read: TypeAlias = tuple[Vectors, Vectors]  # of the messages [n, d], and of the labels' descriptions [k, d]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What is trained on: cleaned texts, targets [n], label descriptions; vectors are of the frozen backbone."""

    texts: Sequence[str]
    targets: Targets
    descriptions: Sequence[str]
    vectors: Vectors
    described: Vectors

    def of(self, rows: Rows) -> TrainingSet:
        """Return some of the messages."""
        texts = [self.texts[int(row)] for row in rows]
        return TrainingSet(texts, self.targets[rows], self.descriptions, self.vectors[rows], self.described)

    def centroids(self, rows: Rows) -> Vectors:
        """Where each label's messages and description lie among the frozen vectors, float32 [k, d], length one."""
        sums = self.described.copy()
        np.add.at(sums, self.targets[rows], self.vectors[rows])
        return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method's predictions for messages that it did not see: scores [m, k] for the examples `rows` [m].

    `near` [m] is how near the nearest landmark of the messages that it saw was; None where nobody asked. `blend` is how
    far a tuned backbone went from its base.
    """

    method: Method
    strength: float
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
        places = {row: place for place, row in enumerate(self.rows.tolist())}
        return self.probabilities[[places[row] for row in rows.tolist()]]

    def thresholds(self) -> Thresholds:
        """Thresholds [k] for the wanted precision."""
        return thresholds(self.probabilities, self.targets[self.rows])

    def signs(self) -> list[ScopeSigns]:
        """What the scope is chosen by; nothing where nobody asked for it."""
        return [] if self.near is None else [ScopeSigns(self.near, self.scores.max(axis=1))]

    def summary(self) -> dict[str, float]:
        """Accuracy, macro-F1 and calibration error out of fold."""
        right = self.targets[self.rows]
        accuracy = float((self.probabilities.argmax(1) == right).mean())
        figures = {"accuracy": accuracy, "macro_f1": macro_f1(self.probabilities, right)}
        return {name: round(value, 4) for name, value in {**figures, "ece": ece(self.probabilities, right)}.items()}


def folds(material: TrainingSet, recipe: Recipe) -> Folds:
    """Return the rows of each fold of cross-validation; near copies of a message are in one."""
    count = LARGE_FOLDS if len(material.texts) >= LARGE else recipe.folds
    return stratified_group_folds(material.targets, near_copy_groups(material.texts), count, recipe.seed)


def turns(material: TrainingSet, recipe: Recipe) -> int:
    """Return how many of the folds are held out, one after the other."""
    return 1 if len(material.texts) >= LARGE else recipe.folds


def frozen_candidate(material: TrainingSet, parts: Folds, strength: float) -> Candidate:
    """The head alone, on the frozen backbone's vectors."""
    problem = Problem(
        material.vectors, material.targets, len(material.descriptions), material.described, shared(material.vectors)
    )
    scores: list[Logits] = []
    for part in parts:
        weights, bias = solve(problem.without(part), strength, loose=True)
        scores.append(material.vectors[part] @ weights.T + bias)
    rows = np.concatenate(parts)
    order = np.argsort(rows)
    return Candidate("frozen", strength, np.concatenate(scores)[order], rows[order], material.targets)


@dataclass(slots=True)
class CrossValidation:
    """Fine-tunes candidates fold by fold; what is done is kept on disk, so that a killed run need not repeat it.

    With `keeps`, so are the tuned weights, to be averaged with the final ones.
    """

    material: TrainingSet
    recipe: Recipe
    base: Path
    parts: Folds
    work: Path
    on_progress: OnProgress
    keeps: bool = False
    vectors: dict[tuple[str, int], dict[float, Read]] = field(default_factory=dict)

    def run(self, method: Method, folds: int) -> Candidate:
        """Tune on the first `folds` folds; return the scores of the best blend and strength on what was held out."""
        rows = np.concatenate(self.parts[:folds])
        found = [self._fold(method, fold) for fold in range(folds)]
        right = self.material.targets
        tried: list[Candidate] = []
        for share in BLENDS:
            for strength in STRENGTHS:
                scores = [self._scores(found[fold][share], self.parts[fold], strength) for fold in range(folds)]
                tried.append(Candidate(method, strength, np.concatenate(scores), rows, right, blend=share))
        best = min(tried, key=lambda each: best_temperature(each.scores, right[rows])[1])
        read = [each[best.blend] for each in found]
        near = [self._near(vectors, part) for (vectors, _), part in zip(read, self.parts[:folds], strict=True)]
        return replace(best, near=np.concatenate(near))

    def _near(self, vectors: Vectors, part: Rows) -> Cosines:
        rest = np.setdiff1d(np.arange(len(vectors)), part)
        return nearest(vectors[part], landmarks(vectors[rest], self.material.targets[rest], LANDMARKS))

    def _scores(self, found: Read, part: Rows, strength: float) -> Logits:
        vectors, described = found
        problem = Problem(vectors, self.material.targets, len(described), described, shared(vectors))
        weights, bias = solve(problem.without(part), strength, loose=True)
        return vectors[part] @ weights.T + bias

    def _fold(self, method: Method, fold: int) -> dict[float, Read]:
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
        rest = np.setdiff1d(np.arange(len(self.material.texts)), self.parts[fold])
        stage = f"cross-validation {fold + 1}/{turns(self.material, self.recipe)}"
        tuned = tune_on(
            self.material, rest, method, self.recipe, self.base, self.work, lambda share: self.on_progress(stage, share)
        )
        if self.keeps:
            keep(tuned.backbone, self.base, path.with_suffix(WEIGHTS))
        vectors: dict[str, Vectors] = {}
        for share in BLENDS:
            read = blend(tuned.backbone, self.base, share).encode
            vectors[f"vectors-{share}"] = read(self.material.texts)
            vectors[f"described-{share}"] = read(self.material.descriptions)
        with written_atomically(path) as draft:
            save_file(vectors, draft)


def kept(work: Path, method: Method) -> list[Path]:
    """Return the files with the weights that cross-validation tuned and kept."""
    return sorted(work.glob(f"{method}-*{WEIGHTS}"))


def tune_on(
    material: TrainingSet,
    rows: Rows,
    method: Method,
    recipe: Recipe,
    base: Path,
    work: Path,
    on_progress: Callable[[float], None],
) -> Tuned:
    """Fine-tune the backbone in the folder `base` on the examples `rows`.

    Where they are few, what the labels say they mean joins in.
    """
    texts, targets = [material.texts[int(row)] for row in rows], material.targets[rows]
    if len(rows) < RARE * len(material.descriptions):
        texts += material.descriptions
        targets = np.concatenate([targets, np.arange(len(material.descriptions))])
    return finetune.tune(
        base,
        texts,
        targets,
        material.centroids(rows),
        method,
        _suited(recipe.tuning(method), len(texts), many=len(material.texts) >= LARGE),
        seed=recipe.seed,
        work=work / f"{method}-{len(rows)}-{int(rows.sum())}",
        on_progress=on_progress,
    )


def _suited(tuning: Tuning, count: int, *, many: bool) -> Tuning:
    """Return settings that suit `count` messages: few in several batches, and less contrast where there are `many`.

    Of many, cross-entropy alone knows all labels well, and most messages of a batch meet none of their own label there.
    """
    batch = min(tuning.batch, max(1, count // FEWEST_BATCHES))
    contrast = LITTLE_CONTRAST if many and tuning.contrast is None else tuning.contrast
    return tuning.model_copy(update={"batch": batch, "contrast": contrast})

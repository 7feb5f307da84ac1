"""Choosing between the frozen backbone and fine-tuned ones by cross-validation on the training messages alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from modeling import finetune
from modeling.backbone import Backbone
from modeling.calibration import best_temperature, deal, thresholds
from modeling.evaluate import ece, macro_f1, macro_f1_difference
from modeling.logistic import Problem, Targets, Vectors, shared, softmax, solve
from modeling.recipe import Method, Recipe
from modeling.scope import LANDMARKS, Signs, landmarks, nearest

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)  # for tuned vectors, which lie far apart already
SURE = 0.1  # a tuned backbone is taken where at most this share of the bootstrap speaks against it

OnProgress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Material:
    """What is trained on: cleaned texts, targets [n], label descriptions; vectors are of the frozen backbone."""

    texts: Sequence[str]
    targets: Targets
    descriptions: Sequence[str]
    vectors: Vectors
    described: Vectors

    def centroids(self, rows: Targets) -> Vectors:
        """Where each label's messages and description lie among the frozen vectors, float32 [k, d], length one."""
        sums = self.described.copy()
        np.add.at(sums, self.targets[rows], self.vectors[rows])
        return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method's predictions for messages that it did not see: scores [m, k] for the examples `rows` [m].

    `near` [m] is how near the nearest landmark of the messages that it saw was; None where nobody asked.
    """

    method: Method
    strength: float
    scores: Vectors
    rows: Targets
    targets: Targets
    near: Vectors | None = None
    temperature: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", best_temperature(self.scores, self.targets[self.rows])[0])

    @property
    def probabilities(self) -> Vectors:
        """Calibrated probabilities [m, k] of the examples `rows`."""
        return softmax(self.scores / np.float32(self.temperature))

    def thresholds(self) -> Vectors:
        """Thresholds [k] for the wanted precision."""
        return thresholds(self.probabilities, self.targets[self.rows])

    def signs(self) -> list[Signs]:
        """What the scope is chosen by; nothing where nobody asked for it."""
        return [] if self.near is None else [Signs(self.near, self.scores.max(axis=1))]

    def summary(self) -> dict[str, float]:
        """Accuracy, macro-F1 and calibration error out of fold."""
        right = self.targets[self.rows]
        accuracy = float((self.probabilities.argmax(1) == right).mean())
        figures = {"accuracy": accuracy, "macro_f1": macro_f1(self.probabilities, right)}
        return {name: round(value, 4) for name, value in {**figures, "ece": ece(self.probabilities, right)}.items()}


@dataclass(frozen=True, slots=True)
class Selection:
    """The method to train with, the frozen head that it was compared with, and every candidate's figures."""

    chosen: Candidate
    frozen: Candidate
    figures: dict[str, dict[str, float]]


def select(
    material: Material, recipe: Recipe, base: Path, strength: float, work: Path, on_progress: OnProgress
) -> Selection:
    """Choose the method to train with.

    "auto" races: all candidates are tuned on the first fold, the best goes on, and only if it leads the frozen head
    there. In the end it must beat the frozen head on all folds together. Another method is taken as it is, and
    cross-validated for its temperature and thresholds.
    """
    parts = deal(material.targets, recipe.folds, recipe.seed)
    frozen = _frozen(material, parts, strength)
    methods: tuple[Method, ...] = recipe.candidates if recipe.method == "auto" else (recipe.method,)
    if methods == ("frozen",) or len(material.texts) < 2 * recipe.folds:
        return Selection(frozen, frozen, {"frozen": frozen.summary()})
    race = _Race(material, recipe, base, parts, work, on_progress)
    candidates = [race.run(method, 1) for method in methods]
    best = max(candidates, key=lambda each: macro_f1(each.probabilities, material.targets[each.rows]))
    figures = {each.method: each.summary() for each in candidates}
    if recipe.method == "auto" and not _leads(best, frozen, sure=0.5):
        return Selection(frozen, frozen, {"frozen": frozen.summary(), **figures})
    best = race.run(best.method, recipe.folds)
    chosen = best if recipe.method != "auto" or _leads(best, frozen, SURE) else frozen
    return Selection(chosen, frozen, {"frozen": frozen.summary(), **figures, best.method: best.summary()})


def _leads(candidate: Candidate, frozen: Candidate, sure: float) -> bool:
    ours, right = candidate.probabilities, candidate.targets[candidate.rows]
    theirs = frozen.probabilities[candidate.rows]
    return float(np.quantile(macro_f1_difference(ours, theirs, right), sure)) > 0


def _frozen(material: Material, parts: list[Targets], strength: float) -> Candidate:
    problem = Problem(
        material.vectors, material.targets, len(material.descriptions), material.described, shared(material.vectors)
    )
    scores = np.zeros((len(material.texts), problem.classes), np.float32)
    for part in parts:
        weights, bias = solve(problem.without(part), strength, loose=True)
        scores[part] = material.vectors[part] @ weights.T + bias
    return Candidate("frozen", strength, scores, np.arange(len(material.texts)), material.targets)


@dataclass(slots=True)
class _Race:
    """Fine-tunes candidates fold by fold; what is done is kept on disk, so that a killed run need not repeat it."""

    material: Material
    recipe: Recipe
    base: Path
    parts: list[Targets]
    work: Path
    on_progress: OnProgress
    vectors: dict[tuple[str, int], tuple[Vectors, Vectors]] = field(default_factory=dict)

    def run(self, method: Method, folds: int) -> Candidate:
        """Tune on the first `folds` folds and return the best strength's scores on what was held out of them."""
        rows = np.concatenate(self.parts[:folds])
        found = [self._fold(method, fold) for fold in range(folds)]
        right = self.material.targets
        tried: list[Candidate] = []
        for strength in STRENGTHS:
            scores = [self._scores(found[fold], self.parts[fold], strength) for fold in range(folds)]
            tried.append(Candidate(method, strength, np.concatenate(scores), rows, right))
        best = min(tried, key=lambda each: best_temperature(each.scores, right[rows])[1])
        near = [self._near(vectors, part) for (vectors, _), part in zip(found, self.parts[:folds], strict=True)]
        return replace(best, near=np.concatenate(near))

    def _near(self, vectors: Vectors, part: Targets) -> Vectors:
        rest = np.setdiff1d(np.arange(len(vectors)), part)
        return nearest(vectors[part], landmarks(vectors[rest], self.material.targets[rest], LANDMARKS))

    def _scores(self, found: tuple[Vectors, Vectors], part: Targets, strength: float) -> Vectors:
        vectors, described = found
        problem = Problem(vectors, self.material.targets, len(described), described, shared(vectors))
        weights, bias = solve(problem.without(part), strength, loose=True)
        return vectors[part] @ weights.T + bias

    def _fold(self, method: Method, fold: int) -> tuple[Vectors, Vectors]:
        if (method, fold) not in self.vectors:
            path = self.work / f"{method}-{fold}.safetensors"
            if not path.is_file():
                self._tune(method, fold, path)
            tensors = load_file(path)
            self.vectors[method, fold] = tensors["vectors"], tensors["described"]
        return self.vectors[method, fold]

    def _tune(self, method: Method, fold: int, path: Path) -> None:
        rest = np.setdiff1d(np.arange(len(self.material.texts)), self.parts[fold])
        stage = f"cross-validation {fold + 1}/{self.recipe.folds}"
        tuned = tune_on(
            self.material, rest, method, self.recipe, self.base, self.work, lambda share: self.on_progress(stage, share)
        )
        vectors = {"vectors": tuned.encode(self.material.texts), "described": tuned.encode(self.material.descriptions)}
        draft = path.with_suffix(".part")
        save_file(vectors, draft)
        draft.replace(path)


def tune_on(
    material: Material,
    rows: Targets,
    method: Method,
    recipe: Recipe,
    base: Path,
    work: Path,
    on_progress: Callable[[float], None],
) -> Backbone:
    """Fine-tune the backbone in the folder `base` on the examples `rows`."""
    return finetune.tune(
        base,
        [material.texts[int(row)] for row in rows],
        material.targets[rows],
        material.centroids(rows),
        method,
        recipe.tuning(method),
        seed=recipe.seed,
        work=work / f"{method}-{len(rows)}-{int(rows.sum())}",
        on_progress=on_progress,
    )

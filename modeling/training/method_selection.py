"""Choosing between the frozen backbone and fine-tuned ones by cross-validation on the training messages alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from modeling.data.folds import stratified_folds
from modeling.evaluation.metrics import macro_f1, macro_f1_difference
from modeling.sentences.catalogue import Sentence, sentence
from modeling.training import method_selection
from modeling.training.cross_validation import (
    Candidate,
    CrossValidation,
    OnProgress,
    TrainingSet,
    folds,
    frozen_candidate,
    turns,
)
from modeling.training.recipe import Method, Recipe

GAIN = 0.03, 0.04  # what tuning gained in macro-F1 on validation files, 5 messages a label to thousands: mean, spread
DETOUR = -0.01, 0.02  # and what another way to tune than the first candidate did
RACE = 300  # messages; a fold of fewer does not tell one way to tune from another, and the first is taken
MOST_RACED = 1000  # messages that a race is run on
SURE = 0.1  # of the interval that is shown


@dataclass(frozen=True, slots=True)
class Selection:
    """The method to train with, the frozen head that it was compared with, every candidate's figures, and a sentence.

    `why` says with figures why this method was taken.
    """

    chosen: Candidate
    frozen: Candidate
    figures: dict[str, dict[str, float]]
    why: Sentence


def select(
    material: TrainingSet,
    recipe: Recipe,
    base: Path,
    strength: float,
    work: Path,
    on_progress: OnProgress,
    *,
    averages: bool = False,
) -> Selection:
    """Choose the method to train with; where it `averages`, tuned weights stay in `work` for `candidates.kept`.

    "auto" races: all candidates are tuned on the first fold, of about MOST_RACED messages at most, and the first of
    them goes on unless another promises more.
    In the end it must promise more than the frozen head on all folds together, or on the first of very many messages.
    Another method is taken as it is, and cross-validated for its blend, temperature and thresholds.
    """
    parts = folds(material, recipe)
    frozen = frozen_candidate(material, parts, strength)
    methods: tuple[Method, ...] = recipe.candidates if recipe.method == "auto" else (recipe.method,)
    if methods == ("frozen",) or len(material.texts) < 2 * recipe.folds:
        return Selection(
            frozen, frozen, {"frozen": frozen.summary()}, method_selection.alone(methods, len(material.texts))
        )
    race = CrossValidation(material, recipe, base, parts, work, on_progress, keeps=averages)
    method, figures = _winner(race, methods)
    best = race.run(method, turns(material, recipe))
    chosen = best if recipe.method != "auto" or promises(best, frozen) else frozen
    why = method_selection.compared(method, chosen.method, recipe.method, _compared(best, frozen))
    return Selection(chosen, frozen, {"frozen": frozen.summary(), **figures, method: best.summary()}, why)


def _winner(race: CrossValidation, methods: Sequence[Method]) -> tuple[Method, dict[str, dict[str, float]]]:
    """Return the method that wins on the first fold of some messages, and the figures of all there."""
    count = len(race.material.texts)
    if len(methods) == 1 or count < RACE:
        return methods[0], {}
    if count >= 2 * MOST_RACED:
        rows = stratified_folds(race.material.targets, count // MOST_RACED, race.recipe.seed)[0]
        some = race.material.of(rows)
        (race.work / "race").mkdir(exist_ok=True)
        race = replace(
            race, material=some, parts=folds(some, race.recipe), work=race.work / "race", keeps=False, vectors={}
        )
    found = [race.run(method, 1) for method in methods]
    best = found[0]
    for other in found[1:]:
        best = other if promises(other, best, DETOUR) else best
    return best.method, {each.method: each.summary() for each in found}


def _compared(candidate: Candidate, frozen: Candidate) -> Compared:
    """How two methods did on the same messages, which neither had seen."""
    right, theirs = candidate.targets[candidate.rows], frozen.of(candidate.rows)
    low, high = np.quantile(macro_f1_difference(candidate.probabilities, theirs, right), (SURE, 1 - SURE))
    return Compared(macro_f1(candidate.probabilities, right), macro_f1(theirs, right), float(low), float(high))


def promises(candidate: Candidate, rival: Candidate, before: tuple[float, float] = GAIN) -> bool:
    """Say whether a candidate is to be expected to do better than its rival, whose rows hold all of its own.

    What it gained in cross-validation, weighed by how sure that is, joins what was found `before`, elsewhere: a few
    dozen messages can hardly speak against experience, and a thousand decide alone.
    """
    right = candidate.targets[candidate.rows]
    gains = macro_f1_difference(candidate.probabilities, rival.of(candidate.rows), right)
    typical, spread = before
    return typical / spread**2 + float(np.mean(gains)) / max(float(np.var(gains)), 1e-8) > 0


@dataclass(frozen=True, slots=True)
class Compared:
    """Macro-F1 out of fold of a tuned and of the frozen backbone; the 80% interval of the difference."""

    tuned: float
    frozen: float
    low: float
    high: float

    @property
    def sentence(self) -> Sentence:
        """The figures in words."""
        return sentence("method_figures", **asdict(self))


def alone(asked: tuple[Method, ...], messages: int) -> Sentence:
    """Return why nothing was tuned."""
    if asked == ("frozen",):
        return sentence("frozen_asked_for")
    return sentence("frozen_for_few", messages=messages)


def compared(best: Method, chosen: Method, asked: str, figures: Compared) -> Sentence:
    """Return why the best tuned candidate was taken, or not."""
    if asked != "auto":
        code = "method_asked_for"
    elif chosen != best:
        code = "frozen_stays"
    else:
        code = "method_usually_gains" if figures.tuned <= figures.frozen else "method_better"
    return sentence(code, method=sentence(f"method_{best}"), figures=figures.sentence)

"""Choosing between the frozen backbone and fine-tuned ones by cross-validation on the training messages alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from modeling.data.folds import stratified_folds
from modeling.evaluation.bootstrap import interval, macro_f1_difference
from modeling.evaluation.metrics import macro_f1
from modeling.sentences.catalogue import Sentence, sentence
from modeling.training.cross_validation import (
    Candidate,
    CrossValidation,
    OnProgress,
    TrainingSet,
    evaluated_folds,
    frozen_candidate,
    make_folds,
)
from modeling.training.recipe import Method, Recipe

GAIN = 0.03, 0.04  # what tuning gained in macro-F1 on validation files, 5 messages a label to thousands: mean, spread
OTHER_GAIN = -0.01, 0.02  # and what another way to tune than the first candidate did
FEWEST_COMPARED = 300  # messages; a fold of fewer does not tell one method from another, and the first is taken
MOST_COMPARED = 1000  # messages that methods are compared on
SHOWN_LEVEL = 0.8  # of the interval that is shown


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
    training_set: TrainingSet,
    recipe: Recipe,
    base: Path,
    c: float,
    work: Path,
    on_progress: OnProgress,
    *,
    averages: bool = False,
) -> Selection:
    """Choose the method to train with; where it `averages`, tuned weights stay in `work` for `kept_weights`.

    "auto" compares: all candidates are tuned on the first fold, of about MOST_COMPARED messages at most, and the first
    of them goes on unless another is expected to gain more.
    In the end it must be expected to gain more than the frozen head, on all folds together, or on the first one of very
    many messages.
    Another method is taken as it is, and cross-validated for its blend, temperature and thresholds.
    """
    folds = make_folds(training_set, recipe)
    frozen = frozen_candidate(training_set, folds, c)
    methods: tuple[Method, ...] = recipe.candidates if recipe.method == "auto" else (recipe.method,)
    if methods == ("frozen",) or len(training_set.texts) < 2 * recipe.folds:
        return Selection(frozen, frozen, {"frozen": frozen.summary()}, explain_frozen(methods, len(training_set.texts)))
    cross_validation = CrossValidation(training_set, recipe, base, folds, work, on_progress, keep_weights=averages)
    method, figures = _winner(cross_validation, methods)
    best = cross_validation.run(method, evaluated_folds(training_set, recipe))
    chosen = best if recipe.method != "auto" or expected_to_gain(best, frozen) else frozen
    why = explain_choice(method, chosen.method, recipe.method, _compared(best, frozen))
    return Selection(chosen, frozen, {"frozen": frozen.summary(), **figures, method: best.summary()}, why)


def _winner(cross_validation: CrossValidation, methods: Sequence[Method]) -> tuple[Method, dict[str, dict[str, float]]]:
    """Return the method that wins on the first fold of some messages, and the figures of all there."""
    count = len(cross_validation.training_set.texts)
    if len(methods) == 1 or count < FEWEST_COMPARED:
        return methods[0], {}
    # Below twice as many, a part would be all of them.
    if count >= 2 * MOST_COMPARED:
        rows = stratified_folds(
            cross_validation.training_set.targets, count // MOST_COMPARED, cross_validation.recipe.seed
        )[0]
        some = cross_validation.training_set.of(rows)
        (cross_validation.work / "comparison").mkdir(exist_ok=True)
        cross_validation = replace(
            cross_validation,
            training_set=some,
            folds=make_folds(some, cross_validation.recipe),
            work=cross_validation.work / "comparison",
            keep_weights=False,
            vectors={},  # else both would share one cache, and the folds differ
        )
    candidates = [cross_validation.run(method, 1) for method in methods]
    best = candidates[0]
    for other in candidates[1:]:
        best = other if expected_to_gain(other, best, OTHER_GAIN) else best
    return best.method, {candidate.method: candidate.summary() for candidate in candidates}


def _compared(candidate: Candidate, frozen: Candidate) -> Compared:
    """How two methods did on the same messages, which neither had seen."""
    targets, frozen_probabilities = candidate.targets[candidate.rows], frozen.of(candidate.rows)
    gain = interval(macro_f1_difference(candidate.probabilities, frozen_probabilities, targets), SHOWN_LEVEL)
    tuned_f1, frozen_f1 = macro_f1(candidate.probabilities, targets), macro_f1(frozen_probabilities, targets)
    return Compared(tuned_f1, frozen_f1, gain.low, gain.high)


def expected_to_gain(candidate: Candidate, rival: Candidate, prior: tuple[float, float] = GAIN) -> bool:
    """Say whether a candidate is to be expected to do better than its rival, whose rows hold all of its own.

    What it gained in cross-validation, weighed by how sure that is, joins what was found elsewhere, the `prior`: a few
    dozen messages can hardly speak against experience, and a thousand decide alone.
    """
    targets = candidate.targets[candidate.rows]
    gains = macro_f1_difference(candidate.probabilities, rival.of(candidate.rows), targets)[1:]
    typical, spread = prior
    # The sign of the mean of two normal witnesses, each weighed by one over its variance.
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


def explain_frozen(methods: tuple[Method, ...], messages: int) -> Sentence:
    """Return why nothing was tuned."""
    if methods == ("frozen",):
        return sentence("frozen_asked_for")
    return sentence("frozen_for_few", messages=messages)


def explain_choice(best: Method, chosen: Method, method: str, figures: Compared) -> Sentence:
    """Return why the best tuned candidate was taken, or not."""
    if method != "auto":
        code = "method_asked_for"
    elif chosen != best:
        code = "frozen_stays"
    else:
        code = "method_usually_gains" if figures.tuned <= figures.frozen else "method_better"
    return sentence(code, method=sentence(f"method_{best}"), figures=figures.sentence)

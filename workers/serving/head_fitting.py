"""From labelled vectors to a head: the quick fit, and the slow cross-validation.

A fit with its settings already chosen takes a fraction of a second, so it follows every label. The settings (C,
temperature, thresholds) come from cross-validation, which takes seconds: they are chosen beside the quick fits, anew
whenever the examples have grown or shrunk by half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from modeling.classifier import calibration, head, out_of_scope
from modeling.classifier.calibration import WANTED_PRECISION
from modeling.classifier.head import DEFAULT_C, GUESS_THRESHOLD, Head
from modeling.classifier.logistic_regression import Problem, shared
from modeling.classifier.out_of_scope import OutOfScopeDetector
from modeling.types import Vectors
from workers.serving.labelled_vectors import LabelledVectors
from workers.store.labels import Label

GROWTH = 1.5
ENOUGH_HELD_OUT = 30


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """What cross-validation chose on so many `examples`. `thresholds` by the label's id as text.

    `fine_tuned` marks the settings of a fine-tuned version: its C stays, and only messages that its training did
    not see may calibrate its probabilities, since the others lie too neatly apart in its vectors.
    """

    c: float = DEFAULT_C
    temperature: float = 1.0
    thresholds: Mapping[str, float] | None = None
    median_threshold: float = GUESS_THRESHOLD
    examples: int = 0
    fine_tuned: bool = False
    out_of_scope: OutOfScopeDetector | None = None

    @property
    def untried(self) -> bool:
        """Whether nobody has chosen them."""
        return not self.examples and not self.fine_tuned

    def thresholds_of(self, names: Sequence[str]) -> Vectors:
        """Thresholds float32 [k] for these labels; one that is new gets the median."""
        chosen = self.thresholds or {}
        return np.array([chosen.get(name, self.median_threshold) for name in names], np.float32)


def fit_head(
    labelled: LabelledVectors, settings: HeadSettings, warm: Head | None, chat_mean: Vectors | None
) -> Head | None:
    """The head for these labels: none with fewer than two, a guess without an example, else a fit from `warm` on.

    `chat_mean`: the mean vector of recent messages, float32 [d].
    """
    if len(labelled.labels) < 2:
        return None
    if not len(labelled.targets):
        return head.guess(labelled.descriptions, chat_mean, labelled.names)
    return head.fit(
        labelled.vectors,
        labelled.targets,
        labelled.names,
        labelled.descriptions,
        mean=chat_mean,
        warm=warm,
        c=settings.c,
        temperature=settings.temperature,
        thresholds=settings.thresholds_of(labelled.names),
        out_of_scope=settings.out_of_scope,
        population=labelled.population,
    )


def needs_cross_validation(settings: HeadSettings, labelled: LabelledVectors) -> bool:
    """Whether the examples have changed enough for choosing anew."""
    count, before = labelled.examples, settings.examples
    if count < 2 or len(labelled.labels) < 2 or (settings.fine_tuned and labelled.held_out.sum() < ENOUGH_HELD_OUT):
        return False
    return not before / GROWTH < count < before * GROWTH


def careful(settings: HeadSettings) -> HeadSettings:
    """These settings until others are chosen: where nothing ever was, only what is very sure is shown."""
    return replace(settings, median_threshold=WANTED_PRECISION) if settings.untried else settings


def cross_validate(labelled: LabelledVectors, settings: HeadSettings, chat_mean: Vectors | None = None) -> HeadSettings:
    """Choose C, temperature and thresholds; takes seconds."""
    if settings.fine_tuned:
        return recalibrate(labelled, settings, chat_mean)
    fitted = head.fit(
        labelled.vectors,
        labelled.targets,
        labelled.names,
        labelled.descriptions,
        mean=chat_mean,
        population=labelled.population,
    )
    chosen = settings_on(labelled, fitted.c, fitted.temperature, fitted.thresholds)
    return replace(chosen, out_of_scope=without_landmarks(fitted.out_of_scope))


def recalibrate(labelled: LabelledVectors, settings: HeadSettings, chat_mean: Vectors | None) -> HeadSettings:
    """Temperature and thresholds from out-of-fold scores of the held-out messages, at the C that was trained."""
    count = len(labelled.labels)
    mean = shared(labelled.vectors, labelled.descriptions) if chat_mean is None else chat_mean
    problem = Problem(labelled.vectors, labelled.targets, count, labelled.descriptions, mean, labelled.population)
    _, scores = calibration.choose(problem, settings.c, fixed=True, seed=0)
    if scores is None:
        return settings
    held_out, stand_for = labelled.held_out, problem.stand_for
    stand_for = None if stand_for is None else stand_for[held_out]
    temperature, thresholds = calibration.calibrate(scores[held_out], labelled.targets[held_out], count, stand_for)
    chosen = settings_on(labelled, settings.c, temperature, thresholds)
    signals = out_of_scope.signals(labelled.vectors, labelled.targets, scores, seed=0)
    detector = out_of_scope.calibrated_detector(labelled.vectors, [signals.of(held_out)])
    return replace(chosen, fine_tuned=True, out_of_scope=without_landmarks(detector) or settings.out_of_scope)


def without_landmarks(detector: OutOfScopeDetector | None) -> OutOfScopeDetector | None:
    """What was chosen, without the vectors that it was chosen on: every fit puts those of the day in their place."""
    return detector and detector.with_landmarks(np.empty((0, 0), np.float32))


def settings_on(labelled: LabelledVectors, c: float, temperature: float, thresholds: Vectors) -> HeadSettings:
    """These choices, as made on these examples; `thresholds` float32 [k]."""
    by_label = dict(zip(labelled.names, thresholds.tolist(), strict=True))
    return HeadSettings(c, temperature, by_label, float(np.median(thresholds)), examples=labelled.examples)


def settings_of(trained: Head, living: Sequence[Label]) -> HeadSettings:
    """The settings that a fine-tuned version brings along, until enough held-out messages say more."""
    by_name = dict(zip(trained.labels, trained.thresholds.tolist(), strict=True))
    by_label = {str(label.id): by_name[label.name] for label in living if label.name in by_name}
    median = float(np.median(trained.thresholds))
    return HeadSettings(
        trained.c, trained.temperature, by_label, median, fine_tuned=True, out_of_scope=trained.out_of_scope
    )

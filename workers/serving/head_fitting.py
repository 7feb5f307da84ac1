"""From what people said to a head: the labelled vectors, the quick fit, and the slow cross-validation.

A fit with its settings already chosen takes a fraction of a second, so it follows every label. The settings (C,
temperature, thresholds) come from cross-validation, which takes seconds: they are chosen beside the quick fits, anew
whenever the examples have grown or shrunk by half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from modeling.backbones.backbone import Backbone
from modeling.classifier import calibration, head, out_of_scope
from modeling.classifier.head import DEFAULT_C, GUESS_THRESHOLD, Head
from modeling.classifier.logistic_regression import Problem, shared
from modeling.classifier.out_of_scope import OutOfScopeDetector
from modeling.text.cleaning import clean, is_held_out
from modeling.types import Vectors
from workers.store import labels, ledger, messages, predictions, training_set
from workers.store.database import Database
from workers.store.labels import Label

GROWTH = 1.5
ENOUGH_HELD_OUT = 30
BATCH = 64


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

    def thresholds_of(self, names: Sequence[str]) -> Vectors:
        """Thresholds float32 [k] for these labels; one that is new gets the median."""
        chosen = self.thresholds or {}
        return np.array([chosen.get(name, self.median_threshold) for name in names], np.float32)


@dataclass(frozen=True, slots=True)
class LabelledVectors:
    """Labelled vectors float32 [n, d] with targets int64 [n], indices into `labels`, as of one state of the store.

    `revision` and `ledger` (number of its newest row) name that state. `descriptions` float32 [k, d] are the labels'
    own vectors; `held_out` bool [n] marks the messages that no training sees.
    """

    revision: int
    ledger: int
    labels: tuple[Label, ...]
    vectors: Vectors
    targets: NDArray[np.int64]
    descriptions: Vectors
    held_out: NDArray[np.bool_]

    @property
    def names(self) -> list[str]:
        """The labels' ids, by which the head names them: renaming a label changes no head."""
        return [str(label.id) for label in self.labels]


def load_labelled_vectors(database: Database, backbone: Backbone) -> LabelledVectors:
    """Everything labelled, from one reading of the store; vectors that this backbone has not made are made now."""
    with database.read() as c:
        revision, ledger_row = labels.revision(c), ledger.last(c)
        living, labelled = tuple(labels.living(c)), training_set.labelled(c)
        texts = messages.texts(c, [message for message, _ in labelled])
    vector_of = encode_missing(database, backbone, [message for message, _ in labelled])
    index_of = {label.id: index for index, label in enumerate(living)}
    labelled = [(message, label) for message, label in labelled if message in vector_of]
    vectors = [vector_of[message] for message, _ in labelled]
    return LabelledVectors(
        revision,
        ledger_row,
        living,
        np.stack(vectors) if vectors else np.empty((0, backbone.dimension), np.float32),
        np.array([index_of[label] for _, label in labelled], np.int64),
        encode_descriptions(backbone, tuple(map(description, living))),
        np.array([is_held_out_once(texts[message]) for message, _ in labelled], np.bool_),
    )


def encode_missing(database: Database, backbone: Backbone, ids: Sequence[int]) -> dict[int, Vectors]:
    """The vectors of these messages, float32 [d] each, encoded and stored first where they are missing."""
    with database.read() as c:
        stored = predictions.vectors(c, backbone.fingerprint, ids)
        missing = messages.current(c, [id for id in ids if id not in stored])
    cleaned = [(message, text) for message in missing if (text := clean(message.text or ""))]
    for start in range(0, len(cleaned), BATCH):
        batch = cleaned[start : start + BATCH]
        encoded = backbone.encode([text for _, text in batch])
        rows = [(message.id, message.revision, row.tobytes()) for (message, _), row in zip(batch, encoded, strict=True)]
        # Short ones, so that messages and reactions get in between.
        with database.write() as c:
            predictions.record_vectors(c, backbone.fingerprint, rows)
        stored |= {id: raw for id, _, raw in rows}
    return {id: np.frombuffer(raw, np.float32) for id, raw in stored.items()}


@lru_cache(maxsize=100_000)
def is_held_out_once(text: str) -> bool:
    """`is_held_out`, remembered: heads are fitted all the time."""
    return is_held_out(clean(text))


@lru_cache(maxsize=2)
def encode_descriptions(backbone: Backbone, texts: tuple[str, ...]) -> Vectors:
    """The labels' descriptions as vectors float32 [k, d], remembered: they rarely change."""
    return backbone.encode(texts)


def description(label: Label) -> str:
    """A label as text, for the backbone to read."""
    name = label.name.replace("_", " ")
    return f"{name}: {label.description}" if label.description else name


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
    )


def needs_cross_validation(settings: HeadSettings, labelled: LabelledVectors) -> bool:
    """Whether the examples have changed enough for choosing anew."""
    count, before = len(labelled.targets), settings.examples
    if count < 2 or len(labelled.labels) < 2 or (settings.fine_tuned and labelled.held_out.sum() < ENOUGH_HELD_OUT):
        return False
    return not before / GROWTH < count < before * GROWTH


def cross_validate(labelled: LabelledVectors, settings: HeadSettings, chat_mean: Vectors | None = None) -> HeadSettings:
    """Choose C, temperature and thresholds; takes seconds."""
    if settings.fine_tuned:
        return recalibrate(labelled, settings, chat_mean)
    fitted = head.fit(labelled.vectors, labelled.targets, labelled.names, labelled.descriptions, mean=chat_mean)
    chosen = settings_on(labelled, fitted.c, fitted.temperature, fitted.thresholds)
    return replace(chosen, out_of_scope=fitted.out_of_scope)


def recalibrate(labelled: LabelledVectors, settings: HeadSettings, chat_mean: Vectors | None) -> HeadSettings:
    """Temperature and thresholds from out-of-fold scores of the held-out messages, at the C that was trained."""
    count = len(labelled.labels)
    mean = shared(labelled.vectors, labelled.descriptions) if chat_mean is None else chat_mean
    problem = Problem(labelled.vectors, labelled.targets, count, labelled.descriptions, mean)
    _, scores = calibration.choose(problem, settings.c, fixed=True, seed=0)
    if scores is None:
        return settings
    held_out = labelled.held_out
    temperature, thresholds = calibration.calibrate(scores[held_out], labelled.targets[held_out], count)
    chosen = settings_on(labelled, settings.c, temperature, thresholds)
    signals = out_of_scope.signals(labelled.vectors, labelled.targets, scores, seed=0)
    detector = out_of_scope.calibrated_detector(labelled.vectors, [signals.of(held_out)])
    return replace(chosen, fine_tuned=True, out_of_scope=detector or settings.out_of_scope)


def settings_on(labelled: LabelledVectors, c: float, temperature: float, thresholds: Vectors) -> HeadSettings:
    """These choices, as made on these examples; `thresholds` float32 [k]."""
    by_label = dict(zip(labelled.names, thresholds.tolist(), strict=True))
    return HeadSettings(c, temperature, by_label, float(np.median(thresholds)), examples=len(labelled.targets))


def settings_of(trained: Head, living: Sequence[Label]) -> HeadSettings:
    """The settings that a fine-tuned version brings along, until enough held-out messages say more."""
    by_name = dict(zip(trained.labels, trained.thresholds.tolist(), strict=True))
    by_label = {str(label.id): by_name[label.name] for label in living if label.name in by_name}
    median = float(np.median(trained.thresholds))
    return HeadSettings(
        trained.c, trained.temperature, by_label, median, fine_tuned=True, out_of_scope=trained.out_of_scope
    )

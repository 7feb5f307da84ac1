"""From what people said to a head: what there is to learn from, the quick fit, and the slow choices.

A fit with its strength already chosen takes a fraction of a second, so it follows every label. Strength,
temperature and thresholds come from cross-validation, which takes seconds: they are chosen beside the quick
fits, anew whenever the examples have grown or shrunk by half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from modeling.backbones.backbone import Backbone
from modeling.classifier import calibration, head, out_of_scope
from modeling.classifier.head import DEFAULT_STRENGTH, GUESS_THRESHOLD, Head
from modeling.classifier.logistic_regression import Problem, shared
from modeling.classifier.out_of_scope import OutOfScope
from modeling.text.cleaning import clean, is_held_out
from modeling.types import Mask, Targets, Thresholds, Vector, Vectors
from workers.store import labels, ledger, messages, predictions, training_set
from workers.store.database import Database
from workers.store.labels import Label

GROWN = 1.5
ENOUGH_UNSEEN = 30


@dataclass(frozen=True, slots=True)
class Settled:
    """What cross-validation chose on so many `examples`. `thresholds` by the label's id as text.

    `tuned` marks the choices of a fine-tuned version: its strength stays, and only messages that its training did not
    see may say what its probabilities are worth, since the others lie too neatly apart in its vectors.
    """

    strength: float = DEFAULT_STRENGTH
    temperature: float = 1.0
    thresholds: Mapping[str, float] | None = None
    usual: float = GUESS_THRESHOLD
    examples: int = 0
    tuned: bool = False
    scope: OutOfScope | None = None

    def limits(self, names: Sequence[str]) -> Thresholds:
        """Thresholds float32 [k] for these labels; one that is new gets the usual one."""
        known = self.thresholds or {}
        return np.array([known.get(name, self.usual) for name in names], np.float32)


@dataclass(frozen=True, slots=True)
class Material:
    """Labelled vectors float32 [n, d] with their places among the living labels, as of one state of the labels.

    `ledger` is the number of the newest ledger row that this state knows; `unseen` bool [n] marks the messages that
    every training holds out.
    """

    revision: int
    ledger: int
    living: tuple[Label, ...]
    vectors: Vectors
    targets: Targets
    descriptions: Vectors
    unseen: Mask

    @property
    def names(self) -> list[str]:
        return [str(label.id) for label in self.living]


def gather(database: Database, backbone: Backbone) -> Material:
    """Everything labelled, from one reading of the store; vectors that this backbone has not made are made now."""
    with database.read() as c:
        revision, last = labels.revision(c), ledger.last(c)
        living, labelled = tuple(labels.living(c)), training_set.labelled(c)
        texts = messages.texts(c, [message for message, _ in labelled])
    known = vectors_of(database, backbone, [message for message, _ in labelled])
    place = {label.id: index for index, label in enumerate(living)}
    rows = [(known[one], place[label], held_out(texts[one])) for one, label in labelled if one in known]
    vectors = np.stack([row[0] for row in rows]) if rows else np.empty((0, backbone.dimension), np.float32)
    targets, unseen = np.array([row[1] for row in rows], np.int64), np.array([row[2] for row in rows], np.bool_)
    read_labels = read(backbone, tuple(map(described, living)))
    return Material(revision, last, living, vectors, targets, read_labels, unseen)


@lru_cache(maxsize=100_000)
def held_out(text: str) -> bool:
    """`is_held_out`, remembered: heads are fitted all the time."""
    return is_held_out(clean(text))


@lru_cache(maxsize=2)
def read(backbone: Backbone, texts: tuple[str, ...]) -> Vectors:
    """The labels' descriptions as vectors float32 [k, d]; they rarely change, and heads are fitted all the time."""
    return backbone.encode(texts)


def described(label: Label) -> str:
    """A label as text, for the backbone to read."""
    name = label.name.replace("_", " ")
    return f"{name}: {label.description}" if label.description else name


def vectors_of(database: Database, backbone: Backbone, ids: Sequence[int]) -> dict[int, Vector]:
    """The vectors of these messages, float32 [d] each, encoded and stored first where they are missing."""
    with database.read() as c:
        known = predictions.vectors(c, backbone.fingerprint, ids)
        missing = messages.current(c, [one for one in ids if one not in known])
    cleaned = [(one, text) for one in missing if (text := clean(one.text or ""))]
    for start in range(0, len(cleaned), 64):
        part = cleaned[start : start + 64]
        encoded = backbone.encode([text for _, text in part])
        rows = [(one.id, one.revision, row.tobytes()) for (one, _), row in zip(part, encoded, strict=True)]
        with database.write() as c:
            predictions.record_vectors(c, backbone.fingerprint, rows)
        known |= {number: raw for number, _, raw in rows}
    return {number: np.frombuffer(raw, np.float32) for number, raw in known.items()}


def quick_fit(material: Material, settled: Settled, warm: Head | None, chat_mean: Vector | None) -> Head | None:
    """The head for this material: none with fewer than two labels, a guess without an example, else a fit."""
    if len(material.living) < 2:
        return None
    if not len(material.targets):
        return head.guess(material.descriptions, chat_mean, material.names)
    return head.fit(
        material.vectors,
        material.targets,
        material.names,
        material.descriptions,
        mean=chat_mean,
        warm=warm,
        strength=settled.strength,
        temperature=settled.temperature,
        thresholds=settled.limits(material.names),
        scope=settled.scope,
    )


def is_due(settled: Settled, material: Material) -> bool:
    """Whether the examples have changed enough for choosing anew."""
    count, before = len(material.targets), settled.examples
    if count < 2 or len(material.living) < 2 or (settled.tuned and material.unseen.sum() < ENOUGH_UNSEEN):
        return False
    return not before / GROWN < count < before * GROWN


def choose(material: Material, settled: Settled, chat_mean: Vector | None = None) -> Settled:
    """Strength, temperature and thresholds by cross-validation; takes seconds. A label that is new gets the median."""
    if settled.tuned:
        return calibrated_anew(material, settled, chat_mean)
    fitted = head.fit(material.vectors, material.targets, material.names, material.descriptions, mean=chat_mean)
    return replace(settle(material, fitted.strength, fitted.temperature, fitted.thresholds), scope=fitted.scope)


def calibrated_anew(material: Material, settled: Settled, chat_mean: Vector | None) -> Settled:
    """Temperature and thresholds from out-of-fold scores of the unseen messages, at the strength that was trained."""
    count, mean = len(material.living), shared(material.vectors) if chat_mean is None else chat_mean
    problem = Problem(material.vectors, material.targets, count, material.descriptions, mean)
    _, scores = calibration.choose(problem, settled.strength, fixed=True, seed=0)
    if scores is None:
        return settled
    unseen = material.unseen
    temperature, thresholds = calibration.calibrate(scores[unseen], material.targets[unseen], count)
    anew = settle(material, settled.strength, temperature, thresholds)
    signs = out_of_scope.signs(material.vectors, material.targets, scores, seed=0)
    known = out_of_scope.limited(material.vectors, [signs.of(unseen)])
    return replace(anew, tuned=True, scope=known or settled.scope)


def settle(material: Material, strength: float, temperature: float, thresholds: Thresholds) -> Settled:
    """These choices, as made on this material."""
    limits = dict(zip(material.names, thresholds.tolist(), strict=True))
    return Settled(strength, temperature, limits, float(np.median(thresholds)), examples=len(material.targets))


def as_trained(tuned: Head, living: Sequence[Label]) -> Settled:
    """The choices that a fine-tuned version brings along, until enough unseen messages say more."""
    by_name = dict(zip(tuned.labels, tuned.thresholds.tolist(), strict=True))
    limits = {str(label.id): by_name[label.name] for label in living if label.name in by_name}
    usual = float(np.median(tuned.thresholds))
    return Settled(tuned.strength, tuned.temperature, limits, usual, tuned=True, scope=tuned.scope)

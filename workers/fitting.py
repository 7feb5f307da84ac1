"""From what people said to a head: what there is to learn from, the quick fit, and the slow choices.

A fit with its strength already chosen takes a fraction of a second, so it follows every label. Strength,
temperature and thresholds come from cross-validation, which takes seconds: they are chosen beside the quick
fits, anew whenever the examples have grown or shrunk by half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from modeling import head
from modeling.backbone import Backbone
from modeling.head import DEFAULT_STRENGTH, GUESS_THRESHOLD, Head
from modeling.text import clean
from workers.store import labels, ledger, messages
from workers.store.database import Database
from workers.store.labels import Label

GROWN = 1.5
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settled:
    """What cross-validation chose. `thresholds` by the label's id as text; `examples` is None for good."""

    strength: float = DEFAULT_STRENGTH
    temperature: float = 1.0
    thresholds: Mapping[str, float] | None = None
    usual: float = GUESS_THRESHOLD
    examples: int | None = 0

    def limits(self, names: Sequence[str]) -> Vectors:
        """Thresholds float32 [k] for these labels; one that is new gets the usual one."""
        known = self.thresholds or {}
        return np.array([known.get(name, self.usual) for name in names], np.float32)


@dataclass(frozen=True, slots=True)
class Material:
    """Labelled vectors float32 [n, d] with their places among the living labels, as of one state of the labels.

    `ledger` is the number of the newest ledger row that this state knows.
    """

    revision: int
    ledger: int
    living: tuple[Label, ...]
    vectors: Vectors
    targets: NDArray[np.int64]
    descriptions: Vectors

    @property
    def names(self) -> list[str]:
        return [str(label.id) for label in self.living]


def gather(database: Database, backbone: Backbone) -> Material:
    """Everything labelled, from one reading of the store; vectors that this backbone has not made are made now."""
    with database.read() as c:
        revision, last = labels.revision(c), ledger.last(c)
        living, labelled = tuple(labels.living(c)), messages.labelled(c)
    known = vectors_of(database, backbone, [message for message, _ in labelled])
    place = {label.id: index for index, label in enumerate(living)}
    rows = [(known[message], place[label]) for message, label in labelled if message in known]
    vectors = np.stack([vector for vector, _ in rows]) if rows else np.empty((0, backbone.dimension), np.float32)
    targets = np.array([target for _, target in rows], np.int64)
    return Material(revision, last, living, vectors, targets, read(backbone, tuple(map(described, living))))


@lru_cache(maxsize=2)
def read(backbone: Backbone, texts: tuple[str, ...]) -> Vectors:
    """The labels' descriptions as vectors float32 [k, d]; they rarely change, and heads are fitted all the time."""
    return backbone.encode(texts)


def described(label: Label) -> str:
    """A label as text, for the backbone to read."""
    name = label.name.replace("_", " ")
    return f"{name}: {label.description}" if label.description else name


def vectors_of(database: Database, backbone: Backbone, ids: Sequence[int]) -> dict[int, Vectors]:
    """The vectors of these messages, float32 [d] each, encoded and stored first where they are missing."""
    with database.read() as c:
        known = messages.vectors(c, backbone.fingerprint, ids)
        missing = messages.current(c, [one for one in ids if one not in known])
    cleaned = [(one, text) for one in missing if (text := clean(one.text or ""))]
    for start in range(0, len(cleaned), 64):
        part = cleaned[start : start + 64]
        encoded = backbone.encode([text for _, text in part])
        rows = [(one.id, one.revision, row.tobytes()) for (one, _), row in zip(part, encoded, strict=True)]
        with database.write() as c:
            messages.record_vectors(c, backbone.fingerprint, rows)
        known |= {number: raw for number, _, raw in rows}
    return {number: np.frombuffer(raw, np.float32) for number, raw in known.items()}


def quick_fit(material: Material, settled: Settled, warm: Head | None, chat_mean: Vectors | None) -> Head | None:
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
    )


def is_due(settled: Settled, material: Material) -> bool:
    """Whether the examples have changed enough for choosing anew."""
    count, before = len(material.targets), settled.examples
    if before is None or count < 2 or len(material.living) < 2:
        return False
    return not before / GROWN < count < before * GROWN


def choose(material: Material, chat_mean: Vectors | None = None) -> Settled:
    """Strength, temperature and thresholds by cross-validation; takes seconds. A label that is new gets the median."""
    fitted = head.fit(material.vectors, material.targets, material.names, material.descriptions, mean=chat_mean)
    limits = dict(zip(fitted.labels, fitted.thresholds.tolist(), strict=True))
    usual = float(np.median(fitted.thresholds))
    return Settled(fitted.strength, fitted.temperature, limits, usual, examples=len(material.targets))


def as_trained(tuned: Head, living: Sequence[Label]) -> Settled:
    """The choices of a fine-tuned version, kept for as long as it serves.

    Its training messages lie too neatly apart in its own vectors for choosing anew on them.
    """
    by_name = dict(zip(tuned.labels, tuned.thresholds.tolist(), strict=True))
    limits = {str(label.id): by_name[label.name] for label in living if label.name in by_name}
    return Settled(tuned.strength, tuned.temperature, limits, float(np.median(tuned.thresholds)), examples=None)

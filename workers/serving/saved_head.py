"""The head that serves, as a row of the store and back."""

from __future__ import annotations

import time

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from modeling.classifier.head import Head
from modeling.classifier.out_of_scope import OutOfScopeDetector
from modeling.types import Weights
from workers.serving.head_fitting import HeadSettings
from workers.serving.served_model import ServedModel
from workers.store import counters, served_heads
from workers.store.database import Database
from workers.store.served_heads import ServedHead

PAUSE = 60.0
"""Seconds between two writings of a head that is refitted all the time."""


class Scope(BaseModel):
    """What is usual among labelled messages: an out-of-scope detector without its landmarks."""

    model_config = ConfigDict(frozen=True)

    centre: tuple[float, float]
    spread: tuple[float, float]
    limit: float


class SavedSettings(BaseModel):
    """`HeadSettings`, and the `labels` (ids as text) of the head that goes with them."""

    model_config = ConfigDict(frozen=True)

    labels: tuple[str, ...]
    c: float
    temperature: float
    thresholds: dict[str, float] | None
    median_threshold: float
    examples: int
    fine_tuned: bool
    scope: Scope | None


class HeadSaver:
    """Writes the head that serves into the store: at once where its settings are new, else once in PAUSE seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settings: HeadSettings | None = None
        self._weights: Weights | None = None  # not the head, which holds vectors of messages
        self._at = 0.0

    def save(self, model: ServedModel) -> None:
        """Save it if that is due. A guess holds nothing that was learned, and settings may be nobody's choice yet."""
        due = model.settings is not self._settings or time.monotonic() >= self._at + PAUSE
        if model.head is None or model.head.guess or model.settings.untried or not due:
            return
        if model.head.weights is self._weights:
            return
        row = row_of(model, model.head, time.time())
        with self._database.write() as c:
            # A head from before somebody was forgotten is not written down after that.
            if counters.value(c, counters.REWRITTEN) == model.rewritten:
                served_heads.keep(c, row)
        self._settings, self._weights, self._at = model.settings, model.head.weights, time.monotonic()


def row_of(model: ServedModel, head: Head, now: float) -> ServedHead:
    """The head of a model and its settings as they are stored."""
    settings, detector = model.settings, model.settings.out_of_scope
    names = ("c", "temperature", "thresholds", "median_threshold", "examples", "fine_tuned")
    saved = SavedSettings(
        labels=head.labels,
        scope=scope_of(detector) if detector else None,
        **{name: getattr(settings, name) for name in names},
    )
    tensors = save({"weights": np.ascontiguousarray(head.weights), "bias": np.ascontiguousarray(head.bias)})
    return ServedHead(model.version.id, model.backbone.fingerprint, saved.model_dump_json(), tensors, now)


def scope_of(detector: OutOfScopeDetector) -> Scope:
    """What is stored of a detector: its landmarks are the labelled messages, which are in the store anyway."""
    (near, top), (near_spread, top_spread) = detector.centre.tolist(), detector.spread.tolist()
    return Scope(centre=(near, top), spread=(near_spread, top_spread), limit=detector.limit)


def restored(row: ServedHead | None, fingerprint: str) -> tuple[HeadSettings, Head | None] | None:
    """The settings of a row, and the head to begin the next fit with, where it was kept.

    None for vectors of another fingerprint, or a row that another release wrote otherwise: all is then chosen anew.
    """
    if row is None or row.fingerprint != fingerprint:
        return None
    try:
        saved = SavedSettings.model_validate_json(row.settings)
        settings = settings_of(saved)
        return settings, None if row.tensors is None else head_of(saved, settings, row.tensors)
    except (ValidationError, SafetensorError, KeyError, ValueError):
        return None


def settings_of(saved: SavedSettings) -> HeadSettings:
    """The settings; their detector gets its landmarks by the next fit."""
    none, scope = np.empty((0, 0), np.float32), saved.scope
    detector = scope and OutOfScopeDetector(
        none, np.array(scope.centre, np.float32), np.array(scope.spread, np.float32), scope.limit
    )
    return HeadSettings(
        saved.c,
        saved.temperature,
        saved.thresholds,
        saved.median_threshold,
        saved.examples,
        saved.fine_tuned,
        detector,
    )


def head_of(saved: SavedSettings, settings: HeadSettings, tensors: bytes) -> Head:
    """The head as it served, without its detector. Raises ValueError where its parts do not belong together."""
    parts = load(tensors)
    weights, bias = parts["weights"], parts["bias"]
    if weights.ndim != 2 or not len(weights) == len(bias) == len(saved.labels):
        raise ValueError("another number of labels")
    thresholds = settings.thresholds_of(saved.labels)
    return Head(saved.labels, weights, bias, saved.temperature, thresholds, saved.c, guess=False)

"""Classify claimed batches with the active version; refit the head when labels changed; swap versions.

What serves is one immutable `Serving`. A background thread looks twenty times a second whether labels or
versions changed, builds the next `Serving` beside the one at work, and puts it in its place by one assignment:
a batch that has begun ends with the model it began with, and nothing waits. A second thread makes the slow
choices (see `fitting`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from sqlalchemy import Connection

from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.classifier import bundle as bundles
from modeling.classifier.head import Head
from modeling.classifier.logistic_regression import shared
from modeling.errors import ModelingError
from modeling.text.cleaning import clean
from modeling.types import Vector, Vectors
from workers.core.errors import BackchannelError
from workers.core.events import Command
from workers.core.replies import Reply
from workers.core.settings import Settings
from workers.serving.decisions import Decision, answer_classify, decide
from workers.serving.head_fitting import Material, Settled, as_trained, choose, gather, is_due, quick_fit
from workers.serving.predictions import Found, apply, commit_predictions, taken_back, text_of
from workers.store import head_fits, inbox, labels, outbox, training_set, versions
from workers.store.database import Database
from workers.store.head_fits import HeadFit
from workers.store.inbox import Claimed
from workers.store.labels import Label
from workers.store.versions import Version

log = logging.getLogger(__name__)

LOOK = 0.05
LONGEST_PAUSE = 0.3
RECENT = 512


@dataclass(frozen=True, slots=True)
class Serving:
    """What answers now. `revision` is the state of the labels that the head was fitted on.

    `recent` holds the last vectors that this backbone made, `seen` how many texts had been read when the head was
    fitted; both for the mean of the chat.
    """

    version: Version
    backbone: Backbone
    settled: Settled
    recent: deque[Vector]
    labels: tuple[Label, ...] = ()
    head: Head | None = None
    revision: int = -1
    seen: int = 0

    @property
    def number(self) -> int:
        """The version's number."""
        return self.version.id

    @property
    def fingerprint(self) -> str:
        """Which backbone the vectors are of."""
        return self.backbone.fingerprint

    def decide(self, vectors: Vectors) -> list[Decision]:
        """One decision per row of `vectors`, float32 [n, d]."""
        if self.head is None:
            return [decide(None, self.labels, None, guess=True) for _ in vectors]
        rows = zip(self.head.probabilities(vectors), self.head.foreign(vectors).tolist(), strict=True)
        limits, guess = self.head.thresholds, self.head.guess
        return [decide(row, self.labels, limits, guess=guess, foreign=foreign) for row, foreign in rows]


class Inference:
    """The one model in service of this process. Only the refit thread puts another `Serving` in place."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._seen = 0
        self._broken: int | None = None
        self._undecided: SimpleQueue[tuple[int, Material, Vector | None]] = SimpleQueue()
        self._chosen: SimpleQueue[tuple[int, Settled]] = SimpleQueue()
        self._choosing = False
        self.serving: Serving

    def start(self) -> None:
        """Load the active version, or the base where that is broken, and fit its head.

        Raises BackchannelError with what to do when neither can be loaded.
        """
        with self._database.write() as c:
            base = versions.ensure_base(c, self._settings.backbone or "minilm", "", time.time())
            active = versions.active(c)
        try:
            self._load_or_base(active, base)
        except ModelingError as error:
            raise BackchannelError(f"Version {active.id} can't be loaded: {error}") from error
        threading.Thread(target=self._watch, name="refit", daemon=True).start()
        threading.Thread(target=self._choose, name="choose", daemon=True).start()

    def _load_or_base(self, active: Version, base: Version) -> None:
        try:
            self._load(active)
        except ModelingError as error:
            if active.id == base.id:
                raise
            log.error("Version %d can't be loaded, so version %d serves: %s", active.id, base.id, error)
            self._load(base)
            self._broken = active.id

    def classify(self, claimed: Sequence[Claimed], now: float) -> None:
        """Apply a claimed batch and predict, in one transaction. The encoding happens before it begins."""
        serving = self.serving
        texts = {text: clean(text) for text in map(text_of, claimed) if text is not None}
        wanted = [text for text, cleaned in texts.items() if cleaned]
        nothing = np.empty((0, serving.backbone.dimension), np.float32)
        encoded = serving.backbone.encode([texts[text] for text in wanted]) if wanted else nothing
        serving.recent.extend(encoded)
        self._seen += len(encoded)
        found = dict(zip(wanted, zip(encoded, serving.decide(encoded), strict=True), strict=True))
        with self._database.write() as c:
            inbox.finish(c, claimed)
            stored = apply(c, claimed)
            commit_predictions(c, serving, [one for one in stored if one.text in found], found, now)
            outbox.add(c, taken_back(c, [one for one in stored if one.text not in found]), now)
            for one in claimed:
                if isinstance(one.event, Command):
                    outbox.add(c, self._answer(c, one.event, found), now)

    def _answer(self, c: Connection, command: Command, found: Found) -> list[tuple[str, Reply]]:
        decision = found[command.arguments][1] if command.arguments in found else None
        return [(f"{command.key}:0", answer_classify(c, command, decision, self._settings.language))]

    def _watch(self) -> None:
        took = 0.0
        while True:
            time.sleep(max(LOOK, min(took, LONGEST_PAUSE)))  # half of the time at most: the other half is for messages
            began = time.monotonic()
            try:
                self._look()
            except Exception:
                log.exception("The head could not be refitted; the one before goes on serving.")
                time.sleep(1.0)
            took = time.monotonic() - began

    def _look(self) -> None:
        """Serve anew when labels, versions, choices or, while guessing, the chat's mean have changed."""
        serving = self.serving
        with self._database.read() as c:
            revision, active = labels.revision(c), versions.active(c)
        settled = self._choices()
        if active.id not in (serving.version.id, self._broken):
            self._swap(active)
        elif revision != serving.revision or settled is not None or self._mean_is_old(serving):
            self._serve(replace(serving, settled=settled or serving.settled))

    def _choices(self) -> Settled | None:
        """What the choosing thread has settled meanwhile for the version that serves."""
        settled = None
        while not self._chosen.empty():
            version, chosen = self._chosen.get()
            self._choosing = False
            settled = chosen if version == self.serving.version.id else settled
        return settled

    def _mean_is_old(self, serving: Serving) -> bool:
        return serving.head is not None and serving.head.guess and self._seen >= 2 * max(4, serving.seen)

    def _swap(self, active: Version) -> None:
        try:
            self._load(active)
            self._broken = None
            log.info("Version %d serves now.", active.id)
        except ModelingError as error:
            self._broken = active.id
            log.error("Version %d can't be loaded, version %d goes on: %s", active.id, self.serving.version.id, error)

    def _load(self, version: Version) -> None:
        """Load a version's backbone, make its slow choices, and serve it. Raises ModelingError."""
        backbone, settled = self._opened(version)
        backbone.encode(["The first text is slow; let it be this one.", "第一条很慢，就让它来吧。"])
        with self._database.read() as c:
            raw = training_set.recent_vectors(c, backbone.fingerprint, RECENT)
        recent = deque((np.frombuffer(one, np.float32) for one in raw), maxlen=RECENT)
        material = gather(self._database, backbone)
        if is_due(settled, material):
            settled = choose(material, settled, mean(recent))
        self._serve(Serving(version, backbone, settled, recent))

    def _opened(self, version: Version) -> tuple[Backbone, Settled]:
        if version.folder is None:
            return backbones.load(version.backbone).for_reading(), Settled()
        bundle = bundles.load(Path(version.folder))
        if version.method == "frozen":
            return bundle.backbone.for_reading(), Settled()
        with self._database.read() as c:
            return bundle.backbone.for_reading(), as_trained(bundle.head, labels.living(c))

    def _serve(self, serving: Serving) -> None:
        """Put it in service with a head for the labels as they are now, and write down that it is."""
        material, chat_mean, seen = gather(self._database, serving.backbone), mean(serving.recent), self._seen
        fitted = quick_fit(material, serving.settled, serving.head, chat_mean)
        self.serving = replace(serving, labels=material.living, head=fitted, revision=material.revision, seen=seen)
        number = serving.version.id
        row = HeadFit(number, material.revision, material.ledger, len(material.targets), time.time())
        with self._database.write() as c:
            head_fits.record(c, row)
        if is_due(serving.settled, material) and not self._choosing:
            self._choosing = True
            self._undecided.put((number, material, chat_mean))

    def _choose(self) -> None:
        """Make the slow choices, one after another."""
        while True:
            version, material, chat_mean = self._undecided.get()
            try:
                settled = choose(material, self.serving.settled, chat_mean)
            except Exception:
                log.exception("Strength and thresholds could not be chosen; those before go on.")
                settled = replace(self.serving.settled, examples=len(material.targets))
            self._chosen.put((version, settled))


def mean(recent: deque[Vector]) -> Vector | None:
    """What messages here have in common, float32 [d]; None before the first."""
    seen = list(recent)
    return shared(np.stack(seen)) if seen else None

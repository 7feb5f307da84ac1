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
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from modeling import backbone as backbones
from modeling import classifier
from modeling.backbone import Backbone
from modeling.errors import ModelingError
from modeling.head import Head
from modeling.text import clean
from workers.contracts import BackchannelError, Command, Delete, Edit, Message, React, Reply
from workers.decisions import Decision, answer_classify, decide
from workers.fitting import Material, Settled, as_trained, choose, gather, is_due, quick_fit
from workers.settings import Settings
from workers.store import chats, heads, inbox, labels, messages, outbox, versions
from workers.store.database import Database
from workers.store.heads import FittedHead
from workers.store.inbox import Claimed
from workers.store.labels import Label
from workers.store.messages import Prediction, Stored
from workers.store.versions import Version

log = logging.getLogger(__name__)

LOOK = 0.05
LONGEST_PAUSE = 0.3
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Serving:
    """What answers now. `revision` is the state of the labels that the head was fitted on."""

    version: Version
    backbone: Backbone
    labels: tuple[Label, ...]
    head: Head | None
    revision: int
    seen: int

    def decide(self, vectors: Vectors) -> list[Decision]:
        """One decision per row of `vectors`, float32 [n, d]."""
        if self.head is None:
            return [decide(None, self.labels, None, guess=True) for _ in vectors]
        probabilities = self.head.probabilities(vectors)
        return [decide(row, self.labels, self.head.thresholds, guess=self.head.guess) for row in probabilities]


class Inference:
    """The one model in service of this process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._recent: deque[Vectors] = deque(maxlen=512)
        self._seen = 0
        self._broken: int | None = None
        self._settled = Settled()
        self._undecided: SimpleQueue[tuple[int, Material]] = SimpleQueue()
        self._choosing = self._choices_changed = False
        self.serving: Serving

    def start(self) -> None:
        """Load the active version and fit its head. Raises BackchannelError with what to do when it can't."""
        with self._database.write() as c:
            versions.ensure_base(c, self._settings.backbone or "minilm", "", time.time())
            active = versions.active(c)
        try:
            self._load(active)
        except ModelingError as error:
            raise BackchannelError(f"Version {active.id} can't be loaded: {error}") from error
        threading.Thread(target=self._watch, name="refit", daemon=True).start()
        threading.Thread(target=self._choose, name="choose", daemon=True).start()

    def classify(self, claimed: Sequence[Claimed], now: float) -> None:
        """Apply a claimed batch and predict, in one transaction. The encoding happens before it begins."""
        serving = self.serving
        texts = {text: clean(text) for text in map(text_of, claimed) if text is not None}
        wanted = [text for text, cleaned in texts.items() if cleaned]
        nothing = np.empty((0, serving.backbone.dimension), np.float32)
        encoded = serving.backbone.encode([texts[text] for text in wanted]) if wanted else nothing
        self._recent.extend(encoded)
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

    def _answer(
        self, c: Connection, command: Command, found: dict[str, tuple[Vectors, Decision]]
    ) -> list[tuple[str, Reply]]:
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
        if active.id not in (serving.version.id, self._broken):
            self._swap(active)
        elif revision != serving.revision or self._choices_changed or self._mean_is_old(serving):
            self._serve(serving.version, serving.backbone, serving.head)

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
        """Load a version's backbone, and serve it with a head fitted on all labels. Raises ModelingError."""
        backbone, settled = self._opened(version)
        backbone.encode(["The first text is slow; let it be this one."])
        self._recent.clear()
        self._settled = settled
        self._serve(version, backbone, None)

    def _opened(self, version: Version) -> tuple[Backbone, Settled]:
        if version.folder is None:
            return backbones.load(version.backbone).for_reading(), Settled()
        bundle = classifier.load(Path(version.folder))
        if version.method == "frozen":
            return bundle.backbone.for_reading(), Settled()
        with self._database.read() as c:
            return bundle.backbone.for_reading(), as_trained(bundle.head, labels.living(c))

    def _serve(self, version: Version, backbone: Backbone, warm: Head | None) -> None:
        """Fit a head for the labels as they are now, put it in service, and write down that it is."""
        self._choices_changed = False
        material = gather(self._database, backbone)
        fitted = quick_fit(material, self._settled, warm, mean(self._recent))
        self.serving = Serving(version, backbone, material.living, fitted, material.revision, self._seen)
        row = FittedHead(version.id, material.revision, material.ledger, len(material.targets), time.time())
        with self._database.write() as c:
            heads.record(c, row)
        if is_due(self._settled, material) and not self._choosing:
            self._choosing = True
            self._undecided.put((version.id, material))

    def _choose(self) -> None:
        """Make the slow choices, one after another; those for a version that serves no longer are dropped."""
        while True:
            version, material = self._undecided.get()
            try:
                settled = choose(material)
                if version == self.serving.version.id:
                    self._settled, self._choices_changed = settled, True
            except Exception:
                log.exception("Strength and thresholds could not be chosen; those before go on.")
            self._choosing = False


def mean(recent: deque[Vectors]) -> Vectors | None:
    """What messages here have in common, float32 [d]; None while too few were seen."""
    seen = list(recent)
    return np.stack(seen).mean(axis=0).astype(np.float32) if len(seen) >= 4 else None


def text_of(one: Claimed) -> str | None:
    """The text to encode for an event, if it carries one."""
    event = one.event
    if isinstance(event, Message | Edit):
        return event.text
    return event.arguments if isinstance(event, Command) else None


def apply(c: Connection, claimed: Sequence[Claimed]) -> list[Stored]:
    """Write the events into the message table in the order in which they came; one row per message touched."""
    touched: dict[int, Stored] = {}
    for one in messages.record(c, [one.event for one in claimed if isinstance(one.event, Message)]):
        touched[one.id] = one
    for event in (one.event for one in claimed):
        changed = None
        if isinstance(event, Edit):
            changed = messages.edit(c, event)
        elif isinstance(event, Delete):
            changed = messages.delete(c, event)
        if changed is not None:
            touched[changed.id] = changed
    return list(touched.values())


def commit_predictions(
    c: Connection,
    serving: Serving,
    fresh: Sequence[Stored],
    found: dict[str, tuple[Vectors, Decision]],
    now: float,
) -> None:
    """Store vectors and predictions of messages that have none at their revision, and what the bot shows."""
    before = messages.predicted(c, [one.id for one in fresh])
    fresh = [one for one in fresh if before.get(one.id, (-1, False))[0] < one.revision]
    places = {one.ref.chat.key: one.ref.chat for one in fresh}
    modes = {key: chats.get(c, place) for key, place in places.items()}
    vectors: list[tuple[int, int, bytes]] = []
    predictions: list[Prediction] = []
    replies: list[tuple[str, Reply]] = []
    for one in fresh:
        vector, decision = found[one.text or ""]
        chat = modes[one.ref.chat.key]
        shown = decision.shown and chat is not None and chat.enabled and chat.mode == "suggest"
        vectors.append((one.id, one.revision, vector.tobytes()))
        predictions.append(prediction(serving, one, decision, shown, now))
        if shown or before.get(one.id, (-1, False))[1]:
            replies.append((f"react:{one.ref.key}:{one.revision}", react(one, decision, shown)))
    messages.record_vectors(c, serving.backbone.fingerprint, vectors)
    messages.record_predictions(c, predictions)
    outbox.add(c, replies, now)


def taken_back(c: Connection, wordless: Sequence[Stored]) -> list[tuple[str, Reply]]:
    """A message that an edit left without words loses the bot's emoji."""
    before = messages.predicted(c, [one.id for one in wordless])
    seen = [one for one in wordless if one.text is not None and before.get(one.id, (0, False))[1]]
    return [(f"react:{one.ref.key}:{one.revision}", React(ref=one.ref, emoji=None)) for one in seen]


def react(one: Stored, decision: Decision, shown: bool) -> React:
    """The bot's emoji for a message; none where it was sure before an edit and is not any more."""
    if not shown or decision.label is None:
        return React(ref=one.ref, emoji=None)
    label = decision.label
    return React(
        ref=one.ref, emoji=label.emoji, label=label.name, probability=decision.probability, guess=decision.guess
    )


def prediction(serving: Serving, one: Stored, decision: Decision, shown: bool, now: float) -> Prediction:
    """What is stored about one message at its revision."""
    return Prediction(
        message=one.id,
        revision=one.revision,
        version=serving.version.id,
        head_revision=serving.revision,
        label=decision.label.id if decision.label else None,
        probability=decision.probability,
        margin=decision.margin,
        guess=decision.guess,
        shown=shown,
        at=now,
    )

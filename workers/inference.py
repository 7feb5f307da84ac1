"""Classify claimed batches with the active version; refit the head when labels changed; swap versions.

What serves is one immutable `Serving`. A background thread looks twenty times a second whether labels or
versions changed, builds the next `Serving` beside the one at work, and puts it in its place by one assignment:
a batch that has begun ends with the model it began with, and nothing waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from modeling import backbone as backbones
from modeling import classifier, head
from modeling.backbone import Backbone
from modeling.errors import ModelingError
from modeling.head import Head
from modeling.text import clean
from workers.contracts import BackchannelError, Command, Delete, Edit, Message, React, Reply
from workers.decisions import Decision, answer_classify, decide
from workers.settings import Settings
from workers.store import chats, heads, inbox, labels, ledger, messages, outbox, versions
from workers.store.database import Database
from workers.store.heads import FittedHead
from workers.store.inbox import Claimed
from workers.store.labels import Label
from workers.store.messages import Prediction, Stored
from workers.store.versions import Version

log = logging.getLogger(__name__)

LOOK = 0.05
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Serving:
    """What answers now. `revision` is the state of the labels that the head was fitted on."""

    version: Version
    backbone: Backbone
    tuned: Head | None
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
        self._failed_version: int | None = None
        self.serving: Serving

    def start(self) -> None:
        """Load the active version and fit its head. Raises BackchannelError with what to do when it can't."""
        with self._database.write() as c:
            versions.ensure_base(c, self._settings.backbone or "minilm", "", time.time())
            active = versions.active(c)
        try:
            self._load(active, None)
        except ModelingError as error:
            raise BackchannelError(f"Version {active.id} can't be loaded: {error}") from error
        threading.Thread(target=self._watch, name="refit", daemon=True).start()

    def classify(self, claimed: Sequence[Claimed], now: float) -> None:
        """Apply a claimed batch and predict, in one transaction. The encoding happens before it begins."""
        serving = self.serving
        texts = {text: clean(text) for text in map(text_of, claimed) if text is not None}
        wanted = [text for text, cleaned in texts.items() if cleaned]
        encoded = serving.backbone.encode([texts[text] for text in wanted]) if wanted else np.empty((0, 0), np.float32)
        self._recent.extend(encoded)
        self._seen += len(encoded)
        found = dict(zip(wanted, zip(encoded, serving.decide(encoded), strict=True), strict=True))
        with self._database.write() as c:
            inbox.finish(c, claimed)
            stored = apply(c, claimed)
            fresh = [one for one in stored if one.text is not None and one.text in found]
            commit_predictions(c, serving, fresh, found, now)
            for one in claimed:
                if isinstance(one.event, Command):
                    outbox.add(c, self._answer(c, one.event, found), now)

    def _answer(
        self, c: Connection, command: Command, found: dict[str, tuple[Vectors, Decision]]
    ) -> list[tuple[str, Reply]]:
        decision = found[command.arguments][1] if command.arguments in found else None
        return [(f"{command.key}:0", answer_classify(c, command, decision, self._settings.language))]

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK)
            try:
                self._look()
            except Exception:
                log.exception("The head could not be refitted; the one before goes on serving.")
                time.sleep(1.0)

    def _look(self) -> None:
        """Build and swap in a new `Serving` when labels, versions or, while guessing, the chat's mean changed."""
        serving = self.serving
        with self._database.read() as c:
            revision, active = labels.revision(c), versions.active(c)
        if active.id not in (serving.version.id, self._failed_version):
            self._swap(active)
        elif revision != serving.revision or self._mean_is_old(serving):
            self._serve(serving.version, serving.backbone, serving.tuned, serving.head)

    def _mean_is_old(self, serving: Serving) -> bool:
        return serving.head is not None and serving.head.guess and self._seen >= 2 * max(4, serving.seen)

    def _swap(self, active: Version) -> None:
        try:
            self._load(active, self.serving)
            self._failed_version = None
            log.info("Version %d serves now.", active.id)
        except ModelingError as error:
            self._failed_version = active.id
            log.error("Version %d can't be loaded, version %d goes on: %s", active.id, self.serving.version.id, error)

    def _load(self, version: Version, before: Serving | None) -> None:
        """Load a version's backbone, and serve it with a head fitted on all labels. Raises ModelingError."""
        if before is not None and before.version.backbone == version.backbone and not (before.tuned or version.folder):
            return self._serve(version, before.backbone, None, before.head)
        if version.folder is None:
            return self._serve(version, backbones.load(version.backbone), None, None)
        bundle = classifier.load(Path(version.folder))
        self._recent.clear()
        self._serve(version, bundle.backbone, bundle.head if version.method != "frozen" else None, None)

    def _serve(self, version: Version, backbone: Backbone, tuned: Head | None, warm: Head | None) -> None:
        """Fit a head for the labels as they are now, from stored vectors, and put it in service."""
        with self._database.read() as c:
            revision, living, labelled = labels.revision(c), tuple(labels.living(c)), messages.labelled(c)
            last = ledger.last(c)
        vectors = self._vectors(backbone, [message for message, _ in labelled])
        place = {label.id: index for index, label in enumerate(living)}
        rows = [(vectors[message], place[label]) for message, label in labelled if message in vectors]
        fitted = fit(backbone, living, rows, tuned, warm, mean(self._recent))
        self.serving = Serving(version, backbone, tuned, living, fitted, revision, self._seen)
        with self._database.write() as c:
            heads.record(c, FittedHead(version.id, revision, last, len(rows), time.time()))

    def _vectors(self, backbone: Backbone, ids: Sequence[int]) -> dict[int, Vectors]:
        """Vectors of these messages, float32 [d] each; those that this backbone has not seen are encoded now."""
        with self._database.read() as c:
            known = messages.vectors(c, backbone.fingerprint, ids)
            missing = messages.current(c, [one for one in ids if one not in known])
        cleaned = [(one, text) for one in missing if (text := clean(one.text or ""))]
        for start in range(0, len(cleaned), 256):
            part = cleaned[start : start + 256]
            encoded = backbone.encode([text for _, text in part])
            rows = [(one.id, one.revision, row.tobytes()) for (one, _), row in zip(part, encoded, strict=True)]
            with self._database.write() as c:
                messages.record_vectors(c, backbone.fingerprint, rows)
            known |= {number: raw for number, _, raw in rows}
        return {number: np.frombuffer(raw, np.float32) for number, raw in known.items()}


def fit(
    backbone: Backbone,
    living: Sequence[Label],
    rows: Sequence[tuple[Vectors, int]],
    tuned: Head | None,
    warm: Head | None,
    chat_mean: Vectors | None,
) -> Head | None:
    """A head over the living labels: none with fewer than two of them, a guess with no example, else a fit.

    On a fine-tuned backbone strength, temperature and thresholds are the version's own: its training messages
    lie too neatly apart in its vectors to choose them anew.
    """
    if len(living) < 2:
        return None
    names = [str(label.id) for label in living]
    descriptions = backbone.encode([described(label) for label in living])
    if not rows:
        return head.guess(descriptions, chat_mean, names)
    vectors = np.stack([vector for vector, _ in rows])
    targets = np.array([target for _, target in rows], dtype=np.int64)
    same = warm if warm is not None and not warm.guess and list(warm.labels) == names else None
    if tuned is None:
        return head.fit(vectors, targets, names, descriptions, warm=same)
    limits = dict(zip(tuned.labels, tuned.thresholds.tolist(), strict=True))
    usual = float(np.median(tuned.thresholds))
    return head.fit(
        vectors,
        targets,
        names,
        descriptions,
        warm=same,
        strength=tuned.strength,
        temperature=tuned.temperature,
        thresholds=np.array([limits.get(label.name, usual) for label in living], np.float32),
    )


def described(label: Label) -> str:
    """A label as text, for the backbone to read."""
    name = label.name.replace("_", " ")
    return f"{name}: {label.description}" if label.description else name


def mean(recent: deque[Vectors]) -> Vectors | None:
    """What messages here have in common, float32 [d]; None while too few were seen."""
    seen = list(recent)
    return np.mean(seen, axis=0, dtype=np.float32) if len(seen) >= 4 else None


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
    modes = {one.ref.chat.key: chats.get(c, one.ref.chat) for one in fresh}
    vectors, predictions, replies = [], [], []
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

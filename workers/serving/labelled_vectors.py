"""The labelled messages as vectors, kept in memory and brought up to date by what has changed in the store.

Of every labelled message three numbers are kept, of a sample of them (`modeling.classifier.sampling`) the vectors, too:
so a fit costs the same and takes the same memory however much was labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sqlalchemy import Connection

from modeling.classifier.sampling import sample
from modeling.inference.encoder import Encoder
from modeling.text.cleaning import clean, is_held_out
from modeling.types import Counts, Mask, Numbers, Targets, Vectors
from workers.store import counters, labels, ledger, messages, predictions, training_set
from workers.store.database import Database
from workers.store.labels import Label

BATCH = 64


@dataclass(frozen=True, slots=True)
class LabelledVectors:
    """Labelled vectors float32 [n, d] with targets int64 [n], indices into `labels`, as of one state of the store.

    `revision` and `ledger` (number of its newest row) name that state, `rewritten` counts what was erased by then.
    `descriptions` float32 [k, d] are the labels' own vectors; `held_out` bool [n] marks the messages that no training
    sees, where that was asked for. Of many messages these are a sample: `population` int64 [k] says how many each label
    has in all.
    """

    revision: int
    ledger: int
    labels: tuple[Label, ...]
    vectors: Vectors
    targets: Targets
    descriptions: Vectors
    held_out: Mask
    population: Counts | None = None
    rewritten: int = 0

    @property
    def names(self) -> list[str]:
        """The labels' ids, by which the head names them: renaming a label changes no head."""
        return [str(label.id) for label in self.labels]

    @property
    def examples(self) -> int:
        """How many messages are labelled in all."""
        return len(self.targets) if self.population is None else int(self.population.sum())


@dataclass(frozen=True, slots=True)
class LabelledMessages:
    """All messages that can be learned from: `ids` int64 [n], ascending, their labels' ids `label_ids` int64 [n].

    `changed` int64 [n] is the revision of the labels at which each last changed.
    """

    ids: Numbers
    label_ids: Numbers
    changed: Numbers

    @staticmethod
    def of(rows: Sequence[tuple[int, int, int]]) -> LabelledMessages:
        """Those of rows (message id, label id, changed) in ascending order."""
        table = np.array(rows, np.int64).reshape(-1, 3)
        return LabelledMessages(*(np.ascontiguousarray(column) for column in table.T))

    def updated(self, changes: Sequence[tuple[int, int | None, int]]) -> LabelledMessages:
        """These after some changes, in ascending order; a message without a label is none of them any more."""
        if not changes:
            return self
        kept = ~np.isin(self.ids, [message for message, _, _ in changes])
        new = LabelledMessages.of([(id, label, changed) for id, label, changed in changes if label is not None])
        where = np.searchsorted(self.ids[kept], new.ids)
        pairs = ((self.ids, new.ids), (self.label_ids, new.label_ids), (self.changed, new.changed))
        return LabelledMessages(*(np.insert(old[kept], where, added) for old, added in pairs))


@dataclass(frozen=True, slots=True)
class State:
    """The labelled messages as of a revision of the labels, and what else of the store was read together with them."""

    revision: int
    rewritten: int
    ledger: int
    labels: tuple[Label, ...]
    messages: LabelledMessages


class VectorMemory:
    """What one thread remembers of the labelled messages, in the vectors of one backbone; at most about `most`.

    Their vectors are one array, the same that a reading gives out: nothing writes into it, a change makes another.
    """

    def __init__(self, backbone: Encoder, most: int | None = None) -> None:
        self.backbone = backbone
        self._most = most
        self._state: State | None = None
        self._ids: Numbers = np.empty(0, np.int64)
        self._vectors: Vectors = np.empty((0, backbone.dimension), np.float32)
        self._held_out: dict[int, bool] = {}
        self._wordless: set[int] = set()

    def read(self, database: Database, *, held_out: bool = False) -> LabelledVectors:
        """What can be learned from as the store has it now; vectors that this backbone has not made are made now.

        `held_out`: say which of them no training sees.
        """
        with database.read() as c:
            state, changed = read_state(c, self._state)
        self._forget(changed)
        self._state = state
        label_ids = np.array([label.id for label in state.labels], np.int64)
        targets = np.searchsorted(label_ids, state.messages.label_ids)
        drawn = sample(state.messages.ids, targets, state.messages.changed, len(label_ids), self._most)
        self._fetch(database, state.messages.ids[drawn.rows])
        return LabelledVectors(
            state.revision,
            state.ledger,
            state.labels,
            self._vectors,
            targets[np.searchsorted(state.messages.ids, self._ids)],
            encode_descriptions(self.backbone, tuple(map(description, state.labels))),
            self._marks(database) if held_out else np.zeros(len(self._ids), np.bool_),
            drawn.counts,
            state.rewritten,
        )

    def __contains__(self, message: int) -> bool:
        """Whether it holds the vector of this message."""
        return bool(np.isin(message, self._ids))

    def _forget(self, changed: Sequence[int] | None) -> None:
        """Drop what was remembered of these messages; of all of them where anything may have changed."""
        if changed is None:
            self._keep(np.zeros(len(self._ids), np.bool_))
            self._held_out, self._wordless = {}, set()
        elif changed:
            self._keep(~np.isin(self._ids, changed))
            self._wordless.difference_update(changed)
            for id in changed:
                self._held_out.pop(id, None)

    def _keep(self, which: Mask) -> None:
        if not which.all():
            self._ids, self._vectors = self._ids[which], self._vectors[which]

    def _fetch(self, database: Database, ids: Numbers) -> None:
        """Remember these messages, ascending, and no others."""
        self._keep(np.isin(self._ids, ids))
        missing = [id for id in np.setdiff1d(ids, self._ids).tolist() if id not in self._wordless]
        if not missing:
            return
        new = encode_missing(database, self.backbone, missing)
        self._wordless.update(set(missing) - new.keys())
        if not new:
            return
        numbers = sorted(new)
        where = np.searchsorted(self._ids, numbers)
        self._vectors = np.insert(self._vectors, where, np.stack([new[number] for number in numbers]), axis=0)
        self._ids = np.insert(self._ids, where, numbers)

    def _marks(self, database: Database) -> Mask:
        """Which of the remembered messages no training sees."""
        ids = self._ids.tolist()
        unsure = [id for id in ids if id not in self._held_out]
        if unsure:
            with database.read() as c:
                texts = messages.texts(c, unsure)
            self._held_out |= {id: is_held_out(clean(text)) for id, text in texts.items()}
        self._held_out = {id: self._held_out.get(id, False) for id in ids}
        return np.fromiter(self._held_out.values(), np.bool_)


def read_state(c: Connection, before: State | None) -> tuple[State, Sequence[int] | None]:
    """The state of the store, and the messages that changed since `before`; None where any may have."""
    revision, rewritten = labels.revision(c), counters.value(c, counters.REWRITTEN)
    if before is None or rewritten != before.rewritten:
        labelled, changed = LabelledMessages.of(training_set.labelled_with_changes(c)), None
    else:
        changes = training_set.changed_since(c, before.revision)
        labelled, changed = before.messages.updated(changes), [message for message, _, _ in changes]
    return State(revision, rewritten, ledger.last(c), tuple(labels.living(c)), labelled), changed


def encode_missing(database: Database, backbone: Encoder, ids: Sequence[int]) -> dict[int, Vectors]:
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


@lru_cache(maxsize=2)
def encode_descriptions(backbone: Encoder, texts: tuple[str, ...]) -> Vectors:
    """The labels' descriptions as vectors float32 [k, d], remembered: they rarely change."""
    return backbone.encode(texts)


def description(label: Label) -> str:
    """A label as text, for the backbone to read."""
    name = label.name.replace("_", " ")
    return f"{name}: {label.description}" if label.description else name

"""What a student learns from and is tested on: a pool of texts, labels for some of them, and messages held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from modeling.data.examples import Examples, read, read_texts, spelled_as
from modeling.data.train_test import read_inputs
from modeling.errors import ModelingError
from modeling.hashing import meta_hash
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text.cleaning import is_held_out
from modeling.text.names import one_spelling
from modeling.types import Probabilities, Rows, Targets

SHARE = 0.1  # of the texts nothing is learned from: temperature and thresholds come from them
FEWEST = 10  # held-out texts; with fewer, those that were learned from speak


@dataclass(frozen=True, slots=True)
class DistillDataset:
    """Distinct `texts` [n] of the pool and of the labelled messages; `test` are in neither, None if there are none."""

    texts: tuple[str, ...]
    names: tuple[str | None, ...]
    test: Examples | None
    labelled: Examples | None
    notes: tuple[Sentence, ...]

    @property
    def hash(self) -> str:
        """A short hash of all of it."""
        return meta_hash([self.texts, self.names, self.test.hash if self.test else ""])

    def spelled_as(self, labels: tuple[str, ...]) -> DistillDataset:
        """Return it with labels that look like one of these spelled as that is."""
        spelling = one_spelling([name for name in self.names if name], labels)
        names = tuple(spelling[name] if name else None for name in self.names)
        test, labelled = (part and spelled_as(part, labels) for part in (self.test, self.labelled))
        return replace(self, names=names, test=test, labelled=labelled)

    def targets(self, labels: tuple[str, ...]) -> Targets:
        """The texts' labels [n] as positions in `labels`, -1 where nobody gave one or the teacher does not know it."""
        columns = {label: column for column, label in enumerate(labels)}
        return np.array([columns.get(name or "", -1) for name in self.names], np.int64)

    def held_out(self) -> Rows:
        """The rows that nothing is learned from: by each text's hash, so that they never change."""
        rows = [row for row, text in enumerate(self.texts) if is_held_out(text, SHARE)]
        return np.array(rows if len(rows) >= FEWEST else [], np.int64)


def read_distill_dataset(pool: Path, train: Path | None, test: Path | None) -> DistillDataset:
    """Read the files; without a test file some of the labelled messages are held out. Raises ModelingError."""
    notes: list[Sentence] = []
    unlabelled = read_texts(pool, notes)
    labelled, tested = None, None
    if train:
        inputs = read_inputs(train, test)
        labelled, tested = inputs.train, inputs.test
        notes += inputs.notes
    elif test:
        tested = read(test)
        notes += tested.notes
    names = dict(labelled.rows()) if labelled else {}
    test_texts = {text.casefold() for text in tested.texts} if tested else set[str]()
    texts = tuple(text for text in dict.fromkeys([*names, *unlabelled]) if text.casefold() not in test_texts)
    removed = len(dict.fromkeys([*names, *unlabelled])) - len(texts)
    if removed:
        notes.append(sentence("test_texts_left_out", count=removed))
    if not texts:
        raise ModelingError("no_texts_to_distill", path=pool)
    return DistillDataset(texts, tuple(names.get(text) for text in texts), tested, labelled, tuple(notes))


def draw_labels(targets: Targets, soft: Probabilities, seed: int) -> Targets:
    """Fill in labels where nobody gave one: drawn from calibrated probabilities [n, k].

    A label drawn so is right as often as the teacher is, so what is measured against them is neither too good, as
    against the teacher's best guess, nor in need of labels.
    """
    # float32 rows sum to nearly one; a number above the last limit would draw the first label.
    limits = soft.cumsum(1) / soft.sum(1, keepdims=True)
    drawn = (limits > np.random.default_rng(seed).random(len(soft))[:, None]).argmax(1)
    return np.where(targets >= 0, targets, drawn)

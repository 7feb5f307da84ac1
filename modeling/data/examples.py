"""Labelled messages: read, cleaned, and counted once each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from modeling.data import formats
from modeling.errors import ModelingError
from modeling.hashing import short_hash
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text.cleaning import clean
from modeling.text.names import one_spelling
from modeling.types import Targets


@dataclass(frozen=True, slots=True)
class Examples:
    """Cleaned texts with their labels; `notes` are sentences about what was left out on the way."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[Sentence, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def hash(self) -> str:
        """A short hash of all texts and labels in their order."""
        # Lengths go first, or two different lists could run together into the same bytes.
        return short_hash(f"{len(text)}:{text}{len(label)}:{label}".encode() for text, label in self.rows())

    def rows(self) -> Iterable[tuple[str, str]]:
        """Text and label of every message."""
        return zip(self.texts, self.labels, strict=True)

    def of(self, rows: Iterable[int]) -> Examples:
        """Some of the messages, with the same notes."""
        chosen = tuple(rows)
        return replace(
            self,
            texts=tuple(self.texts[row] for row in chosen),
            labels=tuple(self.labels[row] for row in chosen),
        )


def read(path: Path, *, training: bool = False) -> Examples:
    """Read the columns text and label of a file in any format of `modeling.data.formats`; other columns are ignored.

    Rows without text (after cleaning) or label are left out; labels that look the same are one. For `training`, equal
    texts are kept once, texts with several labels not at all, and at least two labels, one of them with two examples,
    are demanded. Raises ModelingError with what is wrong with the file.
    """
    notes: list[Sentence] = []
    kept = _labelled(path, notes, clean)
    if training:
        before, kept = kept, _distinct(kept, notes)
        demand_enough(path, [label for _, label in kept], before)
    return Examples(tuple(text for text, _ in kept), tuple(label for _, label in kept), tuple(notes))


def read_as_written(path: Path) -> Examples:
    """Read as `read` does, with texts as people wrote them: what cleans them later finds the same in them."""
    notes: list[Sentence] = []
    kept = _labelled(path, notes, lambda text: text if clean(text) else "")
    return Examples(tuple(text for text, _ in kept), tuple(label for _, label in kept), tuple(notes))


def _labelled(path: Path, notes: list[Sentence], prepare: Callable[[str], str]) -> list[tuple[str, str]]:
    count, kept = 0, list[tuple[str, str]]()
    for raw, label in formats.rows(path, ("text", "label"), notes):
        count, text = count + 1, prepare(raw)
        if text and label:
            kept.append((text, label))
    kept = _one_spelling(kept, notes)
    if len(kept) < count:
        notes.append(sentence("rows_without_text_or_label", count=count - len(kept)))
    if not kept:
        raise ModelingError("no_labelled_rows", path=path)
    return kept


def read_texts(path: Path, notes: list[Sentence]) -> tuple[str, ...]:
    """Read the column text alone, cleaned; `notes` gets what was left out. Raises ModelingError with what is wrong."""
    cleaned = [clean(text) for (text,) in formats.rows(path, ("text",), notes)]
    texts = tuple(text for text in cleaned if text)
    if not texts:
        raise ModelingError("no_text_rows", path=path)
    if len(texts) < len(cleaned):
        notes.append(sentence("rows_without_text", count=len(cleaned) - len(texts)))
    return texts


def describe_labels(labels: Iterable[str]) -> list[str]:
    """Return what labels' names say, as words."""
    return [label.replace("_", " ") for label in labels]


def positions(names: Iterable[str], labels: Sequence[str]) -> Targets:
    """Return names of labels as positions in `labels`, [n]. Raises KeyError for a name that is not there."""
    columns = {label: column for column, label in enumerate(labels)}
    return np.array([columns[name] for name in names], np.int64)


def spelled_as(examples: Examples, known: Iterable[str]) -> Examples:
    """Return the examples with labels that look like a known one spelled as that is."""
    spelling = one_spelling(examples.labels, known)
    return replace(examples, labels=tuple(spelling[label] for label in examples.labels))


def _one_spelling(rows: list[tuple[str, str]], notes: list[Sentence]) -> list[tuple[str, str]]:
    spelling = one_spelling([label for _, label in rows])
    alike = {spelled for label, spelled in spelling.items() if label != spelled}
    if alike:
        notes.append(sentence("labels_alike", labels=sorted(label for label in spelling if spelling[label] in alike)))
    return [(text, spelling[label]) for text, label in rows]


def _distinct(rows: list[tuple[str, str]], notes: list[Sentence]) -> list[tuple[str, str]]:
    labels_of: dict[str, set[str]] = defaultdict(set)  # by what `text_hash` would hash
    for text, label in rows:
        labels_of[text.casefold()].add(label)
    single: dict[str, tuple[str, str]] = {}
    # The first spelling counts of texts that differ in case alone.
    for text, label in rows:
        if len(labels_of[text.casefold()]) == 1:
            single.setdefault(text.casefold(), (text, label))
    disputed = sum(len(labels) > 1 for labels in labels_of.values())
    if disputed:
        notes.append(sentence("disputed_texts_left_out", count=disputed))
    if len(labels_of) < len(rows):
        notes.append(sentence("repeated_rows_left_out", count=len(rows) - len(labels_of)))
    return list(single.values())


def demand_enough(path: Path, labels: Sequence[str], before: Sequence[tuple[str, str]]) -> None:
    """Raise ModelingError unless these are enough labels to train on.

    `before` are the rows of the file (text, label), of which some were left out: they say why it is not enough.
    """
    counts, in_file = Counter(labels), Counter(label for _, label in before)
    if len(counts) < 2 and len(in_file) > len(counts):
        raise ModelingError("only_disputed_labels", path=path, labels=_some(in_file.keys() - counts.keys()))
    if len(counts) < 2:
        raise ModelingError("only_label", path=path, label=next(iter(counts)))
    if max(counts.values()) < 2:
        repeated = len(before) - len(labels)
        raise ModelingError("one_text_per_label" if repeated else "one_example_per_label", path=path, count=len(before))


def _some(labels: Iterable[str]) -> list[str]:
    """The first of many names, so that a sentence stays short."""
    return sorted(labels)[:3]

"""What a training run is given: messages to learn from and messages to score, from one file or two."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from modeling.data.examples import Examples, describe_labels, positions, read, spelled_as
from modeling.data.near_duplicates import repeats
from modeling.data.split import ENOUGH, Split, split
from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence, sentence
from modeling.types import Targets


@dataclass(frozen=True, slots=True)
class Inputs:
    """Both sides: `labels` are those of both, so that a label with held-out examples only is known too.

    `few` says that the test messages are too few to speak alone, so that cross-validation has to speak with them.
    """

    train: Examples
    test: Examples
    labels: tuple[str, ...]
    few: bool = False

    @property
    def descriptions(self) -> list[str]:
        """What a label's name says, as words."""
        return describe_labels(self.labels)

    @property
    def notes(self) -> tuple[Sentence, ...]:
        """Sentences about what was left out, and about what the figures are of."""
        notes = (*self.train.notes, *self.test.notes)
        if not self.few:
            return notes
        return (*notes, sentence("few_held_out", count=len(self.test)))

    def targets(self, examples: Examples) -> Targets:
        """The examples' labels [n] as positions in `labels`."""
        return positions(examples.labels, self.labels)


def read_inputs(train: Path, test: Path | None) -> Inputs:
    """Read both files, or hold some messages of the one file out. Raises ModelingError with what is wrong."""
    examples = read(train, training=True)
    if test is None:
        return _held_out_of(train, examples)
    held_out = spelled_as(read(test), examples.labels)
    learned = repeats(held_out.texts, examples.texts)
    if learned:
        overlap = sentence("tested_on_training", count=len(learned), total=len(held_out))
        held_out = replace(held_out, notes=(*held_out.notes, overlap))
    return Inputs(examples, held_out, tuple(sorted(set(examples.labels) | set(held_out.labels))))


def _held_out_of(path: Path, examples: Examples) -> Inputs:
    parts = split(examples)
    _demand_enough(path, parts)
    labels = tuple(sorted(set(examples.labels)))
    return Inputs(parts.train, parts.held_out, labels, few=len(parts.held_out) < ENOUGH)


def _demand_enough(path: Path, parts: Split) -> None:
    """Raise ModelingError where what is held out leaves too little of what was enough."""
    counts, others = Counter(parts.train.labels), parts.held_out.labels + parts.aside.labels
    if len(counts) < 2:
        raise ModelingError("labels_only_held_out", path=path, labels=sorted(set(others) - counts.keys())[:3])
    if max(counts.values()) < 2:
        count = len(parts.train) + len(others)
        raise ModelingError("held_out_leaves_one_each", path=path, count=count, held=len(others))

"""Which messages are learnt from and which are held out: decided by each message's words, so that it never changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from modeling.data.examples import Examples
from modeling.data.near_duplicates import repeats
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text.cleaning import is_held_out

ENOUGH = 30  # held-out messages without which figures also come from cross-validation
FEW = 5  # held-out messages of one label that say little about it


@dataclass(frozen=True, slots=True)
class Split:
    """The two sides. `aside` are held-out messages that nearly repeat a training message, and so would test nothing.

    `thin` are the labels with fewer than FEW held-out messages; cross-validation says more about them.
    """

    train: Examples
    held_out: Examples
    aside: Examples
    thin: tuple[str, ...]


def split(examples: Examples) -> Split:
    """Hold out about a fifth of every label's messages.

    A hash of the text decides alone, so a message stays on its side whatever is added, and every label is split in
    about the same proportion. Near copies of training messages are set aside from the held-out ones, never learnt
    from; only where a label would have no other held-out message they stay, as those of a program that says the same
    all day.
    """
    sides = [is_held_out(text) for text in examples.texts]
    train = examples.of(row for row, is_held in enumerate(sides) if not is_held)
    held_out_rows = [row for row, is_held in enumerate(sides) if is_held]
    copied = {held_out_rows[row] for row in repeats([examples.texts[row] for row in held_out_rows], train.texts)}
    original = {examples.labels[row] for row in held_out_rows if row not in copied}
    copies = [row for row in held_out_rows if row in copied and examples.labels[row] in original]
    # Sorted, so that the messages keep the order of their file.
    tested = examples.of(sorted(set(held_out_rows) - set(copies)))
    counts = Counter(tested.labels)
    thin = tuple(label for label in sorted(set(examples.labels)) if counts[label] < FEW)
    notes = (*examples.notes, *_notes(train, tested, len(copies)))
    return Split(replace(train, notes=notes), replace(tested, notes=()), examples.of(copies), thin)


def _notes(train: Examples, held_out: Examples, aside: int) -> list[Sentence]:
    notes: list[Sentence] = []
    if aside:
        notes.append(sentence("near_copies_set_aside", count=aside))
    untaught = sorted(set(held_out.labels) - set(train.labels))
    if untaught:
        code = "many_labels_all_held_out" if len(untaught) > 3 else "labels_all_held_out"
        notes.append(sentence(code, labels=untaught[:3]))
    return notes

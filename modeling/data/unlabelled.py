"""Messages that nobody labelled: read from a file, those that say the same once, and some of them held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modeling.data import lines
from modeling.data.examples import read_texts
from modeling.data.near_duplicates import near_copies
from modeling.errors import ModelingError
from modeling.hashing import short_hash
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text.cleaning import clean, text_hash

FEWEST = 50
HELD_OUT, FEWEST_HELD_OUT, MOST_HELD_OUT = 0.1, 10, 500


@dataclass(frozen=True, slots=True)
class Pool:
    """Cleaned texts to learn from and texts to measure the loss on; `notes` are sentences about what was left out."""

    texts: tuple[str, ...]
    held_out: tuple[str, ...]
    notes: tuple[Sentence, ...]

    @property
    def hash(self) -> str:
        """A short hash of all texts in their order."""
        return short_hash(f"{len(text)}:{text}".encode() for text in (*self.texts, *self.held_out))


def read_pool(path: Path) -> Pool:
    """Read messages: .txt has one a line, any other format of `modeling.data.formats` a column text.

    Of texts that are equal or nearly so the first is kept. Texts are held out in the order of their hashes, so that
    the same ones are whenever the same file is read. Raises ModelingError with what is wrong, or too few texts.
    """
    notes: list[Sentence] = []
    read = read_lines(path) if path.suffix == ".txt" else read_texts(path, notes)
    unique = tuple(dict.fromkeys(read))
    copies = {row for row, other in near_copies(unique, unique) if row > other}
    kept = [text for row, text in enumerate(unique) if row not in copies]
    if len(kept) < FEWEST:
        raise ModelingError("too_few_texts_to_pretrain", path=path, count=len(kept), fewest=FEWEST)
    count = max(FEWEST_HELD_OUT, min(MOST_HELD_OUT, round(HELD_OUT * len(kept))))
    held_out = set(sorted(kept, key=text_hash)[:count])
    repeated = len(read) - len(kept)
    if repeated:
        notes.append(sentence("near_copies_left_out", count=repeated))
    learned = tuple(text for text in kept if text not in held_out)
    return Pool(learned, tuple(text for text in kept if text in held_out), tuple(notes))


def read_lines(path: Path) -> tuple[str, ...]:
    """Read one message a line, cleaned, without empty ones. Raises ModelingError with what is wrong."""
    texts = tuple(text for line in lines.of_file(path) if (text := clean(line)))
    if not texts:
        raise ModelingError("no_text_lines", path=path)
    return texts

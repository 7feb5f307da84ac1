"""Reading labelled messages from a CSV file with the columns `text` and `label`."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modeling.errors import ModelingError
from modeling.text import clean, text_hash

LONGEST_FIELD = 10_000_000  # characters; the csv module would stop at 131,072


@dataclass(frozen=True, slots=True)
class Examples:
    """Cleaned texts with their labels; `notes` are sentences about what was left out on the way."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def hash(self) -> str:
        """A short hash of all texts and labels in their order."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels, strict=True):
            digest.update(f"{len(text)}:{text}{len(label)}:{label}".encode())
        return digest.hexdigest()[:16]


def read_csv(path: Path, *, training: bool = False) -> Examples:
    """Read a UTF-8 CSV file with the columns text and label; a byte order mark is fine, other columns are ignored.

    Rows without text (after cleaning) or label are left out. For `training`, equal texts are kept once, texts with
    several labels not at all, and at least two labels, one of them with two examples, are demanded. Raises
    ModelingError with what is wrong with the file.
    """
    rows = list(_rows(path))
    kept = [(clean(text), label.strip()) for text, label in rows]
    kept = [(text, label) for text, label in kept if text and label]
    notes = [f"{len(rows) - len(kept)} rows without text or label were left out."] if len(kept) < len(rows) else []
    if not kept:
        raise ModelingError(f"{path} has no rows with a text and a label: add some.")
    if training:
        kept = _distinct(kept, notes)
        _demand_enough(path, [label for _, label in kept])
    return Examples(tuple(text for text, _ in kept), tuple(label for _, label in kept), tuple(notes))


def _rows(path: Path, columns: tuple[str, ...] = ("text", "label")) -> Iterator[tuple[str, ...]]:
    csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = set(columns) - set(reader.fieldnames or ())
            if missing:
                raise ModelingError(
                    f"{path} has no column {' and no column '.join(sorted(missing))}: its first line "
                    f"must name the columns {' and '.join(columns)}."
                )
            for row in reader:
                yield tuple(row[column] or "" for column in columns)
    except UnicodeDecodeError as error:
        raise ModelingError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from None
    except csv.Error as error:
        raise ModelingError(f"{path} is not a readable CSV file ({error}): check its quotes and commas.") from None
    except OSError as error:
        raise ModelingError(f"{path} cannot be read ({error.strerror}): check the path.") from None


def read_texts(path: Path) -> tuple[str, ...]:
    """Read the column text alone, cleaned, without empty rows. Raises ModelingError with what is wrong."""
    texts = tuple(text for row in _rows(path, ("text",)) if (text := clean(row[0])))
    if not texts:
        raise ModelingError(f"{path} has no rows with a text: add some.")
    return texts


def _distinct(rows: list[tuple[str, str]], notes: list[str]) -> list[tuple[str, str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for text, label in rows:
        found[text_hash(text)].add(label)
    single: dict[str, tuple[str, str]] = {}
    for text, label in rows:
        if len(found[text_hash(text)]) == 1:
            single.setdefault(text_hash(text), (text, label))
    disputed = sum(len(labels) > 1 for labels in found.values())
    if disputed:
        notes.append(f"{disputed} texts that carry several labels were left out.")
    if len(found) < len(rows):
        notes.append(f"{len(rows) - len(found)} rows that repeat a text were left out.")
    return list(single.values())


def _demand_enough(path: Path, labels: list[str]) -> None:
    counts = Counter(labels)
    if len(counts) < 2:
        only = f'only the label "{next(iter(counts))}"' if counts else "no label that is not disputed"
        raise ModelingError(f"{path} has {only}: training needs at least two labels.")
    if max(counts.values()) < 2:
        raise ModelingError(f"{path} has one example per label only: training needs at least two for one of them.")

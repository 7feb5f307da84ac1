"""What a job is given to learn from and to be measured on: a few files in its folder, for as long as it runs."""

from __future__ import annotations

import csv
import logging
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from modeling.atomic_files import written_atomically
from modeling.data.examples import Examples
from modeling.data.split import Split, split
from modeling.text.cleaning import clean, is_held_out
from workers.core.i18n import both
from workers.jobs.errors import JobFailed
from workers.store import jobs, labels, messages, training_set
from workers.store.database import Database

log = logging.getLogger(__name__)

TRAIN, HELD_OUT, POOL = "train.csv", "heldout.csv", "pool.csv"
KEPT = ("bundle", "backbone")
"""What may stay of a job's folder, in its part `out`."""


@dataclass(frozen=True, slots=True)
class Texts:
    """As people wrote them: every labelled message with the name of its label, and every message at all."""

    labelled: Sequence[tuple[str, str]]
    pool: Sequence[str] = ()


def gather(c: Connection, *, pool: bool) -> Texts:
    """Read the texts from the store; those that nobody labelled only where the `pool` is needed."""
    names = {label.id: label.name for label in labels.living(c)}
    labelled = training_set.labelled(c)
    texts = messages.texts(c, [message for message, _ in labelled])
    rows = [(texts[message], names[label]) for message, label in labelled if texts.get(message)]
    return Texts(rows, tuple(training_set.pool(c)) if pool else ())


def write_data(folder: Path, texts: Texts, wanted: Sequence[str] = (TRAIN, HELD_OUT)) -> None:
    """Write the wanted files once, the last one last: a resumed job goes on with the data that it began with.

    The text's hash decides what is held out, so it stays held out in every job to come, labelled or not; what nearly
    repeats a training message is not asked about. Raises JobFailed where there is too little; beside a pool alone
    labelled messages may be too few, and then there is no file of them.
    """
    if (folder / wanted[-1]).exists():
        return
    parts = split_rows(texts.labelled)
    few = len(set(parts.train.labels)) < 2
    if (few and POOL not in wanted) or (HELD_OUT in wanted and (few or not len(parts.held_out))):
        raise JobFailed(both("job_too_few_labels"))
    if not few:
        write_csv(folder / TRAIN, ("text", "label"), parts.train.rows())
    if HELD_OUT in wanted:
        write_csv(folder / HELD_OUT, ("text", "label"), parts.held_out.rows())
    if POOL in wanted:
        write_csv(folder / POOL, ("text",), [(text,) for text in without_held_out(texts.pool)])
    for note in parts.train.notes:
        log.info("%s", note.text)


def without_held_out(pool: Iterable[str]) -> list[str]:
    """The cleaned texts of a pool, each once, without those that models are measured on."""
    cleaned = dict.fromkeys(text for raw in pool if (text := clean(raw)))
    return [text for text in cleaned if not is_held_out(text)]


def split_rows(rows: Sequence[tuple[str, str]]) -> Split:
    """Divide labelled messages, as people wrote them, into those to learn from and those held out."""
    cleaned = [(text, label) for raw, label in rows if (text := clean(raw))]
    return split(Examples(tuple(text for text, _ in cleaned), tuple(label for _, label in cleaned)))


def write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Write a file under its name only once it is whole."""
    with written_atomically(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def labels_in(path: Path) -> set[str]:
    """The labels of a file that was written here."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["label"] for row in csv.DictReader(file)}


def tidy(folder: Path, *, keep: bool) -> None:
    """Keep what the job made, and nothing else: no copy of people's messages stays beside it."""
    made = [folder / "out" / name for name in KEPT if (folder / "out" / name).is_dir()] if keep else []
    if not made:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in (*folder.iterdir(), *(folder / "out").iterdir()):
        if path == folder / "out" or path in made:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def tidy_left_over(database: Database, versions_dir: Path) -> None:
    """Clean up after jobs that ended while their worker was killed before it could."""
    # Copies of people's messages are what shows that nobody tidied up.
    left = {folder for folder in versions_dir.glob("job-*") if any(folder.glob("*.csv"))}
    numbers = {int(number): folder for folder in left if (number := folder.name.removeprefix("job-")).isdecimal()}
    with database.read() as c:
        over = jobs.are_over(c, list(numbers))
    for number in over:
        tidy(numbers[number], keep=True)

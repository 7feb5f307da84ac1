"""What the kinds of jobs have in common: order, command lines, ending, and which bundle speaks for a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection

from modeling.classifier.bundle_files import verify
from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence, StoredSentence
from workers.core.i18n import both
from workers.core.jobs import JobRequest
from workers.core.replies import Reply
from workers.jobs.datasets import HELD_OUT, TRAIN, labels_in
from workers.jobs.errors import JobFailed, in_both
from workers.store import named_backbones, versions
from workers.store.versions import Version

MOST_NOTES = 3
STORED: TypeAdapter[Sentence] = TypeAdapter(StoredSentence)
Command = list[str]
"""The arguments of one run of `python -m modeling`."""
Line = Mapping[str, Any]
"""The last line that a program printed."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """A job as its kind sees it.

    `version` was active when the job began, or is the one that was asked about; `backbone` and `student` are the
    request's, with the folder in place of a named base.
    """

    job: int
    request: JobRequest
    folder: Path
    version: Version
    backbone: str
    student: str
    language: str

    @property
    def out(self) -> Path:
        """Where the job's program writes."""
        return self.folder / "out"


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """`text` takes the place of the progress message, `more` comes after it, `result` stays with the job."""

    text: str
    result: Mapping[str, Any]
    more: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job: the files it is given, the programs it runs one after another, and what their end means.

    `conclude` runs inside of the job's last transaction, with the last line of the last program.
    """

    data: tuple[str, ...]
    steps: Callable[[JobContext], list[Command]]
    conclude: Callable[[Connection, JobContext, Line, float], JobOutcome]


def job_context(c: Connection, job: int, request: JobRequest, folder: Path, language: str) -> JobContext:
    """The job's order. Raises JobFailed when a base that it names is gone."""
    version = compared_with(c, request, folder)
    begin, student = (resolved(c, name) for name in (request.backbone, request.student))
    return JobContext(job, request, folder, version, begin or version.backbone, student, language)


def compared_with(c: Connection, request: JobRequest, folder: Path) -> Version:
    """The version that was asked about, or was active when the job began; a resumed job keeps to it."""
    note = folder / "against"
    number = int(note.read_text()) if note.exists() else request.version
    known = versions.find(c, number) if number is not None else None
    version = known or versions.active(c)
    note.write_text(str(version.id))
    return version


def resolved(c: Connection, name: str) -> str:
    """The folder of a named base; any other name as it is. Raises JobFailed when the base's files are gone."""
    base = named_backbones.find(c, name)
    if base is None:
        return name
    if not Path(base.folder).is_dir():
        raise JobFailed(both("job_base_gone", base=name, folder=base.folder))
    return base.folder


def speaker(order: JobContext) -> tuple[Path, list[Command]]:
    """The bundle that speaks for the order's version, and the programs that have to run before it does.

    Where there is none, as for a bare backbone, or where labels have come or gone since, a head is fitted anew on the
    version's backbone, from the messages that are not held out. Raises JobFailed when the bundle is damaged.
    """
    version, own = order.version, Path(order.version.folder or "")
    if version.folder:
        try:
            known = set(verify(own)["labels"])
        except ModelingError as error:
            raise JobFailed(in_both(error.sentence)) from error
        if known == labels_in(order.folder / TRAIN):
            return own, []
    backbone = str(own / "backbone") if version.folder else version.backbone
    fresh = order.folder / "fresh"
    return fresh / "bundle", [training(order, backbone, "frozen", fresh)]


def training(order: JobContext, backbone: str, method: str, out: Path) -> Command:
    """The command line that trains from the job's labelled messages into a folder."""
    files = ["train", str(order.folder / TRAIN), "--test", str(order.folder / HELD_OUT), "--out", str(out)]
    return [*files, "--method", method, "--seed", str(order.request.seed), "--backbone", backbone]


def with_notes(language: str, text: str, done: Line) -> str:
    """The text, and after it what the program found worth a sentence."""
    notes = [STORED.validate_python(note) for note in done.get("notes", ())[:MOST_NOTES]]
    return " ".join([text, *(note.render(language) for note in notes)])

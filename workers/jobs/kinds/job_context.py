"""What the kinds of jobs have in common: context, command lines, outcome, and which bundle stands for a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from modeling.classifier.bundle_files import verify
from modeling.errors import ModelingError
from modeling.events import Notes, Outcome
from workers.core.i18n import both
from workers.core.replies import Picture, Reply
from workers.jobs.datasets import HELD_OUT, TRAIN, labels_in
from workers.jobs.errors import JobFailed, in_both
from workers.store import jobs, versions
from workers.store.jobs import JobRequest
from workers.store.versions import Version

MOST_NOTES = 3
Command = list[str]
"""The arguments of one run of `python -m modeling`."""
Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class JobContext:
    """A job as its kind sees it.

    `version` was active when the job began, or is the one that was asked about; `backbone` and `student` are the
    request's, with the folder in place of a named backbone.
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


WriteOutcome = Callable[[Connection, float], JobOutcome]
"""Writes what came of a job, in its last transaction and at this time: a few statements and nothing slow."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job: the files it is given, the programs it runs one after another, and what their end means.

    `conclude` gets the last line of the last program. It reads and renders, outside of any transaction, and returns
    what is left to be written.
    """

    data: tuple[str, ...]
    commands: Callable[[JobContext], list[Command]]
    conclude: Callable[[JobContext, Outcome], WriteOutcome]


def job_context(c: Connection, job: int, request: JobRequest, folder: Path, language: str) -> JobContext:
    """Look up what a request names. Raises JobFailed when the files of a named backbone are gone."""
    version = version_of(c, request, folder)
    backbone, student = (without_names(c, name) for name in (request.backbone, request.student))
    return JobContext(job, request, folder, version, backbone or version.backbone, student, language)


def version_of(c: Connection, request: JobRequest, folder: Path) -> Version:
    """The version that was asked about, or was active when the job began; a resumed job keeps to it."""
    file = folder / "against"
    number = int(file.read_text()) if file.exists() else request.version
    version = versions.find(c, number) if number is not None else None
    version = version or versions.active(c)
    file.write_text(str(version.id))
    return version


def without_names(c: Connection, name: str) -> str:
    """The folder of a named backbone; any other name as it is. Raises JobFailed when the folder is gone."""
    backbone = jobs.named_backbone(c, name)
    if backbone is None:
        return name
    if not Path(backbone.folder).is_dir():
        raise JobFailed(both("job_base_gone", base=name, folder=backbone.folder))
    return backbone.folder


def current_bundle(context: JobContext) -> tuple[Path, list[Command]]:
    """A bundle of the version that knows the labels as they are now, and the programs that have to make it first.

    Where there is none, as for a bare backbone, or where labels have come or gone since, a head is fitted anew on the
    version's backbone, from the messages that are not held out. Raises JobFailed when the bundle is damaged.
    """
    version, bundle = context.version, Path(context.version.folder or "")
    if version.folder:
        try:
            labels = set(verify(bundle)["labels"])
        except ModelingError as error:
            raise JobFailed(in_both(error.sentence)) from error
        if labels == labels_in(context.folder / TRAIN):
            return bundle, []
    backbone = str(bundle / "backbone") if version.folder else version.backbone
    fresh = context.folder / "fresh"
    return fresh / "bundle", [train_command(context, backbone, "frozen", fresh)]


def train_command(context: JobContext, backbone: str, method: str, out: Path) -> Command:
    """The command line that trains from the job's labelled messages into a folder."""
    files = ["train", str(context.folder / TRAIN), "--test", str(context.folder / HELD_OUT), "--out", str(out)]
    return [*files, "--method", method, "--seed", str(context.request.seed), "--backbone", backbone]


def of_kind(done: Outcome, *events: type[Event]) -> Event:
    """The last line, which must be one of these events. Raises TypeError where a program ended with another one."""
    if not isinstance(done, events):
        raise TypeError(f"The program ended with {type(done).__name__}.")
    return done


def picture(context: JobContext, file: Path, filename: str, alt: str) -> tuple[Picture, ...]:
    """What a program drew, or nothing where it could not: then one of its notes says why."""
    try:
        content = file.read_bytes()
    except OSError:
        return ()
    return (Picture(chat=context.request.chat, filename=filename, content=content, alt=alt, text=alt),)


def with_notes(language: str, text: str, notes: Notes) -> str:
    """The text, and after it what the program found worth a sentence."""
    return " ".join([text, *(note.render(language) for note in notes[:MOST_NOTES])])

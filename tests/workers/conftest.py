"""Fixtures of the workers' tests: a fresh SQLite database, and a chat in it that is enabled and has labels."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import migrated, with_packaged_model
from tests.workers.at_work import label_all
from tests.workers.chatroom import Chatroom
from workers.core.settings import Settings
from workers.store.database import Database


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Database]:
    """A database that has just been made."""
    with with_packaged_model(tmp_path) as database:
        yield database


@pytest.fixture
def room(fresh: Database) -> Chatroom:
    """A chat in which Backchannel is on, with the labels bug and question."""
    return switched_on(Chatroom(fresh))


def switched_on(room: Chatroom) -> Chatroom:
    room.type("here")
    room.type("labels add bug 🐞 something is broken")
    room.type("labels add question ❓ somebody wants to know something")
    return room


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Impatient workers."""
    return Settings(data_dir=tmp_path, progress_seconds=0.2, job_lease_seconds=4.0)


@pytest.fixture(scope="session")
def labelled_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The database of a chat with 70 labelled messages, and the time then: labelling takes as long as a short test."""
    folder = tmp_path_factory.mktemp("labelled")
    with with_packaged_model(folder) as database:
        room = label_all(switched_on(Chatroom(database)))
    return folder / "backchannel.sqlite3", next(room.clock)


AHEAD = 300
"""Seconds. What jobs write has the machine's time, and is sent to a chat before what is typed there later."""


@pytest.fixture
def labelled(tmp_path: Path, labelled_file: tuple[Path, int]) -> Iterator[Chatroom]:
    """A chat like `room` with 70 labelled messages; its clock is ahead of the machine's, however old the file is."""
    file, now = labelled_file
    shutil.copy(file, tmp_path)
    with migrated(tmp_path) as database:
        yield Chatroom(database, clock=itertools.count(max(now, int(time.time()) + AHEAD)))

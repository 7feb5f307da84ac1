"""Fixtures of the workers' tests: a fresh SQLite database, and a chat in it that is enabled and has labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import with_packaged_model
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
    room = Chatroom(fresh)
    room.type("here")
    room.type("labels add bug 🐞 something is broken")
    room.type("labels add question ❓ somebody wants to know something")
    return room


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Impatient workers."""
    return Settings(data_dir=tmp_path, progress_seconds=0.2, job_lease_seconds=4.0)


@pytest.fixture
def labelled(room: Chatroom) -> Chatroom:
    """The same chat with 70 labelled messages."""
    return label_all(room)

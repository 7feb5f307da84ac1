"""A fresh database for tests that need nothing of Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from workers.store import versions
from workers.store.database import Database

D = TypeVar("D", bound=Database)


@contextmanager
def migrated(folder: Path, kind: type[D] = Database) -> Iterator[D]:
    """A SQLite database with its tables, in the file that a Backchannel with this data folder uses."""
    database = kind(f"sqlite:///{folder / 'backchannel.sqlite3'}")
    try:
        database.migrate()
        yield database
    finally:
        database.dispose()


@contextmanager
def with_packaged_model(folder: Path) -> Iterator[Database]:
    """The same with version 1, the packaged model."""
    with migrated(folder) as database:
        with database.write() as c:
            versions.ensure_base(c, "minilm", "", 0.0)
        yield database

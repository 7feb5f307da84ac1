"""Which revision the tables are at, and the way to the newest one (Alembic, packaged beside this file)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection

from workers.store.sql import advisory_lock


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    # Alembic reads % as the start of a variable, and folders may have one in their name.
    folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def newest() -> str:
    """The revision that this program's tables are at."""
    head = _scripts().get_current_head()
    assert head is not None
    return head


def is_known(revision: str) -> bool:
    """Whether this program has ever heard of a revision; it has not, if a newer one made it."""
    try:
        _scripts().get_revision(revision)
    except (CommandError, RevisionError):
        return False
    return True


def current(connection: Connection) -> str | None:
    """The revision of the tables that are there; None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest revision inside the connection's transaction; others wait for it."""
    advisory_lock(connection, "migrate")
    before = current(connection)
    if before is None or is_known(before):
        command.upgrade(_config(connection), "head")

"""The edge at which transactions begin and end, database errors become sentences, and tables are brought up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from platform import node
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from workers.core.errors import BackchannelError
from workers.store.database_errors import explain, kept_locked
from workers.store.sql import advisory_lock
from workers.store.turns import Turns, TurnTaken

MEMORY = "memory"
"""The execution option of reading connections: a dict of what this process keeps from one reading to the next."""
BUSY_MS = 15_000
MIGRATING_SECONDS = 1800
STOOD_STILL_SECONDS = 120
"""After so long inside a transaction without a statement, Postgres ends it: whoever hangs holds up nobody for ever."""
LONGEST = (
    "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1"
)
POSTGRES = {
    "application_name": f"{os.getpid()} on {node()}",
    "connect_timeout": 10,
    # A server that is gone without a word is noticed within a minute, also in the middle of a statement.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


class DatabaseAway(BackchannelError):
    """The database cannot be reached or written just now: what was to be done is undone, and may be tried again."""


class Stale(Exception):
    """What a write was decided on was changed meanwhile: it is undone, and decided anew from what is there now."""


class Database:
    """One SQLite file or one Postgres database; safe to share between threads, not across a fork."""

    def __init__(self, url: str) -> None:
        """`url` is "sqlite:////path/db.sqlite3" or "postgresql://…". Nothing is opened yet.

        Raises BackchannelError where the URL cannot work, without repeating its password.
        """
        self._url = _parse(url)
        self._turns = _turns(self._url)
        self._engine = _engine(self._url)
        writer, reader = _writer_and_reader(self._engine)
        # Not for writers: what they have seen may be rolled back.
        self._writer, self._reader = writer, reader.execution_options(**{MEMORY: {}})

    @property
    def location(self) -> str:
        """Where the data is, for people: never the name and password that open it."""
        if self._url.get_backend_name() == "sqlite":
            return f"the SQLite file {self._url.database}"
        port = f":{self._url.port}" if self._url.port else ""
        return f"the Postgres database {self._url.database} at {self._url.host or 'localhost'}{port}"

    @contextmanager
    def write(self) -> Generator[Connection]:
        """One transaction that commits at the exit and rolls back on an exception. SQLite: the only writer.

        Raises DatabaseAway when the database cannot be reached, stays locked or is full.
        """
        with self._turn(BUSY_MS / 1000), self._sentences(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _turn(self, seconds: float) -> Generator[None]:
        try:
            with self._turns.turn(seconds) if self._turns else nullcontext():
                yield
        except TurnTaken as error:
            raise DatabaseAway(kept_locked(self.location, error.holder, seconds)) from None

    @contextmanager
    def read(self) -> Generator[Connection]:
        """One consistent view of the data; whatever is written inside is rolled back. Raises as `write`."""
        with self._sentences(), self._reader.connect() as connection:
            yield connection

    def _holder(self) -> str:
        """Who has been in a transaction for longest, by what its connection calls itself; Postgres."""
        try:
            with self._reader.connect() as connection:
                return connection.exec_driver_sql(LONGEST).scalar() or ""
        except DBAPIError:
            return ""

    def migrate(self) -> None:
        """Create or update the tables. Any number of processes may call this at once.

        Raises BackchannelError when a newer program made them.
        """
        # Most starts have nothing to do, and need not wait for the writers.
        with self.read() as connection:
            if _current(connection) == _newest():
                return
        # Another process may be at it, which takes as long as it takes.
        with self._turn(MIGRATING_SECONDS), self._sentences(), self._writer.begin() as connection:
            _upgrade(connection)
        self.check()

    def check(self) -> None:
        """Raises BackchannelError when the database cannot be reached or its tables are not this program's."""
        with self.read() as connection:
            current = _current(connection)
        if current is None:
            raise BackchannelError(
                f"There are no tables yet in {self.location}; run `backchannel migrate` or start `backchannel up`."
            )
        if current == _newest():
            return
        if _is_known(current):
            raise BackchannelError(
                f"The tables in {self.location} are from an older Backchannel; run `backchannel migrate`."
            )
        raise BackchannelError(
            f"The tables in {self.location} are from a newer Backchannel; update this program first."
        )

    def scrub(self) -> None:
        """Empty SQLite's log, in which what was forgotten still stands (the file itself is overwritten with zeros).

        Waits for readers, and raises BackchannelError when one of them does not end. Postgres does this by itself.
        """
        if self._url.get_backend_name() != "sqlite":
            return
        with self._sentences(), self._engine.connect() as connection:
            # Past SQLAlchemy, which would begin a transaction, and inside one there is no checkpoint.
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise BackchannelError(
                f"Somebody kept reading {self.location}, so its log could not be emptied; try again."
            )

    def dispose(self) -> None:
        """Close the pooled connections; the next use opens new ones."""
        self._engine.dispose()

    @contextmanager
    def _sentences(self) -> Generator[None]:
        try:
            yield
        except DBAPIError as error:
            sentence = explain(error, self.location, BUSY_MS / 1000, self._holder)
            if sentence is None:
                raise
            raise DatabaseAway(sentence) from None


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BackchannelError(
            "The database URL cannot be read; write sqlite:////folder/file.sqlite3 or postgresql://name:password@host/db."
        ) from None
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql", "postgres"):
        raise BackchannelError(f"Backchannel keeps its data in SQLite or Postgres, not in {backend}; change the URL.")
    if backend == "sqlite":
        if not url.database or ":memory:" in url.database:
            raise BackchannelError("A database in memory cannot be shared by processes; name a file in the URL.")
        return url
    # Whatever driver the URL names: psycopg 3 is the one that the extra installs.
    return url.set(drivername="postgresql+psycopg")


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            # `hide_parameters`: errors get into logs, and parameters are what people wrote.
            engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000}, hide_parameters=True)
            event.listen(engine, "connect", _prepare)
            event.listen(engine, "begin", _begin)
            return engine
        # What the URL says goes before.
        arguments = {name: value for name, value in POSTGRES.items() if name not in url.query}
        # `pool_pre_ping`: after a restart of the server the pool holds dead connections.
        engine = create_engine(url, pool_pre_ping=True, connect_args=arguments, hide_parameters=True)
        event.listen(engine, "connect", _limit_waits)
        return engine
    except ModuleNotFoundError:
        raise BackchannelError("Postgres needs one more package; run `pip install backchannel[postgres]`.") from None
    except (ArgumentError, NoSuchModuleError, TypeError, ValueError):
        raise BackchannelError("The database URL has a driver or an option that is not known; correct it.") from None


def _turns(url: URL) -> Turns | None:
    """The queue of the writers: Postgres needs none."""
    return Turns(Path(f"{url.database}-turn")) if url.get_backend_name() == "sqlite" else None


def _writer_and_reader(engine: Engine) -> tuple[Engine, Engine]:
    """The same pool twice: for writing and for reading."""
    if engine.dialect.name == "sqlite":
        # A transaction that reads first and writes later may fail where this one waits for the lock.
        return engine.execution_options(begin="BEGIN IMMEDIATE"), engine
    # One view for all statements of a reading, as SQLite's log gives by itself.
    return engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _prepare(raw: sqlite3.Connection, _record: object) -> None:
    # With None the driver begins nothing by itself, so that BEGIN IMMEDIATE below is really ours.
    raw.isolation_level = None
    raw.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    _turn_wal_on(raw)
    # What was acknowledged is on the disk.
    raw.execute("PRAGMA synchronous=FULL")
    # Off unless asked for, on each connection.
    raw.execute("PRAGMA foreign_keys=ON")
    # What is forgotten is overwritten, not only unlinked.
    raw.execute("PRAGMA secure_delete=ON")


def _limit_waits(raw: Any, _record: object) -> None:
    """No statement waits for ever for another's lock. Not in the connection's options, which some poolers refuse."""
    with raw.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {BUSY_MS}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {STOOD_STILL_SECONDS * 1000}")
    raw.commit()


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


@retry(retry=retry_if_exception(_is_locked), wait=wait_fixed(0.02), stop=stop_after_delay(BUSY_MS / 1000), reraise=True)
def _turn_wal_on(raw: sqlite3.Connection) -> None:
    """Switching a new file to WAL does not wait for other processes that do the same, so we do."""
    raw.execute("PRAGMA journal_mode=WAL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


# ── the revision of the tables, by Alembic ──────────────────────────────────────────────────────────


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


def _newest() -> str:
    """The revision that this program's tables are at."""
    head = _scripts().get_current_head()
    assert head is not None
    return head


def _is_known(revision: str) -> bool:
    """Whether this program has ever heard of a revision; it has not, if a newer one made it."""
    try:
        _scripts().get_revision(revision)
    except (CommandError, RevisionError):
        return False
    return True


def _current(connection: Connection) -> str | None:
    """The revision of the tables that are there; None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    """Bring the tables to the newest revision inside the connection's transaction; others wait for it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {MIGRATING_SECONDS * 1000}")
    advisory_lock(connection, "migrate")
    before = _current(connection)
    # Tables of a newer program stay as they are; `check` says so.
    if before is None or _is_known(before):
        command.upgrade(_config(connection), "head")

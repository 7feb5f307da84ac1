"""Edges: migration, broken databases, transactions."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from tests.databases import migrated
from workers.core.errors import BackchannelError
from workers.store import counters
from workers.store.database import Database
from workers.store.tables import metadata


def migrate(url: str, start: threading.Barrier) -> None:
    database = Database(url)
    start.wait()
    database.migrate()
    database.check()
    database.dispose()


def test_four_processes_migrate_an_empty_database_at_once(empty_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    processes = [context.Process(target=migrate, args=(empty_url, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]


def test_the_migration_makes_exactly_the_tables_that_the_code_expects(db: Database) -> None:
    with db.read() as c:
        context = MigrationContext.configure(c, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        partial = {
            index["name"]
            for table in metadata.tables
            for index in inspect(c).get_indexes(table)
            if any(option.endswith("_where") for option in index.get("dialect_options", {}))
        }
    expected = {
        index.name
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    assert partial == expected


def test_a_database_without_tables_says_what_to_do(empty_url: str) -> None:
    database = Database(empty_url)
    with pytest.raises(BackchannelError, match="no tables yet"):
        database.check()
    database.dispose()


def test_a_migrated_database_is_fine_and_migrates_again_without_harm(db: Database) -> None:
    with db.write() as c:
        counters.bump(c, "labels")
    db.migrate()
    db.check()
    with db.read() as c:
        assert counters.value(c, "labels") == 1


def test_a_newer_database_is_refused_and_left_alone(db: Database) -> None:
    with db.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    with pytest.raises(BackchannelError, match="newer Backchannel"):
        db.check()
    with pytest.raises(BackchannelError, match="newer Backchannel"):
        db.migrate()


def test_an_exception_rolls_back(db: Database) -> None:
    def bump_and_fail() -> None:
        with db.write() as c:
            counters.bump(c, "labels")
            raise LookupError

    with pytest.raises(LookupError):
        bump_and_fail()
    with db.read() as c:
        assert counters.value(c, "labels") == 0


def test_what_is_written_while_reading_does_not_stay(url: str) -> None:
    if url.startswith("sqlite"):
        database = Database(url)
        with database.read() as c:
            counters.bump(c, "labels")
        with database.read() as c:
            assert counters.value(c, "labels") == 0


def test_a_reader_sees_one_moment(db: Database) -> None:
    with db.read() as reader:
        assert counters.value(reader, "labels") == 0
        with db.write() as writer:
            counters.bump(writer, "labels")
        assert counters.value(reader, "labels") == 0


def test_writers_in_many_threads_lose_no_update(db: Database) -> None:
    def add() -> None:
        for _ in range(10):
            with db.write() as c:
                counters.bump(c, "labels")

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as c:
        assert counters.value(c, "labels") == 80


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense hunter2", "cannot be read"),
        ("", "cannot be read"),
        ("postgresql://bob:hunter2@host:notaport/db", "cannot be read"),
        ("mysql://bob:hunter2@host/db", "not in mysql"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite+hunter2:////tmp/x", "not known"),
    ],
)
def test_a_url_that_cannot_work_says_so_without_the_password(url: str, says: str) -> None:
    with pytest.raises(BackchannelError, match=says) as error:
        Database(url)
    assert "hunter2" not in str(error.value)


def test_a_missing_driver_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(BackchannelError, match=r"pip install .?backchannel\[postgres\]"):
        Database("postgresql://bob:hunter2@localhost/db")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_that_does_not_answer_says_so_without_the_password(scheme: str) -> None:
    database = Database(f"{scheme}://bob:hunter2@127.0.0.1:1/db")
    for attempt in (database.check, database.migrate):
        with pytest.raises(BackchannelError, match="Nothing answers") as error:
            attempt()
        assert "hunter2" not in str(error.value)
        assert error.value.__suppress_context__


def test_a_database_that_is_not_there_says_so(postgres_server: str) -> None:
    with pytest.raises(BackchannelError, match="Nothing answers"):
        Database(postgres_server.replace("/postgres?", "/absent?")).check()


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BackchannelError, match="check that the folder exists"):
        Database(f"sqlite:///{tmp_path}/absent/store.sqlite3").migrate()


def test_a_file_that_is_something_else_says_so(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    file.write_bytes(b"This is a diary, not a database. " * 100)
    before = file.read_bytes()
    with pytest.raises(BackchannelError, match="other than our data"):
        Database(f"sqlite:///{file}").migrate()
    assert file.read_bytes() == before


def test_a_file_that_somebody_keeps_locked_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.store.database.BUSY_MS", 200)
    database = Database(f"sqlite:///{tmp_path}/store.sqlite3")
    database.migrate()
    other = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BackchannelError, match="locked"), database.write():
        pass
    other.close()
    with database.write():
        pass
    database.dispose()


def test_sqlite_is_set_up_to_keep_what_it_acknowledged(tmp_path: Path) -> None:
    with migrated(tmp_path) as database, database.read() as c:
        pragmas = {name: c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
        pragmas |= {name: c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("foreign_keys", "secure_delete")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_our_mistakes_stay_exceptions(db: Database) -> None:
    with pytest.raises(Exception, match="absent") as error, db.read() as c:
        c.execute(text("SELECT absent FROM counters"))
    assert not isinstance(error.value, BackchannelError)

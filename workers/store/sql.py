"""What SQLite and Postgres spell differently (upserts, locks), and lists too long for one statement."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Insert, Row, Select, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row whose columns are named by the query that made it."""
AnySelect: TypeAlias = Select[*tuple[Any, ...]]
Item = TypeVar("Item")


def insert(c: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, which the two dialects spell alike but type apart."""
    statement: Insert = sqlite.insert(table) if c.dialect.name == "sqlite" else postgresql.insert(table)
    return statement


def insert_new(c: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose `key` is not there yet. Returns how many those were."""
    if not rows:
        return 0
    statement = insert(c, table).on_conflict_do_nothing(index_elements=["key"])
    return c.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def advisory_lock(c: Connection, name: str) -> None:
    """Wait until no other transaction holds this name; held until ours ends. SQLite has one writer anyway."""
    if c.dialect.name == "postgresql":
        c.execute(select(func.pg_advisory_xact_lock(zlib.crc32(b"backchannel " + name.encode()))))


def chunks(items: Sequence[Item], size: int = 500) -> Iterator[Sequence[Item]]:
    """Pieces short enough for one IN list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

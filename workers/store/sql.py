"""What SQLite and Postgres spell differently (upserts, locks), what tables of claimed rows share, and long lists."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Insert,
    Row,
    Select,
    Table,
    any_,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from workers.core.events import MessageRef

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row whose columns are named by the query that made it."""
AnySelect: TypeAlias = Select[*tuple[Any, ...]]
Item = TypeVar("Item")
UNCLAIMED = {"claimed_by": None, "lease_until": None}


def insert(c: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, which the two dialects spell alike but type apart."""
    statement: Insert = sqlite.insert(table) if c.dialect.name == "sqlite" else postgresql.insert(table)
    return statement


def insert_new(c: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose `key` is not there yet. Returns how many those were."""
    if not rows:
        return 0
    statement = insert(c, table).on_conflict_do_nothing(index_elements=["key"])
    # SQLAlchemy forgets the count of an INSERT of many rows unless told to keep it.
    return c.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def advisory_lock(c: Connection, name: str) -> None:
    """Wait until no other transaction holds this name; held until ours ends. SQLite has one writer anyway."""
    if c.dialect.name == "postgresql":
        # Postgres locks numbers, not names.
        c.execute(select(func.pg_advisory_xact_lock(zlib.crc32(b"backchannel " + name.encode()))))


def claimable(table: Table, waiting: str) -> ColumnElement[bool]:
    """Rows that wait in this state and are due `:now`, or whose claim has lapsed."""
    due = (table.c.state == waiting) & (table.c.available_at <= bindparam("now"))
    return due | ((table.c.state == "claimed") & (table.c.lease_until <= bindparam("now")))


def our_claim(table: Table) -> ColumnElement[bool]:
    """The row `:row`, while the claim that counted `:token` attempts still holds it."""
    return (table.c.id == bindparam("row")) & (table.c.attempts == bindparam("token")) & (table.c.state == "claimed")


def message_ref(row: AnyRow) -> MessageRef:
    """The ref of a row with `tables.ref_columns`."""
    return MessageRef(platform=row.platform, workspace=row.workspace, chat_id=row.chat_id, message_id=row.message_id)


def among(c: Connection, column: Column[Any], keys: Sequence[Any]) -> ColumnElement[bool]:
    """Whether the column is one of the keys, of which there may be any number: they travel as one parameter."""
    if c.dialect.name == "sqlite":
        items = func.json_each(json.dumps(list(keys), ensure_ascii=False)).table_valued("value")
        return column.in_(select(items.c.value))
    return column == any_(literal(list(keys), ARRAY(column.type)))


def chunks(items: Sequence[Item], size: int = 500) -> Iterator[Sequence[Item]]:
    """Pieces short enough for one IN list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

"""Counters that say "something changed", and locks for what only one transaction may do at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from workers.store.tables import counters

Item = TypeVar("Item")


def value(c: Connection, name: str) -> int:
    """The counter's number; 0 before the first change."""
    return c.execute(select(counters.c.value).where(counters.c.name == name)).scalar() or 0


def bump(c: Connection, name: str) -> None:
    """Add one. The row stays locked until the transaction ends, so call it last."""
    new = insert(c, counters).values(name=name, value=1)
    c.execute(new.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + 1}))


def reset(c: Connection, name: str, seen: int) -> None:
    """Back to 0, unless it has moved on since it was seen."""
    c.execute(update(counters).where(counters.c.name == name, counters.c.value == seen).values(value=0))


def insert(c: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, which the two dialects spell alike but type apart."""
    statement: Insert = sqlite.insert(table) if c.dialect.name == "sqlite" else postgresql.insert(table)
    return statement


def add_new(c: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose `key` is not there yet. Returns how many those were."""
    if not rows:
        return 0
    statement = insert(c, table).on_conflict_do_nothing(index_elements=["key"])
    return c.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def chunks(items: Sequence[Item], size: int = 500) -> Iterator[Sequence[Item]]:
    """Pieces short enough for one IN list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

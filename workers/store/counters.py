"""Counters by which one process sees that another has changed something, and choices that are kept as a number."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from workers.store.sql import insert
from workers.store.tables import counters

REWRITTEN = "rewritten"
"""The counter that grows whenever messages or ledger rows are erased or get another ref: read them again."""


def value(c: Connection, name: str) -> int:
    """The counter's number; 0 before the first change."""
    return c.execute(select(counters.c.value).where(counters.c.name == name)).scalar() or 0


def values(c: Connection, names: Collection[str]) -> dict[str, int]:
    """The numbers of several counters; 0 before the first change."""
    rows = c.execute(select(counters.c.name, counters.c.value).where(counters.c.name.in_(names)))
    return {**dict.fromkeys(names, 0), **dict(rows.all())}


def bump(c: Connection, name: str) -> None:
    """Add one. The row stays locked until the transaction ends, so call it last."""
    add(c, name, 1)


def add(c: Connection, name: str, more: int) -> None:
    """Add so many, or take away. The row stays locked until the transaction ends."""
    new = insert(c, counters).values(name=name, value=more)
    c.execute(new.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + more}))


def put(c: Connection, name: str, number: int) -> None:
    """Make it this number, whatever it was."""
    new = insert(c, counters).values(name=name, value=number)
    c.execute(new.on_conflict_do_update(index_elements=["name"], set_={"value": number}))


def reset(c: Connection, name: str, seen: int) -> None:
    """Back to 0, unless it has moved on since it was seen."""
    c.execute(update(counters).where(counters.c.name == name, counters.c.value == seen).values(value=0))

"""The columns and indexes that the tables are made of."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Row, Select, Text, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row whose columns are named by the query that made it."""
AnySelect: TypeAlias = Select[*tuple[Any, ...]]

# SQLite counts rows in INTEGER only; Postgres should not run out at two thousand million.
Id = BigInteger().with_variant(Integer(), "sqlite")


def number(name: str = "id") -> Column[int]:
    """Our own number of a row."""
    return Column(name, Id, primary_key=True, autoincrement=True)


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the few rows of which `where` is true."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def words(name: str, default: str | None = None) -> Column[str]:
    """A text that is always there."""
    return Column(name, Text, nullable=False, server_default=default)


def ref_parts() -> tuple[Column[Any], ...]:
    """The parts of a message's ref, beside `ref` and `chat`, which hold them joined for indexes."""
    return words("ref"), words("chat"), words("platform"), words("workspace"), words("chat_id"), words("message_id")


def lease_parts() -> tuple[Column[Any], ...]:
    """What a row carries that somebody claims for a while. `attempts` is the fencing token."""
    return (
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("claimed_by", Text),
        Column("lease_until", Double),
        Column("available_at", Double, nullable=False),
        Column("error", Text),
    )

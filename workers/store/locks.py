"""What only one transaction may do at a time."""

from __future__ import annotations

import zlib

from sqlalchemy import Connection, func, select


def exclusive(c: Connection, name: str) -> None:
    """Wait until no other transaction holds this name; held until ours ends. SQLite has one writer anyway."""
    if c.dialect.name == "postgresql":
        c.execute(select(func.pg_advisory_xact_lock(zlib.crc32(b"backchannel " + name.encode()))))

"""Signs of life: which processes work for which role, and since when nobody has heard of them."""

from __future__ import annotations

import os
import socket

from sqlalchemy import Connection, delete, select

from workers.store.sql import insert
from workers.store.tables import heartbeats

ALIVE = 45.0
"""Seconds since its last beat after which a process is taken for dead. They beat every ten seconds."""


def process_name() -> str:
    """This process among all processes of all machines; in a container every first process has the number 1."""
    return f"{socket.gethostname()}:{os.getpid()}"


def beat(c: Connection, process: str, role: str, now: float) -> None:
    """Say that a process lives. `process` is a name of its own among all machines, as in `host:12`."""
    values = {"process": process, "role": role, "at": now}
    statement = insert(c, heartbeats).values(**values)
    c.execute(statement.on_conflict_do_update(index_elements=["process"], set_={"role": role, "at": now}))


def alive(c: Connection, role: str, since: float, host: str = "") -> bool:
    """Whether any process of this role has been heard of after `since`; with `host`, one of that machine."""
    statement = select(heartbeats.c.process).where(heartbeats.c.role == role, heartbeats.c.at > since)
    if host:
        statement = statement.where(heartbeats.c.process.startswith(f"{host}:", autoescape=True))
    return c.execute(statement.limit(1)).first() is not None


def end(c: Connection, process: str) -> None:
    """Forget a process that has ended."""
    c.execute(delete(heartbeats).where(heartbeats.c.process == process))


def prune(c: Connection, before: float) -> int:
    """Drop the rows of processes that were last heard of before then. Returns how many."""
    return c.execute(delete(heartbeats).where(heartbeats.c.at < before)).rowcount

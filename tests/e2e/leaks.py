"""Secrets where none may be: in what broker and result store hold, in logs, in the database, in what people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.valkey import client

SECRET = ("TOKEN", "SECRET")
"""How the names of settings end whose values nobody may ever see."""


RESULT = "celery-task-meta-"
"""How the keys of Celery's results begin."""


def secrets(env: Mapping[str, str]) -> set[str]:
    """The secret ones among settings."""
    return {value for name, value in env.items() if name.endswith(SECRET)}


def held(data: Path) -> dict[str, str]:
    """Everything in the embedded broker and result store, as text under its key."""
    with client(data) as broker:
        readers: dict[bytes, Any] = {
            b"string": broker.get,
            b"list": lambda key: broker.lrange(key, 0, -1),
            b"hash": broker.hgetall,
            b"set": broker.smembers,
            b"zset": lambda key: broker.zrange(key, 0, -1),
        }
        return {key.decode(): repr(readers[broker.type(key)](key)) for key in broker.scan_iter()}


def written(data: Path) -> dict[str, str]:
    """Everything in files: logs, database, and what the broker has on disk."""
    return {str(path): path.read_bytes().decode("latin-1") for path in data.rglob("*") if path.is_file()}


def leaked(places: Mapping[str, str], wanted: Iterable[str]) -> list[str]:
    """The places that hold one of the secrets."""
    return sorted(name for name, text in places.items() if any(secret in text for secret in wanted))

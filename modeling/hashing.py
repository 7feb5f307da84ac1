"""Hashes of files and of plain values: what tells one backbone, data set or order from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

SHORT = 16  # hexadecimal digits: enough to tell apart what one installation ever sees


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes, 64 hexadecimal digits. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def short_hash(parts: Iterable[bytes]) -> str:
    """Return the first 16 hexadecimal digits of the sha256 of all parts, one after another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:SHORT]


def meta_hash(value: object) -> str:
    """Return a short hash of anything that JSON can write."""
    return short_hash([json.dumps(value, sort_keys=True, default=str).encode()])

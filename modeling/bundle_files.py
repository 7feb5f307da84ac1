"""A bundle's files against the checksums in its meta.json. No torch here: the `labels` worker asks too."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from modeling.errors import ModelingError


def verify(folder: Path) -> None:
    """Check that every file is there and unaltered. Raises ModelingError with one sentence otherwise."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        files = dict(meta["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelingError(f"{folder} is no bundle (its meta.json is missing or damaged): train it again.") from None
    for name, wanted in files.items():
        try:
            found = checksum(folder / name)
        except OSError:
            raise ModelingError(f"{folder} lacks the file {name}: restore it from a backup, or train again.") from None
        if found != wanted:
            raise ModelingError(f"The file {name} in {folder} was altered: restore it from a backup, or train again.")


def checksum(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

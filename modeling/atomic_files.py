"""Files and folders that are there whole or not at all: written beside, then renamed."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_atomically(path: Path) -> Generator[Path]:
    """Give a name beside `path` at which to write a file or make a folder; at the end it takes the place of `path`.

    If anything goes wrong, it is removed and `path` stays as it was. Raises OSError.
    """
    # Of processes that were killed while they wrote.
    for left_over in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        _remove(left_over)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        _flush(draft)
        # A folder cannot be renamed to where another one with files is.
        if path.is_dir():
            shutil.rmtree(path)
        draft.replace(path)
    finally:
        _remove(draft)


def _flush(draft: Path) -> None:
    """Put the content on the disk before the rename: after a power failure an empty file must not carry the name."""
    for file in (draft, *draft.rglob("*")):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

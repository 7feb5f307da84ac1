"""Files that are there whole or not at all: written beside, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_atomically(folder: Path) -> Generator[Path]:
    """Give a folder to write in; rename it to `folder` at the end, or remove it if anything went wrong."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left_over in folder.parent.glob(f".{folder.name}.*.part"):
        shutil.rmtree(left_over, ignore_errors=True)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    draft.mkdir()
    try:
        yield draft
        flush_folder(draft)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def flush_folder(folder: Path) -> None:
    """See to it that the files are on the disk before the rename that makes them count."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())

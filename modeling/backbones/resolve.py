"""Where a backbone's files are, and whether they may be loaded: no torch needed to answer."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from modeling.backbones import hub, presets
from modeling.backbones.validation import GGUF, KEPT, refuse, refuse_weights
from modeling.errors import ModelingError, short
from modeling.hashing import file_hash, short_hash
from modeling.text.script_reading import READING

BUILT = ("static", "gru", "lstm")  # backbones that are built from texts, never loaded by their name
_HUB_NAME = re.compile(r"[\w][\w.-]*(?:/[\w][\w.-]*)?")


def resolve(name: str) -> Path:
    """Return the folder that `name` means: a preset ("" is the default one), a local folder, else a hub name.

    A hub name is downloaded unless it is already in the hub's cache or HF_HUB_OFFLINE is set. Raises ModelingError
    when there is no such backbone, and for folders that cannot or must not be loaded.
    """
    if name in BUILT and not Path(name).is_dir():
        raise ModelingError("backbone_is_built", name=name)
    preset = presets.PRESETS.get(presets.canonical(name))
    if preset is None:
        folder = _local(name) or _downloaded(name)
    else:
        folder = presets.folder(preset.name) or _downloaded(preset.model)
    refuse(folder, name or presets.default())
    return folder


def check(name: str) -> None:
    """Raise ModelingError with a sentence if the backbone cannot be loaded; cheap, meant for the start of a process."""
    folder = resolve(name)
    try:
        json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if not (folder / "modules.json").is_file():
            raise ModelingError("backbone_without_config", name=name, reason=short(error)) from None


def files(folder: Path) -> list[Path]:
    """Return the files that make up a backbone, in a fixed order; not those of what helps it to read."""
    candidates = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix in KEPT and path.is_file()]
    kept = [
        path for path in candidates if path.parts[0] != READING and not any(part.startswith(".") for part in path.parts)
    ]
    return sorted(folder / path for path in kept)


def fingerprint(folder: Path, written: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Return a short hash of weights and configuration: equal fingerprints mean interchangeable vectors.

    It is that of a folder in which the files `written`, by their names there, were added or put in others' place.
    """
    state = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files(folder))
    return _fingerprint(state, folder, tuple(sorted(written.items())))


@lru_cache(maxsize=32)
def _fingerprint(state: tuple[tuple[str, int, int], ...], folder: Path, written: tuple[tuple[str, bytes], ...]) -> str:
    hashes = {folder / name: hashlib.sha256(content).hexdigest() for name, content in written}
    paths = sorted({Path(path) for path, _, _ in state} | set(hashes))
    return short_hash(
        f"{path.relative_to(folder).as_posix()}\0{hashes.get(path) or file_hash(path)}\n".encode() for path in paths
    )


def copy(folder: Path, target: Path, written: Mapping[str, bytes]) -> None:
    """Copy a backbone's files, byte by byte, and write those beside that complete it."""
    for path in files(folder):
        copied = target / path.relative_to(folder)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
    _write(target, written)


@contextmanager
def completed(folder: Path, written: Mapping[str, bytes]) -> Generator[Path]:
    """Give a folder with the files of another one and those that complete it; the same folder where none do."""
    if not written:
        yield folder
        return
    with TemporaryDirectory(prefix="backbone-") as temporary:
        for path in files(folder):
            link = Path(temporary) / path.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            if path.relative_to(folder).as_posix() not in written:
                link.symlink_to(path.resolve())
        _write(Path(temporary), written)
        yield Path(temporary)


def _write(folder: Path, written: Mapping[str, bytes]) -> None:
    for name, content in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _local(name: str) -> Path | None:
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.suffix == GGUF:
        refuse_weights([Path(path.name)], name)
    if path.is_absolute() or name.startswith((".", "~")) or os.sep * 2 in name or name.count("/") > 1 or path.exists():
        raise ModelingError("backbone_folder_missing", name=name, default=presets.default())
    return None


def _downloaded(name: str) -> Path:
    if not _HUB_NAME.fullmatch(name):
        raise ModelingError("backbone_name_unknown", name=name, default=presets.default())
    return hub.fetch(name, name if "/" in name else f"sentence-transformers/{name}")

"""A bundle's files: written all or not at all, and found altered or missing by their hashes. No torch needed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from modeling.errors import ModelingError
from modeling.hashing import file_hash

META, HEAD, BACKBONE = "meta.json", "head.safetensors", "backbone"
LEARNED_FROM = "learned_from.safetensors"  # sketches of the training texts; bundles of before have none
INFERENCE = "inference"  # the backbone as it is read without torch; bundles of before have none
SEAL = "sha256"  # meta.json's own hash, inside meta.json
FORMAT = 1


def seal(folder: Path, meta: dict[str, Any]) -> None:
    """Write meta.json with the sha256 of every other file in the bundle."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / META)
    hashes = {path.relative_to(folder).as_posix(): file_hash(path) for path in paths}
    # Through JSON and back: what is hashed has to be what will be read.
    content = json.loads(json.dumps({**meta, "format": FORMAT, "files": hashes}, default=str))
    sealed = {**content, SEAL: _content_hash(content)}
    (folder / META).write_text(json.dumps(sealed, indent=2, ensure_ascii=False) + "\n", "utf-8")


def verify(folder: Path, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a bundle's meta.json after comparing every file with its hash, except in the folders `without`.

    Raises ModelingError that names the file that is missing, altered or not part of the bundle.
    """
    meta = _meta(folder)
    for name, expected in meta["files"].items():
        if name.partition("/")[0] in without:
            continue
        path = folder / name
        # A name such as ../x, or a link, leads out of the bundle.
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise ModelingError("bundle_file_missing", folder=folder, name=name)
        if file_hash(path) != expected:
            raise ModelingError("bundle_file_altered", name=name, folder=folder)
    # Loaders take what they find in this folder, so nothing may lie there that has no hash.
    for path in [*(folder / BACKBONE).rglob("*"), *(folder / INFERENCE).rglob("*")]:
        if path.is_file() and path.relative_to(folder).as_posix() not in meta["files"]:
            raise ModelingError("bundle_file_extra", path=path)
    return meta


def _meta(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise ModelingError("bundle_missing", folder=folder)
    try:
        meta = json.loads((folder / META).read_text("utf-8"))
        # From left to right: the seal is out before the rest is hashed.
        intact = meta.pop(SEAL) == _content_hash(meta) and HEAD in meta["files"]
    except FileNotFoundError:
        raise ModelingError("bundle_file_missing", folder=folder, name=META) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        intact, meta = False, {}
    if not intact:
        raise ModelingError("bundle_file_altered", name=META, folder=folder)
    if meta["format"] != FORMAT:
        raise ModelingError("bundle_format_unknown", folder=folder, format=meta["format"])
    return meta


def _content_hash(meta: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()

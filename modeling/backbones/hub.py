"""Backbones from the hub: what one is, how large and under which licence is said before it is fetched."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeling.backbones.validation import KEPT, OTHER_FORMATS, refuse_kind, refuse_weights
from modeling.errors import ModelingError, short
from modeling.events import Download

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

log = logging.getLogger(__name__)

DESCRIPTION = "README.md"  # its head names the licence
ROOM = 1.05  # times what is fetched has to be free on the disk
_LICENCE = re.compile(r"^license:\s*['\"]?([\w.+-]+)", re.MULTILINE)


def fetch(name: str, repository: str) -> Path:
    """Return the folder of a repository's newest files in the hub's cache, fetched where they are not there yet.

    Says as a log record, with the `Download` as its `download`, what it is going to fetch. Where the hub cannot be
    reached, what is in the cache counts. Raises ModelingError.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = _asked(repository)
        if info is not None:
            _look_first(info, name, repository)
        return _snapshot(repository, [*(f"*{suffix}" for suffix in sorted(KEPT)), DESCRIPTION], offline=info is None)
    except ModelingError:
        raise
    except GatedRepoError:
        raise ModelingError("backbone_gated", name=name) from None
    except RepositoryNotFoundError:
        raise ModelingError("backbone_not_on_hub", name=name) from None
    except Exception as error:  # the hub raises a dozen more kinds: offline, interrupted, out of order
        raise ModelingError("backbone_not_fetched", name=name, reason=short(error)) from None


def licence(folder: Path) -> str | None:
    """Return the licence that the description in a backbone's folder states, in the hub's short form."""
    try:
        head = (folder / DESCRIPTION).read_text("utf-8", errors="replace").split("\n---", 1)[0]
    except OSError:
        return None
    stated = _LICENCE.search(head) if head.startswith("---") else None
    return stated[1] if stated else None


def _asked(repository: str) -> ModelInfo | None:
    """What the hub says about a repository; None where it cannot be asked, or must not be."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
    from huggingface_hub.utils import httpx

    try:
        return HfApi().model_info(repository, files_metadata=True)
    except RepositoryNotFoundError:
        raise
    except (httpx.TransportError, HfHubHTTPError, OfflineModeIsEnabled):
        return None


def _look_first(info: ModelInfo, name: str, repository: str) -> None:
    """Refuse what the names and small files of a repository speak against; then say what is going to be fetched."""
    listed = {Path(file.rfilename): file.size or 0 for file in info.siblings or ()}
    refuse_weights(listed, name)
    missing = {path: size for path, size in listed.items() if _wanted(path) and not _cached(repository, path, info.sha)}
    if not missing:
        return
    refuse_kind(_snapshot(repository, ["*.json"], offline=False), name)
    download = Download(name=name, licence=_stated(info), bytes=sum(listed[path] for path in missing))
    _refuse_without_room(download)
    log.info("%s", download.sentence, extra={"download": download})


def _snapshot(repository: str, patterns: list[str], *, offline: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()  # in the middle of JSON lines, or of our own bar
    return Path(
        snapshot_download(
            repository,
            allow_patterns=patterns,
            ignore_patterns=[f"{folder}/*" for folder in sorted(OTHER_FORMATS)],
            local_files_only=offline,
        )
    )


def _refuse_without_room(download: Download) -> None:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    existing = next(folder for folder in (cache, *cache.parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    if download.bytes * ROOM > free:
        raise ModelingError(
            "backbone_without_room", name=download.name, needed=download.bytes, folder=existing, free=free
        )


def _stated(info: ModelInfo) -> str | None:
    """The licence of the model card, else that of the tags."""
    card: Any = info.card_data
    stated = card.get("license") if card else None
    tagged = (tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:"))
    return stated if isinstance(stated, str) else next(tagged, None)


def _wanted(path: Path) -> bool:
    kept = path.suffix in KEPT or path.name == DESCRIPTION
    return kept and not any(part.startswith(".") or part in OTHER_FORMATS for part in path.parts)


def _cached(repository: str, path: Path, commit: str | None) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repository, path.as_posix(), revision=commit), str)

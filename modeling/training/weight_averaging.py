"""Averaged weights: those of fine-tuned backbones with each other, and with those of the base, which forgets less.

Fine-tuning on few messages makes a backbone worse on all others. A point on the line between the base's weights and the
tuned ones is often good on both; cross-validation says which point (WiSE-FT: Wortsman et al. 2022a, without the
zero-shot classifier). The mean of weights that were tuned from the same base on the folds and on all messages is
usually better than any of them (a uniform model soup: Wortsman et al. 2022b).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from modeling.atomic_files import written_atomically
from modeling.backbones import backbone as backbones
from modeling.backbones import resolve
from modeling.backbones.backbone import Backbone


def save_changed_weights(tuned: Backbone, base: Path, path: Path) -> None:
    """Write the weights that differ from those of the backbone in `base` to a file of safetensors."""
    start = base_weights(base)
    weights = {name: value.detach().cpu().contiguous() for name, value in _trainable(tuned).items()}
    changed = {name: value for name, value in weights.items() if not torch.equal(value, start[name].to(value).cpu())}
    with written_atomically(path) as draft:
        save_file(changed, draft)


def blend(tuned: Backbone, base: Path, share: float, kept_files: Sequence[Path] = ()) -> Backbone:
    """Average the weights of `tuned`, in place, with those that were kept in the files `kept_files`; then move them.

    They go to where only `share` of the way from the weights of the backbone in `base` is gone.
    """
    if share == 1 and not kept_files:
        return tuned
    start = base_weights(base)
    with torch.no_grad(), ExitStack() as stack:
        files = [stack.enter_context(safe_open(path, "pt", device=str(tuned.model.device))) for path in kept_files]
        for name, value in _trainable(tuned).items():
            # In float32, for a mean in 16 bits would round away small changes.
            origin = start[name].to(value.device, torch.float32)
            # Only weights that changed were kept: the others are those of the base.
            kept = [file.get_tensor(name).float() if name in file.keys() else origin for file in files]  # noqa: SIM118
            value.copy_(torch.lerp(origin, torch.stack([value.float(), *kept]).mean(0), share))
    return Backbone(tuned.model, tuned.name, None, tuned.reading)


def base_weights(base: Path) -> dict[str, Tensor]:
    """Return what may change of the backbone in a folder; best read first while no other one is in memory."""
    return _base_weights(base, resolve.fingerprint(base))


@lru_cache(maxsize=1)
def _base_weights(base: Path, _: str) -> dict[str, Tensor]:
    # Remembered, for it is asked for after every fold, and loading takes long; on the CPU, for a GPU's memory is for
    # what is trained.
    return {name: value.to("cpu", copy=True) for name, value in _trainable(backbones.load(str(base))).items()}


def _trainable(backbone: Backbone) -> dict[str, Tensor]:
    """Return the weights without tables of tokens, which no method trains: they are most of a multilingual backbone."""
    tables = {f"{name}.weight" for name, module in backbone.model.named_modules() if isinstance(module, nn.Embedding)}
    state = backbone.model.state_dict()
    return {name: value for name, value in state.items() if value.is_floating_point() and name not in tables}

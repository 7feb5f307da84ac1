"""What a backbone is, in figures that people compare before they choose one."""

from __future__ import annotations

from typing import Any

from modeling.backbones import families, hub, resolve
from modeling.backbones.backbone import Backbone
from modeling.events import BackboneInfo


def describe(backbone: Backbone) -> BackboneInfo:
    """Return family, kind, numbers of parameters and dimensions, the longest input in tokens, licence and bytes.

    `tokens` is what is read of a message at most; `licence` is None where the folder states none.
    """
    model, folder = backbone.model, backbone.folder
    config: Any = getattr(getattr(model[0], "model", None), "config", None)
    pooling: Any = next((module.pooling_mode for module in model if hasattr(module, "pooling_mode")), None)
    return BackboneInfo(
        name=backbone.name,
        family=str(getattr(config, "model_type", "") or type(model[0]).__name__.lower()),
        kind="decoder" if config is not None and families.is_decoder(config.to_dict()) else "encoder",
        pooling=pooling,
        prompt=model.prompts.get(model.default_prompt_name or "") or None,
        parameters=sum(module.numel() for module in model.parameters()),
        dimension=backbone.dimension,
        tokens=model.max_seq_length,
        licence=hub.licence(folder) if folder else None,
        bytes=sum(path.stat().st_size for path in resolve.files(folder)) if folder else 0,
        device=model.device.type,
    )

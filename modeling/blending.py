"""Between a backbone and what fine-tuning made of it: averaged weights, which forget less (Wortsman et al. 2022).

Of few messages a backbone learns what they say and forgets a little of what it knew about all others. Half-way between
both sets of weights it often knows both; cross-validation says where.
"""

from __future__ import annotations

from pathlib import Path

import torch

from modeling import backbone as backbones
from modeling.backbone import Backbone


def blend(tuned: Backbone, base: Path, share: float) -> Backbone:
    """Move the weights of `tuned`, in place, to where only `share` of the way from the backbone in `base` is gone."""
    if share == 1:
        return tuned
    start = backbones.load(str(base)).model.state_dict()
    with torch.no_grad():
        for name, value in tuned.model.state_dict().items():
            if value.is_floating_point():
                origin = start[name].to(value.device, torch.float32)
                value.copy_(torch.lerp(origin, value.float(), share))
    return Backbone(tuned.model, tuned.name, None, tuned.reading)

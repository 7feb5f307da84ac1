"""`check`: whether a backbone can be loaded here, and what it is."""

from __future__ import annotations

from typing import Annotated

import typer

from modeling.backbones import presets
from modeling.cli.console import Show, errors_as_sentences
from modeling.events import Gpus
from modeling.progress import print_line


def check(backbone: Annotated[str, typer.Argument(help=presets.HELP)] = "") -> None:
    """Look for a GPU, then load a backbone and read a message with it; prints a JSON line for each.

    The second one says what the backbone is: family, parameters, dimension, longest input, licence, size on disk.
    """
    with errors_as_sentences(Show.rich):
        import torch

        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        print_line(Gpus(names=tuple(names)))

        from modeling.backbones.backbone import describe, load

        loaded = load(backbone)
        loaded.encode(["It crashes when I drag a card."])
        print_line(describe(loaded))

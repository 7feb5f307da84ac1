"""The command `python -m modeling pretrain`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from modeling.backbones import presets
from modeling.cli.console import Progress, Seed, StopWithParent, reporting


class Objective(StrEnum):
    """What is learned from messages without labels; auto goes by the backbone."""

    auto = "auto"
    mlm = "mlm"
    clm = "clm"
    tsdae = "tsdae"


def pretrain(
    texts: Annotated[Path, typer.Argument(metavar="TEXTS", help="Messages: .txt, one a line, or a column text.")],
    out: Annotated[Path, typer.Option(help="Folder for the backbone; the same one continues a killed run.")],
    base: Annotated[str, typer.Option(help=presets.HELP)] = "",
    objective: Annotated[Objective, typer.Option(help="auto goes by the backbone.")] = Objective.auto,
    steps: Annotated[int, typer.Option(min=0, help="Default: by the number of texts.")] = 0,
    minutes: Annotated[float, typer.Option(min=0.0, help="As many steps as fit in, where --steps is not given.")] = 0.0,
    labelled: Annotated[Path | None, typer.Option(help="Labelled messages to measure the gain on.")] = None,
    learning_rate: Annotated[float, typer.Option(min=0.0, help="Default: by the objective.")] = 0.0,
    batch: Annotated[int, typer.Option(min=1, help="Messages a step.")] = 32,
    checkpoint_seconds: Annotated[float, typer.Option(min=0.0, help="How much a kill may cost.")] = 20.0,
    seed: Seed = 0,
    stop_with_parent: StopWithParent = False,
    progress: Progress = None,
) -> None:
    """Let a backbone go on learning from messages without labels; the last line is {"event": "pretrained", ...}."""
    with reporting(progress, stop_with_parent=stop_with_parent) as reporter:
        from modeling.data.unlabelled import read_pool
        from modeling.pretraining.plan import PretrainingConfig
        from modeling.pretraining.probe import read_labelled
        from modeling.pretraining.run import pretrain as run

        settings = PretrainingConfig(
            objective.value, base, seed, steps, minutes, learning_rate, batch, checkpoint_seconds=checkpoint_seconds
        )
        examples = read_labelled(labelled) if labelled else None
        reporter.finish(run(read_pool(texts), examples, settings, out, reporter))

"""The command `python -m modeling tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modeling.backbones import presets
from modeling.cli.console import Progress, StopWithParent, reporting


def tune(
    train_file: Annotated[Path, typer.Argument(metavar="TRAIN", help="Messages to learn from, as for train.")],
    out: Annotated[Path, typer.Option(help="Folder for recipe.toml; the same one continues a killed run.")],
    minutes: Annotated[float, typer.Option(min=0.05, help="How long to search.")],
    test: Annotated[
        Path | None,
        typer.Option(help="As for train: with it all of TRAIN is used, else not the fifth that train holds out."),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="End after so many, if that comes first.")] = None,
    backbone: Annotated[str | None, typer.Option(help=presets.HELP)] = None,
    recipe: Annotated[Path | None, typer.Option(help="Settings to start from; options go before it.")] = None,
    seed: Annotated[int | None, typer.Option(help="Everything random follows from it. Default: 0.")] = None,
    stop_with_parent: StopWithParent = False,
    progress: Progress = None,
) -> None:
    """Search for a recipe that `train --recipe` takes; the last line printed is {"event": "tuned", ...}."""
    with reporting(progress, stop_with_parent=stop_with_parent) as reporter:
        from modeling.data.train_test import read_inputs
        from modeling.training.recipe import Recipe, read_recipe
        from modeling.training.search import tune as run

        settings = (read_recipe(recipe) if recipe else Recipe()).with_options(backbone=backbone, seed=seed)
        reporter.finish(run(read_inputs(train_file, test), settings, minutes, trials, out, reporter))

"""`train`: from labelled messages to a bundle."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from modeling.backbones import presets
from modeling.cli.console import Progress, Show, StopWithParent, errors_as_sentences, prepare, reporting
from modeling.training import distributed
from modeling.training.recipe import EPOCHS


class Method(StrEnum):
    """What is trained; auto chooses by cross-validation."""

    auto = "auto"
    frozen = "frozen"
    lora = "lora"
    full = "full"
    qlora = "qlora"
    int8 = "int8"


def train(
    train_file: Annotated[
        Path, typer.Argument(metavar="TRAIN", help="Messages to learn from: .csv, .tsv, .json, .jsonl, .parquet.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the bundle; the same one continues a killed run.")],
    test: Annotated[Path | None, typer.Option(help="Messages to score, once. Default: a fifth is held out.")] = None,
    backbone: Annotated[str | None, typer.Option(help=f"static, gru, lstm, {presets.HELP}")] = None,
    method: Annotated[Method | None, typer.Option(help="Default: auto, which chooses by cross-validation.")] = None,
    seed: Annotated[int | None, typer.Option(help="Everything random follows from it. Default: 0.")] = None,
    epochs: Annotated[
        float | None,
        typer.Option(min=0.01, help=f"How often to read the messages. Default: {EPOCHS:g}, less often of very many."),
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="TOML or JSON with settings; options go before it.")] = None,
    against: Annotated[str, typer.Option(help="A bundle or backbone to compare with; the gate then decides.")] = "",
    stop_with_parent: StopWithParent = False,
    progress: Progress = None,
) -> None:
    """Train a bundle; the last line printed is {"event": "done", ...}. Runs under `accelerate launch` too."""
    if not distributed.is_main_process():
        prepare(stop_with_parent=stop_with_parent)
        with errors_as_sentences(Show.rich):
            distributed.prepare_follower()
            from modeling.training.finetune import follow_main_process

            follow_main_process()
        return
    with reporting(progress, stop_with_parent=stop_with_parent) as reporter:
        from modeling.data.train_test import read_inputs
        from modeling.training.recipe import Recipe, read_recipe
        from modeling.training.train import train as run

        settings = read_recipe(recipe) if recipe else Recipe()
        settings = settings.with_options(method=method and method.value, backbone=backbone, seed=seed)
        settings = settings.with_epochs(epochs) if epochs else settings
        if settings.method == "auto" and "backbone" not in settings.model_fields_set:
            settings = settings.with_options(backbone=presets.AUTO)
        with distributed.main_process():
            done = run(read_inputs(train_file, test), settings, out, against, reporter)
        reporter.finish(done)

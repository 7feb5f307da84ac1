"""`python -m modeling distill`: a small student that has learned from a teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modeling.cli.console import Progress, Seed, StopWithParent, reporting


def distill(
    teacher: Annotated[str, typer.Argument(metavar="TEACHER", help="A bundle; several with commas are averaged.")],
    student: Annotated[str, typer.Option(help="static, gru, lstm, light, a local folder or a hub name.")],
    texts: Annotated[Path, typer.Option(metavar="POOL", help="Texts to learn from; labels are not needed.")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle; the same one continues a killed run.")],
    train: Annotated[Path | None, typer.Option(help="Labelled messages: their labels are learned from, too.")] = None,
    test: Annotated[Path | None, typer.Option(help="Messages to score, once. Default: a fifth of --train.")] = None,
    temperature: Annotated[float, typer.Option(help="How much the teacher's probabilities are softened.")] = 2.0,
    alpha: Annotated[float, typer.Option(help="Weight of the teacher's word where a label is known, 0 to 1.")] = 0.6,
    hidden: Annotated[int | None, typer.Option(min=8, max=4096, help="Width of a static, gru or lstm student.")] = None,
    word_vectors: Annotated[
        Path | None, typer.Option(help="word2vec or GloVe as text, for gru and lstm. Default: trained on the texts.")
    ] = None,
    against: Annotated[str, typer.Option(help="A bundle or backbone to compare with. Default: the teacher.")] = "",
    seed: Seed = 0,
    stop_with_parent: StopWithParent = False,
    progress: Progress = None,
) -> None:
    """Teach a small student what a bundle says; the last line printed is {"event": "done", ...}."""
    with reporting(progress, stop_with_parent=stop_with_parent) as reporter:
        from modeling.distillation.config import DistillConfig
        from modeling.distillation.dataset import read_distill_dataset
        from modeling.distillation.run import distill as run

        config = DistillConfig(student, alpha, temperature, hidden, word_vectors, against, seed)
        reporter.finish(run(teacher, read_distill_dataset(texts, train, test), config, out, reporter))

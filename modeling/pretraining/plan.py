"""How a backbone goes on learning from texts alone: what is planned once, and what is measured before and after."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from transformers.trainer_pt_utils import LengthGroupedSampler

from modeling.atomic_files import written_atomically
from modeling.backbones import backbone as backbones
from modeling.pretraining import loop
from modeling.pretraining.loop import PretrainingTask
from modeling.pretraining.objectives import RATES, Objective, PretrainingModel
from modeling.progress import OnProgress

TIMED = 4  # batches that are timed to learn how many steps fit into the minutes
OVERTIME = 1.5  # times the minutes asked for, after which a run on a machine that became slower ends
FEWEST_STEPS, MOST_STEPS = 100, 3000
EPOCHS, MOST_EPOCHS = 3.0, 30.0
HELD_OUT_POSITIONS = (
    10**9
)  # held-out messages have positions from here on, so that no other message is corrupted like them


@dataclass(frozen=True, slots=True)
class PretrainingConfig:
    """How a backbone goes on learning.

    A `learning_rate` of 0 is the objective's usual one; without `steps` and `minutes` the number of messages decides.
    Steps give the same weights every time; how many fit into minutes depends on the machine.
    """

    objective: Objective | Literal["auto"] = "auto"
    base: str = ""
    seed: int = 0
    steps: int = 0
    minutes: float = 0.0
    learning_rate: float = 0.0
    batch: int = 32
    tokens: int = 128
    checkpoint_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The losses of all steps that were done, and the held-out loss before the first and after the last of them."""

    losses: tuple[float, ...]
    before: float
    after: float
    in_time: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    steps: int
    before: float


def learn(
    model: PretrainingModel,
    texts: Sequence[str],
    held_out: Sequence[str],
    settings: PretrainingConfig,
    work: Path,
    on_progress: OnProgress,
) -> Outcome:
    """Train the model's backbone in place; checkpoints go to `work`, and a run that was killed goes on from there.

    `on_progress` gets the share that is done, 0 to 1. Longer texts than `settings.tokens` are cut. Raises ModelingError
    when the loss is no longer a number.
    """
    limit = model.encoder.max_seq_length
    model.encoder.max_seq_length = min(limit or settings.tokens, settings.tokens)
    plan = _planned(model, texts, held_out, settings, work)
    task = PretrainingTask(
        order=_order(texts, plan.steps, settings),
        seed=settings.seed,
        learning_rate=settings.learning_rate or RATES[model.objective],
        batch=settings.batch,
        checkpoint_seconds=settings.checkpoint_seconds,
        most_seconds=OVERTIME * 60 * settings.minutes,
    )
    losses = loop.train(model, texts, task, work, on_progress)
    after = _held_out_loss(model, held_out, settings)
    model.encoder.max_seq_length = limit
    return Outcome(tuple(losses), plan.before, after, len(losses) == plan.steps)


def _planned(
    model: PretrainingModel, texts: Sequence[str], held_out: Sequence[str], settings: PretrainingConfig, work: Path
) -> _Plan:
    """What is measured before the first step is measured once: a run that goes on keeps to it."""
    path = work / "plan.json"
    if path.is_file():
        return _Plan(**json.loads(path.read_text("utf-8")))
    plan = _Plan(_steps(model, texts, settings), _held_out_loss(model, held_out, settings))
    with written_atomically(path) as draft:
        draft.write_text(json.dumps(asdict(plan)), "utf-8")
    return plan


def _steps(model: PretrainingModel, texts: Sequence[str], settings: PretrainingConfig) -> int:
    if settings.steps:
        return settings.steps
    epoch = len(texts) / settings.batch
    if not settings.minutes:
        return max(FEWEST_STEPS, min(MOST_STEPS, round(EPOCHS * epoch)))
    fit = round(60 * settings.minutes / _seconds_a_step(model, texts, settings))
    return max(1, min(fit, round(MOST_EPOCHS * epoch)))


def _seconds_a_step(model: PretrainingModel, texts: Sequence[str], settings: PretrainingConfig) -> float:
    """Time some batches from all over the order to come, without learning from them; the first one warms up."""
    model.train()
    order = _order(texts, max(TIMED + 1, len(texts) // settings.batch), settings)
    seconds: list[float] = []
    for start in np.linspace(0, len(order) - settings.batch, TIMED + 1).astype(int).tolist():
        began = time.monotonic()
        rows = order[start : start + settings.batch]
        batch = model.make_batch([texts[row] for row in rows], rows, settings.seed)
        with backbones.autocast(model.encoder.device.type):
            loss = model(**batch)["loss"]
        loss.backward()
        if model.encoder.device.type == "cuda":
            torch.cuda.synchronize()  # until now the step has only been ordered
        seconds.append(time.monotonic() - began)
    # Timing must not leave a gradient for the first step.
    model.zero_grad()
    return float(np.mean(seconds[1:]))


def _held_out_loss(model: PretrainingModel, texts: Sequence[str], settings: PretrainingConfig) -> float:
    """The mean loss of held-out messages [m], which are corrupted in the same way each time."""
    model.eval()
    losses: list[float] = []
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    with torch.inference_mode(), backbones.autocast(model.encoder.device.type):
        for start in range(0, len(order), settings.batch):
            rows = order[start : start + settings.batch]
            batch = model.make_batch(
                [texts[row] for row in rows], [HELD_OUT_POSITIONS + row for row in rows], settings.seed
            )
            # A batch's mean counts once for each message, for the last batch may be smaller.
            losses += [float(model(**batch)["loss"])] * len(rows)
    return float(np.mean(losses))


def _order(texts: Sequence[str], steps: int, settings: PretrainingConfig) -> list[int]:
    """The rows of all batches, one after the other: shuffled, with messages of about one length together."""
    random = torch.Generator().manual_seed(settings.seed)
    # A token is about four letters; what is cut off makes no batch longer.
    lengths = [min(len(text), 4 * settings.tokens) for text in texts]
    sampler = LengthGroupedSampler(settings.batch, lengths=lengths, generator=random)
    order: list[int] = []
    while len(order) < steps * settings.batch:
        order += list(sampler)
    return order[: steps * settings.batch]

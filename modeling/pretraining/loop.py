"""The loop of pretraining: the trainer of all training, over messages in an order that is planned beforehand.

What is corrupted in them is planned too: the same settings give the same weights, whether a run was killed in between
or not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler, SequentialSampler
from transformers import TrainerCallback

from modeling.backbones import backbone as backbones
from modeling.errors import ModelingError
from modeling.pretraining.objectives import Batch, PretrainingModel
from modeling.progress import OnProgress
from modeling.training.checkpoints import last_checkpoint
from modeling.training.out_of_memory import in_halves_if_needed
from modeling.training.trainer import SafeTrainer, adamw, training_arguments

STATE = "so-far.json"  # beside the weights of a checkpoint


@dataclass(frozen=True, slots=True)
class PretrainingTask:
    """What the loop needs to know: rows of the texts in the order of training, and how to learn from them.

    `seed` is that of the corruption. A run that takes more than `most_seconds` of training ends there; 0 means that it
    never does.
    """

    order: Sequence[int]
    seed: int
    learning_rate: float
    batch: int
    checkpoint_seconds: float
    most_seconds: float

    @property
    def steps(self) -> int:
        """How many steps are planned."""
        return math.ceil(len(self.order) / self.batch)


def train(
    model: PretrainingModel, texts: Sequence[str], task: PretrainingTask, work: Path, on_progress: OnProgress
) -> list[float]:
    """Train the model in place and return the losses of all steps that were done.

    Goes on from the last checkpoint in `work`, if there is one; `on_progress` gets the share that is done, 0 to 1.
    Where memory runs out, batches are computed in two halves, once. Raises ModelingError if it runs out again, and when
    the loss is not finite.
    """

    def attempt(parts: int) -> list[float]:
        return _train(model, texts, task, parts, work, on_progress)

    def too_little(parts: int) -> ModelingError:
        batch = task.batch // parts
        return ModelingError("too_little_memory_to_pretrain", batch=batch, smaller=max(1, batch // 2))

    return in_halves_if_needed(attempt, too_little, divisible=task.batch % 2 == 0, model=model)


def _train(
    model: PretrainingModel,
    texts: Sequence[str],
    task: PretrainingTask,
    parts: int,
    work: Path,
    on_progress: OnProgress,
) -> list[float]:
    """Train with batches that are computed in so many parts."""
    torch.manual_seed(task.seed)
    dataset, device = _OrderedTexts(model, texts, task), model.encoder.device.type
    trainer = _Trainer(
        model=model,
        args=training_arguments(
            work,
            steps=task.steps,
            batch=task.batch // parts,
            learning_rate=task.learning_rate,
            seed=task.seed,
            device=device,
            bf16=backbones.has_bfloat16(device),
            gradient_accumulation_steps=parts,
        ),
        train_dataset=dataset,
        data_collator=dataset.collate,
        optimizers=(adamw(model, task.learning_rate, fast=model.new_parameters), None),
    )
    checkpoint = last_checkpoint(work)
    trainer.load_losses(checkpoint)
    trainer.add_callback(_StopInTime(trainer, task.most_seconds))
    trainer.run(checkpoint, on_progress, task.checkpoint_seconds)
    return trainer.losses


class _OrderedTexts(Dataset[tuple[str, int]]):
    """The text of every message of every step in its order, with its position there."""

    def __init__(self, model: PretrainingModel, texts: Sequence[str], task: PretrainingTask) -> None:
        self._model, self._texts, self._task = model, texts, task

    def __len__(self) -> int:
        return len(self._task.order)

    def __getitem__(self, position: int) -> tuple[str, int]:
        return self._texts[self._task.order[position]], position

    def collate(self, batch: list[tuple[str, int]]) -> Batch:
        texts, positions = zip(*batch, strict=True)
        return self._model.make_batch(texts, positions, self._task.seed)


class _Trainer(SafeTrainer):
    """Keeps to the order that was planned, and remembers the losses of all steps and the seconds that they took."""

    losses: list[float]
    seconds: float
    _part = 0

    def load_losses(self, checkpoint: str | None) -> None:
        """Read what was done until the checkpoint."""
        state = json.loads((Path(checkpoint) / STATE).read_text("utf-8")) if checkpoint else {}
        self.losses, self.seconds = state.get("losses", []), state.get("seconds", 0.0)

    def training_step(self, *positional: Any, **named: Any) -> Tensor:
        began = time.monotonic()
        loss = super().training_step(*positional, **named)  # divided by the number of parts of a batch
        if self._part == 0:
            self.losses.append(0.0)
        self._part = (self._part + 1) % self.args.gradient_accumulation_steps
        self.losses[-1] += float(loss)
        self.seconds += time.monotonic() - began
        return loss

    def non_finite(self, step: int) -> ModelingError:
        return ModelingError("pretraining_loss_not_finite", step=step, rate=self.args.learning_rate)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset: Any = train_dataset or self.train_dataset
        return SequentialSampler(dataset)

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Tensor] | None = None) -> None:
        super()._save(output_dir, state_dict)
        folder = Path(output_dir or str(self.args.output_dir))
        (folder / STATE).write_text(json.dumps({"losses": self.losses, "seconds": self.seconds}), "utf-8")


class _StopInTime(TrainerCallback):
    """Stop where a plan of minutes turned out too long."""

    def __init__(self, trainer: _Trainer, most_seconds: float) -> None:
        self._trainer, self._most_seconds = trainer, most_seconds

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._most_seconds and self._trainer.seconds > self._most_seconds:
            control.should_training_stop = True

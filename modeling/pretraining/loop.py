"""A long run without labels: `transformers.Trainer` with an order of its own, checkpoints by the clock, and a stop.

The order of the messages and what is damaged in them are planned before the first step, so that the same settings give
the same weights, whether a run was killed in between or not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler, SequentialSampler
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from modeling.backbones import backbone as backbones
from modeling.errors import ModelingError
from modeling.pretraining.objectives import Batch, PretrainingModel
from modeling.training import out_of_memory
from modeling.training.checkpoints import SaveByClock, last_checkpoint
from modeling.training.trainer import SafeTrainer

NEW_RATE = 10.0  # times the learning rate, for what starts from nothing
WARMUP, WEIGHT_DECAY = 0.06, 0.01
STATE = "so-far.json"

OnProgress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run needs to know: rows in the order of training, the seed of the damage, rates, sizes, times in seconds.

    A run that takes more than `most_seconds` of training ends there; 0 means that it never does. A batch is computed in
    so many `parts`.
    """

    order: Sequence[int]
    seed: int
    learning_rate: float
    batch: int
    checkpoint_seconds: float
    most_seconds: float
    parts: int = 1

    @property
    def steps(self) -> int:
        """How many steps are planned."""
        return math.ceil(len(self.order) / self.batch)


def train(model: PretrainingModel, texts: Sequence[str], run: Run, work: Path, on_progress: OnProgress) -> list[float]:
    """Train the model in place and return the losses of all steps that were done.

    Goes on from the last checkpoint in `work`, if there is one; `on_progress` gets the share that is done, 0 to 1.
    Where memory runs out, batches are computed in two halves, once. Raises ModelingError if it runs out again, and when
    the loss is no longer a number.
    """
    start = {name: value.detach().to("cpu", copy=True) for name, value in model.state_dict().items()}
    try:
        return _trained(model, texts, run, work, on_progress)
    except Exception as error:
        if not out_of_memory.is_out_of_memory(error):
            raise
        if run.parts == 2 or run.batch % 2:
            raise ModelingError(
                "too_little_memory_to_pretrain",
                batch=run.batch // run.parts,
                smaller=max(1, run.batch // run.parts // 2),
            ) from None
    # Outside of the except clause, which would keep all tensors of the first attempt alive.
    out_of_memory.free()
    model.load_state_dict(start)
    return train(model, texts, replace(run, parts=2), work, on_progress)


def _trained(
    model: PretrainingModel, texts: Sequence[str], run: Run, work: Path, on_progress: OnProgress
) -> list[float]:
    torch.manual_seed(run.seed)
    messages = _Messages(model, texts, run)
    trainer = _Trainer(
        model=model,
        args=_arguments(work, run, model.encoder.device.type),
        train_dataset=messages,
        data_collator=messages.collate,
        optimizers=(_optimizer(model, run.learning_rate), None),
    )
    checkpoint = last_checkpoint(work)
    trainer.go_on(checkpoint)
    trainer.add_callback(_Progress(trainer, run, on_progress))
    trainer.add_callback(SaveByClock(run.checkpoint_seconds))
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=checkpoint)
    return trainer.losses


class _Messages(Dataset[tuple[str, int]]):
    """Every message of every step in its order, with its place there."""

    def __init__(self, model: PretrainingModel, texts: Sequence[str], run: Run) -> None:
        self._model, self._texts, self._run = model, texts, run

    def __len__(self) -> int:
        return len(self._run.order)

    def __getitem__(self, position: int) -> tuple[str, int]:
        return self._texts[self._run.order[position]], position

    def collate(self, batch: list[tuple[str, int]]) -> Batch:
        texts, positions = zip(*batch, strict=True)
        return self._model.make_batch(texts, positions, self._run.seed)


class _Trainer(SafeTrainer):
    """The trainer of fine-tuning, which keeps to the order that was planned and remembers all losses."""

    losses: list[float]
    seconds: float
    _part = 0

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        messages: Any = train_dataset or self.train_dataset
        return SequentialSampler(messages)

    def training_step(self, *given: Any, **named: Any) -> Tensor:
        began = time.monotonic()
        loss = super().training_step(*given, **named)  # divided by the number of parts of a batch
        if self._part == 0:
            self.losses.append(0.0)
        self._part = (self._part + 1) % self.args.gradient_accumulation_steps
        self.losses[-1] += float(loss)
        self.seconds += time.monotonic() - began
        if not np.isfinite(self.losses[-1]):
            raise self._non_finite()
        return loss

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Tensor] | None = None) -> None:
        super()._save(output_dir, state_dict)
        folder = Path(output_dir or str(self.args.output_dir))
        (folder / STATE).write_text(json.dumps({"losses": self.losses, "seconds": self.seconds}), "utf-8")

    def _non_finite(self) -> ModelingError:
        return ModelingError("pretraining_loss_not_finite", step=len(self.losses), rate=self.args.learning_rate)

    def go_on(self, checkpoint: str | None) -> None:
        """Remember what was done until the checkpoint."""
        saved = json.loads((Path(checkpoint) / STATE).read_text("utf-8")) if checkpoint else {}
        self.losses, self.seconds = saved.get("losses", []), saved.get("seconds", 0.0)


class _Progress(TrainerCallback):
    """Tell the progress, and stop where a plan of minutes turned out too long."""

    def __init__(self, trainer: _Trainer, run: Run, on_progress: OnProgress) -> None:
        self._trainer, self._run, self._on_progress = trainer, run, on_progress

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_progress(state.global_step / state.max_steps)
        if self._run.most_seconds and self._trainer.seconds > self._run.most_seconds:
            control.should_training_stop = True


def _optimizer(model: PretrainingModel, rate: float) -> torch.optim.Optimizer:
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, value in model.named_parameters():
        groups.setdefault((name in model.new_parameters, value.ndim > 1), []).append(value)
    return torch.optim.AdamW(
        [
            {"params": values, "lr": rate * (NEW_RATE if new else 1), "weight_decay": WEIGHT_DECAY if wide else 0.0}
            for (new, wide), values in groups.items()
        ],
        lr=rate,
        fused=True,
    )


def _arguments(work: Path, run: Run, device: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(work),
        max_steps=run.steps,
        per_device_train_batch_size=run.batch // run.parts,
        gradient_accumulation_steps=run.parts,
        learning_rate=run.learning_rate,
        warmup_steps=max(1, round(run.steps * WARMUP)),
        lr_scheduler_type="linear",
        seed=run.seed,
        use_cpu=device == "cpu",
        bf16=backbones.has_bfloat16(device),
        remove_unused_columns=False,
        save_strategy="steps",
        save_steps=10**9,  # by the clock instead
        save_total_limit=2,  # a kill while the newest is written leaves the one before
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )

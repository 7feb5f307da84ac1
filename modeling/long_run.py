"""A long run without labels: `transformers.Trainer` with an order of its own, checkpoints by the clock, and a stop.

The order of the messages and what is damaged in them are planned before the first step, so that the same settings give
the same weights, whether a run was killed in between or not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset, Sampler, SequentialSampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from modeling import backbone as backbones
from modeling.errors import ModelingError
from modeling.finetune import COMPLETE, last_checkpoint
from modeling.objectives import Batch, Learning

NEW_RATE = 10.0  # times the learning rate, for what starts from nothing
WARMUP, WEIGHT_DECAY = 0.06, 0.01
SO_FAR = "so-far.json"

OnProgress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run needs to know: rows in the order of training, the seed of the damage, rates, sizes, times in seconds.

    A run that takes more than `most_seconds` of training ends there; 0 means that it never does.
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


def train(model: Learning, texts: Sequence[str], run: Run, work: Path, on_progress: OnProgress) -> list[float]:
    """Train the model in place and return the losses of all steps that were done.

    Goes on from the last checkpoint in `work`, if there is one; `on_progress` gets the share that is done, 0 to 1.
    Raises ModelingError when the loss is no longer a number, and when memory runs out.
    """
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
    trainer.add_callback(_Watching(trainer, run, on_progress))
    trainer.remove_callback(PrinterCallback)
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "not enough memory" not in str(error):
            raise
        raise ModelingError(
            f"There is not enough memory to learn from {run.batch} messages at once: set --batch {run.batch // 2 or 1}."
        ) from None
    return trainer.losses


class _Messages(Dataset[tuple[str, int]]):
    """Every message of every step in its order, with its place there."""

    def __init__(self, model: Learning, texts: Sequence[str], run: Run) -> None:
        self._model, self._texts, self._run = model, texts, run

    def __len__(self) -> int:
        return len(self._run.order)

    def __getitem__(self, place: int) -> tuple[str, int]:
        return self._texts[self._run.order[place]], place

    def collate(self, batch: list[tuple[str, int]]) -> Batch:
        texts, places = zip(*batch, strict=True)
        return self._model.prepared(texts, places, self._run.seed)


class _Trainer(Trainer):
    """Trainer that keeps to the order, remembers all losses, and saves trained weights only, as safetensors."""

    losses: list[float]
    seconds: float

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return SequentialSampler(train_dataset or self.train_dataset)

    def training_step(self, *given: Any, **named: Any) -> Tensor:
        began = time.monotonic()
        loss = super().training_step(*given, **named)
        self.losses.append(float(loss))
        self.seconds += time.monotonic() - began
        if not np.isfinite(self.losses[-1]):
            raise ModelingError(
                f"The loss was no longer a number at step {len(self.losses)}: "
                f"start again with a --learning-rate below {self.args.learning_rate:g}."
            )
        return loss

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Tensor] | None = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        named = self.accelerator.unwrap_model(self.model).named_parameters()
        save_file({name: value.detach().cpu().contiguous() for name, value in named}, folder / "model.safetensors")
        (folder / SO_FAR).write_text(json.dumps({"losses": self.losses, "seconds": self.seconds}), "utf-8")

    def go_on(self, checkpoint: str | None) -> None:
        """Remember what was done until the checkpoint."""
        known = json.loads((Path(checkpoint) / SO_FAR).read_text("utf-8")) if checkpoint else {}
        self.losses, self.seconds = known.get("losses", []), known.get("seconds", 0.0)


class _Watching(TrainerCallback):
    """Tell the progress, save by the clock, and stop where a plan of minutes turned out too long."""

    def __init__(self, trainer: _Trainer, run: Run, on_progress: OnProgress) -> None:
        self._trainer, self._run, self._on_progress = trainer, run, on_progress
        self._saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_progress(state.global_step / state.max_steps)
        if time.monotonic() - self._saved > self._run.checkpoint_seconds and state.global_step < state.max_steps:
            control.should_save = True
        if self._run.most_seconds and self._trainer.seconds > self._run.most_seconds:
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
        self._saved = time.monotonic()


def _optimizer(model: Learning, rate: float) -> torch.optim.Optimizer:
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, value in model.named_parameters():
        groups.setdefault((name in model.new, value.ndim > 1), []).append(value)
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
        per_device_train_batch_size=run.batch,
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

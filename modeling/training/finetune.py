"""Slow learning: fine-tune a backbone by supervised contrast and cross-entropy, resumable after kill -9.

The loop is `transformers.Trainer`, so that mixed precision and `accelerate launch` over several processes come with it.
Checkpoints hold safetensors of the trained weights; the optimiser's and the random generators' state are Trainer's own
.pt files, which it reads with `weights_only=True`: tensors and numbers, never code.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from modeling.backbones import backbone as backbones
from modeling.backbones import custom_modules
from modeling.backbones.backbone import Backbone
from modeling.backbones.token_lengths import tokens_for_most
from modeling.data.folds import stratified_folds
from modeling.training import adapters, distributed, out_of_memory
from modeling.training.batching import MessageDataset
from modeling.training.checkpoints import EarlyStopping, SaveByClock, last_checkpoint
from modeling.training.losses import FineTuneModel, label_weights
from modeling.training.recipe import EPOCHS, FineTuneConfig, Method
from modeling.training.trainer import SafeTrainer
from modeling.types import Rows, Targets, Vectors

OnProgress = Callable[[float], None]

MANY = 1000  # messages of which a tenth may be held back to stop early
HELD_BACK = 0.1
CLASSIFIER_RATE = 10.0  # times the backbone's learning rate


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A fine-tuned backbone in memory, and what happened: numbers by name, as they stand in a bundle's meta.json."""

    backbone: Backbone
    facts: dict[str, Any]


class FineTuneTask(BaseModel):
    """All that a process needs to take part in a fine-tuning: the first process gives the same to all."""

    base: Path
    texts: list[str]
    targets: list[int]
    centroids: list[list[float]]
    method: Method
    tuning: FineTuneConfig
    seed: int
    work: Path
    resume: str | None


def fine_tune(
    base: Path,
    texts: Sequence[str],
    targets: Targets,
    centroids: Vectors,
    method: Method,
    tuning: FineTuneConfig,
    *,
    seed: int,
    work: Path,
    on_progress: OnProgress,
) -> FineTuned:
    """Return a fine-tuned copy of the backbone in the folder `base`, in memory; all processes work on it.

    `centroids` float32 [k, d] are where the classifier starts. Checkpoints go to `work`, and a run that was killed goes
    on from the last one there; the folder is removed at the end. `on_progress` gets the share that is done, 0 to 1.
    Where memory runs out, batches become half as large, once. Raises ModelingError if it runs out again, and if the
    loss stops being a number; the last checkpoint stays.
    """
    task = FineTuneTask(
        base=base,
        texts=list(texts),
        targets=[int(target) for target in targets],
        centroids=centroids.tolist(),
        method=method,
        tuning=tuning,
        seed=seed,
        work=work,
        resume=last_checkpoint(work),
    )
    if distributed.process_count() > 1:
        distributed.send_task(task.model_dump(mode="json"))
    try:
        tuned = _tuned(task, on_progress)
    except Exception as error:
        if not out_of_memory.is_out_of_memory(error):
            raise
        smaller = out_of_memory.halved(task.tuning, method, alone=distributed.process_count() == 1)
    else:
        shutil.rmtree(work, ignore_errors=True)
        return tuned
    # Outside of the except clause, which would keep all tensors of the first attempt alive.
    out_of_memory.free()
    halved = task.model_copy(update={"tuning": smaller, "resume": last_checkpoint(work)})
    with out_of_memory.explained(smaller, method):
        tuned = _tuned(halved, on_progress)
    shutil.rmtree(work, ignore_errors=True)
    return FineTuned(tuned.backbone, {**tuned.facts, "memory_ran_out": True})


def follow_main_process() -> None:
    """Take part in every fine-tuning of the first process until it is done; for all processes but the first."""
    while (task := distributed.receive_task()) is not None:
        _tuned(FineTuneTask.model_validate(task), lambda _: None)


def planned_steps(count: int, tuning: FineTuneConfig, processes: int = 1) -> int:
    """Return how many optimiser steps `count` messages get."""
    epoch = count / (tuning.batch * tuning.accumulation * processes)
    return math.ceil(min(tuning.most_steps, tuning.epochs * epoch))


def _tuned(task: FineTuneTask, on_progress: OnProgress) -> FineTuned:
    """Train as ordered, in this process and all others."""
    torch.manual_seed(task.seed)
    tuning, targets = task.tuning, np.array(task.targets, np.int64)
    backbone = adapters.load(task.base, task.method)
    adapters.prepare(backbone, task.method, tuning)
    token_limit = custom_modules.longest(backbone.model)
    tokens = tuning.tokens or tokens_for_most(backbone, task.texts)
    custom_modules.limit(backbone.model, tokens)
    classes = len(task.centroids)
    model = FineTuneModel(backbone.model, torch.tensor(task.centroids), label_weights(targets, classes), tuning)
    rows, held_back = _split_validation(targets, tuning, task.seed)
    steps = planned_steps(len(rows), tuning, distributed.process_count())
    early_stopping = (
        EarlyStopping(task.work, tuning.patience, resumed=task.resume is not None) if len(held_back) else None
    )
    datasets = [
        MessageDataset(backbone, [task.texts[row] for row in rows_of_part], targets[rows_of_part], tokens)
        for rows_of_part in (rows, held_back)
    ]
    trainer = SafeTrainer(
        model=model,
        args=_arguments(task, steps, backbone.model.device.type, evaluated=early_stopping is not None),
        train_dataset=datasets[0],
        eval_dataset=datasets[1] if early_stopping else None,
        data_collator=datasets[0].collate,
        optimizers=(_optimizer(model, tuning), None),
        callbacks=[
            _Reporting(on_progress, steps),
            SaveByClock(tuning.checkpoint_seconds),
            *([early_stopping] if early_stopping else []),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=task.resume)
    facts = _facts(trainer, tuning, tokens)
    if early_stopping:
        early_stopping.restore(model)
        facts |= {
            "held_back": len(held_back),
            "best_step": early_stopping.step,
            "validation_loss": round(early_stopping.loss, 4),
        }
    distributed.barrier()
    adapters.merge(backbone, task.method)
    custom_modules.extend(backbone.model, token_limit)
    return FineTuned(Backbone(backbone.model, backbone.name, None, backbone.reading), facts)


def _split_validation(targets: Targets, tuning: FineTuneConfig, seed: int) -> tuple[Rows, Rows]:
    """Return the rows that are learnt from, and those held back to stop early: of every label alike, or none."""
    share = tuning.validation
    if share is None:
        share = HELD_BACK if len(targets) >= MANY and tuning.epochs > EPOCHS else 0.0
    parts = round(1 / share) if share > 0 else 0
    if parts < 2 or len(targets) < 2 * parts:
        return np.arange(len(targets)), np.zeros(0, np.int64)
    held_back = stratified_folds(targets, parts, seed)[0]
    return np.setdiff1d(np.arange(len(targets)), held_back), held_back


def _facts(trainer: SafeTrainer, tuning: FineTuneConfig, tokens: int) -> dict[str, Any]:
    trained: Any = trainer.model
    return {
        "steps": trainer.state.global_step,
        "planned_steps": trainer.args.max_steps,
        "processes": trainer.args.world_size,
        "batch": tuning.batch,
        "accumulation": tuning.accumulation,
        "tokens": tokens,
        "trained_parameters": sum(value.numel() for value in trained.encoder.parameters() if value.requires_grad),
    }


class _Reporting(TrainerCallback):
    def __init__(self, on_progress: OnProgress, steps: int) -> None:
        self._on_progress = on_progress
        self._steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_progress(state.global_step / self._steps)


def _optimizer(model: FineTuneModel, tuning: FineTuneConfig) -> torch.optim.Optimizer:
    trained = [value for name, value in model.named_parameters() if value.requires_grad and name != "prototypes"]
    rate = tuning.learning_rate
    groups = [
        {"params": [value for value in trained if value.ndim > 1], "weight_decay": tuning.weight_decay},
        {"params": [value for value in trained if value.ndim <= 1], "weight_decay": 0.0},
        {"params": [model.prototypes], "weight_decay": 0.0, "lr": rate * CLASSIFIER_RATE},
    ]
    return torch.optim.AdamW(groups, lr=rate, fused=True)


def _arguments(task: FineTuneTask, steps: int, device: str, *, evaluated: bool) -> TrainingArguments:
    tuning = task.tuning
    return TrainingArguments(
        output_dir=str(task.work),
        max_steps=steps,
        per_device_train_batch_size=tuning.batch,
        per_device_eval_batch_size=2 * tuning.batch,
        gradient_accumulation_steps=tuning.accumulation,
        learning_rate=tuning.learning_rate,
        warmup_steps=max(1, round(steps * tuning.warmup)),
        lr_scheduler_type="linear",
        seed=task.seed,
        use_cpu=device == "cpu",
        bf16=backbones.has_bfloat16(device),
        remove_unused_columns=False,
        eval_strategy="steps" if evaluated else "no",
        eval_steps=max(1, steps // tuning.evaluations),
        save_strategy="steps",
        save_steps=10**9,  # by the clock instead
        save_total_limit=2,  # a kill while the newest is written leaves the one before
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )

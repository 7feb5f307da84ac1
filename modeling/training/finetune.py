"""Fine-tuning: a backbone learns from labelled messages by supervised contrast and cross-entropy.

What is trained of it stands in `adapters`, what it minimises in `losses`, and the loop, that of all training, in
`trainer`. A run that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import gc
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor
from torch.utils.data import Dataset
from transformers import TrainingArguments

from modeling.backbones import backbone as backbones
from modeling.backbones import custom_modules
from modeling.backbones.backbone import Backbone
from modeling.backbones.token_lengths import tokens_for_most
from modeling.data.folds import stratified_folds
from modeling.errors import ModelingError
from modeling.progress import OnProgress
from modeling.sentences.catalogue import sentence
from modeling.training import adapters, distributed
from modeling.training.checkpoints import EarlyStopping, last_checkpoint
from modeling.training.losses import FineTuneModel, label_weights
from modeling.training.out_of_memory import in_halves_if_needed
from modeling.training.recipe import EPOCHS, FineTuneConfig, Method
from modeling.training.trainer import SafeTrainer, adamw, training_arguments
from modeling.types import Rows, Targets, Vectors

MANY = 1000  # messages of which a tenth may be held back to stop early
HELD_BACK = 0.1


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
    alone = distributed.process_count() == 1
    if not alone:
        distributed.send_task(task.model_dump(mode="json"))

    def attempt(parts: int) -> FineTuned:
        if parts == 1:
            return _fine_tuned(task, on_progress)
        # A step has as many messages as before, so steps still count alike and the checkpoint is good.
        again = task.model_copy(update={"tuning": _in_parts(tuning, parts), "resume": last_checkpoint(work)})
        tuned = _fine_tuned(again, on_progress)
        return FineTuned(tuned.backbone, {**tuned.facts, "memory_ran_out": True})

    def too_little(parts: int) -> ModelingError:
        return _too_little_memory(_in_parts(tuning, parts), method)

    # Processes that had enough memory would wait for ever for the one that had not: together they do not try again.
    tuned = in_halves_if_needed(attempt, too_little, divisible=alone and tuning.batch >= 2)
    shutil.rmtree(work, ignore_errors=True)
    return tuned


def follow_main_process() -> None:
    """Take part in every fine-tuning of the first process until it is done; for all processes but the first."""
    while (task := distributed.receive_task()) is not None:
        _fine_tuned(FineTuneTask.model_validate(task), lambda _: None)
    distributed.leave()


def planned_steps(count: int, tuning: FineTuneConfig, processes: int = 1) -> int:
    """Return how many optimizer steps `count` messages get."""
    epoch = count / (tuning.batch * tuning.accumulation * processes)
    return math.ceil(min(tuning.most_steps, tuning.epochs * epoch))


def _fine_tuned(task: FineTuneTask, on_progress: OnProgress) -> FineTuned:
    """Do the task, in this process and all others."""
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
        callbacks=[early_stopping] if early_stopping else [],
    )
    trainer.run(task.resume, on_progress, tuning.checkpoint_seconds)
    facts = _facts(trainer, tuning, tokens)
    if early_stopping:
        early_stopping.restore(model)
        facts |= {
            "held_back": len(held_back),
            "best_step": early_stopping.step,
            "validation_loss": round(early_stopping.loss, 4),
        }
    distributed.barrier()
    del trainer
    gc.collect()  # the trainer and its callbacks are a circle, which would hold the optimizer's memory for long
    adapters.merge(backbone, task.method)
    # Only training reads less: the bundle reads all that its base does.
    custom_modules.extend(backbone.model, token_limit)
    return FineTuned(Backbone(backbone.model, backbone.name, None, backbone.reading), facts)


def _split_validation(targets: Targets, tuning: FineTuneConfig, seed: int) -> tuple[Rows, Rows]:
    """Return the rows that are learned from, and those held back to stop early: of every label alike, or none."""
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


def _optimizer(model: FineTuneModel, tuning: FineTuneConfig) -> torch.optim.Optimizer:
    classifier = {"prototypes"}
    return adamw(model, tuning.learning_rate, weight_decay=tuning.weight_decay, fast=classifier, not_decayed=classifier)


def _arguments(task: FineTuneTask, steps: int, device: str, *, evaluated: bool) -> TrainingArguments:
    tuning = task.tuning
    return training_arguments(
        task.work,
        steps=steps,
        batch=tuning.batch,
        learning_rate=tuning.learning_rate,
        seed=task.seed,
        device=device,
        bf16=backbones.has_bfloat16(device),
        gradient_accumulation_steps=tuning.accumulation,
        # no gradients have to be kept
        per_device_eval_batch_size=2 * tuning.batch,
        warmup_steps=max(1, round(steps * tuning.warmup)),
        eval_strategy="steps" if evaluated else "no",
        eval_steps=max(1, steps // tuning.evaluations),
    )


def _in_parts(tuning: FineTuneConfig, parts: int) -> FineTuneConfig:
    """Return settings with a smaller batch and as many messages a step as before."""
    return tuning.model_copy(update={"batch": tuning.batch // parts, "accumulation": parts * tuning.accumulation})


def _too_little_memory(tuning: FineTuneConfig, method: Method) -> ModelingError:
    smaller = {"full": "lora", "lora": "qlora"}.get(method)
    other = sentence("use_method", method=smaller) if smaller else sentence("use_smaller_backbone")
    return ModelingError(
        "too_little_memory_to_tune",
        batch=tuning.batch,
        smaller=max(1, tuning.batch // 2),
        accumulation=2 * tuning.accumulation,
        method=method,
        other=other,
    )


class MessageDataset(Dataset[dict[str, Any]]):
    """Texts [n] with their targets [n], tokenised when they are put into a batch; `lengths` in characters."""

    def __init__(self, backbone: Backbone, texts: Sequence[str], targets: Targets, tokens: int) -> None:
        self._backbone = backbone
        self._texts = texts
        self._targets = targets
        # A token is about four letters; what is cut off makes no batch longer.
        self.lengths = [min(len(text), 4 * tokens) for text in texts]

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"text": self._texts[row], "label": int(self._targets[row])}

    def collate(self, batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Return tokens [b, t], labels [b] and the columns beside the backbone's."""
        texts = [example["text"] for example in batch]
        features = self._backbone.features(texts)
        tensors = {name: value for name, value in features.items() if isinstance(value, Tensor)}
        kept, added = (torch.from_numpy(column) for column in self._backbone.reading.beside(texts))
        return {
            **tensors,
            "kept": kept,
            "added": added,
            "labels": torch.tensor([example["label"] for example in batch]),
        }

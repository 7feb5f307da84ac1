"""Slow learning: fine-tune a backbone by supervised contrast and cross-entropy, resumable after kill -9.

The loop is `transformers.Trainer`, so that mixed precision and `accelerate launch` over several processes come with it.
Checkpoints hold safetensors of the trained weights; the optimiser's and the random generators' state are Trainer's own
.pt files, which it reads with `weights_only=True`: tensors and numbers, never code.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_pt_utils import LengthGroupedSampler

from modeling import backbone as backbones
from modeling import modules
from modeling.backbone import Backbone
from modeling.logistic import Targets, Vectors
from modeling.recipe import Method, Tuning

OnProgress = Callable[[float], None]

COMPLETE = "complete"  # written last into a checkpoint: one without it was cut off by a kill
SCALE = 16.0  # sharpness of the cosine classifier, as of a temperature of 1/16
CLASSIFIER_RATE = 10.0  # times the backbone's learning rate


class TuningModel(nn.Module):
    """A backbone with a cosine classifier; returns the loss of a batch, as Trainer expects."""

    _keys_to_ignore_on_save = None  # Trainer asks for it when it resumes from trained weights only

    def __init__(self, encoder: nn.Module, prototypes: Tensor, importance: Tensor, tuning: Tuning) -> None:
        super().__init__()
        self.encoder = encoder
        self.prototypes = nn.Parameter(prototypes)
        self.importance = nn.Parameter(importance, requires_grad=False)  # a parameter, so that it follows the device
        self.tuning = tuning

    def forward(self, labels: Tensor, kept: Tensor, added: Tensor, **features: Tensor) -> dict[str, Tensor]:
        """Return {"loss", "logits" [b, k]} for tokens [b, t], labels [b] and what `Reading.beside` says."""
        own = nn.functional.normalize(self.encoder(features)["sentence_embedding"].float(), dim=1)
        vectors = torch.cat([own * kept, added], dim=1)
        logits = SCALE * vectors @ nn.functional.normalize(self.prototypes, dim=1).T
        loss = nn.functional.cross_entropy(logits, labels, weight=self.importance)
        share = self.tuning.contrast
        if share > 0:
            loss = (1 - share) * loss + share * contrast(vectors, labels, self.tuning.contrast_temperature)
        return {"loss": loss, "logits": logits}


def contrast(vectors: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss within a batch (Khosla et al. 2020, the variant with the sum outside the logarithm).

    `vectors` [b, d] have length one. Messages whose label nobody else in the batch has do not count.
    """
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    similar = (vectors @ vectors.T / temperature).masked_fill(own, float("-inf"))
    share = torch.log_softmax(similar, dim=1).masked_fill(own, 0.0)
    partners = (labels[:, None] == labels[None, :]) & ~own
    count = partners.sum(1)
    each = -(share * partners).sum(1) / count.clamp(min=1)
    return each.sum() / (count > 0).sum().clamp(min=1)


def tune(
    base: Path,
    texts: Sequence[str],
    targets: Targets,
    centroids: Vectors,
    method: Method,
    tuning: Tuning,
    *,
    seed: int,
    work: Path,
    on_progress: OnProgress,
) -> Backbone:
    """Return a fine-tuned copy of the backbone in the folder `base`, in memory.

    `centroids` float32 [k, d] are where the classifier starts. Checkpoints go to `work`, and a run that was killed goes
    on from the last one there; the folder is removed at the end. `on_progress` gets the share that is done, 0 to 1.
    """
    torch.manual_seed(seed)
    backbone = backbones.load(str(base))
    _prepare(backbone, method, tuning)
    counts = np.bincount(targets, minlength=len(centroids))
    importance = np.sqrt(len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1)))
    model = TuningModel(backbone.model, torch.tensor(centroids), torch.tensor(importance, dtype=torch.float32), tuning)
    messages = _Messages(backbone, texts, targets, tuning.tokens)
    steps = planned_steps(len(texts), tuning)
    trainer = _Trainer(
        model=model,
        args=_arguments(work, steps, tuning, seed, backbone.model.device.type),
        train_dataset=messages,
        data_collator=messages.collate,
        optimizers=(_optimizer(model, tuning), None),
        callbacks=[_Reporting(on_progress, steps), _Checkpointing(tuning.checkpoint_seconds)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=last_checkpoint(work))
    if method == "lora":
        inner: Any = backbone.model[0]
        inner.model = inner.model.merge_and_unload()
    shutil.rmtree(work, ignore_errors=True)
    return Backbone(backbone.model.requires_grad_(True), backbone.name, None, backbone.reading)


def planned_steps(count: int, tuning: Tuning) -> int:
    """Return how many optimiser steps `count` messages get."""
    steps = math.ceil(count * tuning.epochs / tuning.batch)
    return max(tuning.fewest_steps, min(tuning.most_steps, steps))


def last_checkpoint(work: Path) -> str | None:
    """Return the newest checkpoint that was written to its end; remove those that were not."""
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]), reverse=True)
    whole = [path for path in found if (path / COMPLETE).is_file()]
    for path in set(found) - set(whole):
        shutil.rmtree(path, ignore_errors=True)
    return str(whole[0]) if whole else None


def _prepare(backbone: Backbone, method: Method, tuning: Tuning) -> None:
    """Choose what is trained: low-rank adapters on all linear layers, or everything but the embedding tables."""
    backbone.model.train()
    inner: Any = backbone.model[0]
    if method == "lora":
        from peft import LoraConfig, get_peft_model

        adapters = LoraConfig(
            r=tuning.rank,
            lora_alpha=tuning.rank,
            lora_dropout=tuning.dropout,
            use_rslora=True,
            target_modules="all-linear",
        )
        inner.model = get_peft_model(inner.model, adapters)
        return
    for module in backbone.model.modules():
        if isinstance(module, nn.Embedding):
            module.requires_grad_(False)


class _Messages(Dataset[dict[str, Any]]):
    """Tokenised messages with their targets."""

    def __init__(self, backbone: Backbone, texts: Sequence[str], targets: Targets, tokens: int) -> None:
        self._backbone = backbone
        self._texts = texts
        self._targets = targets
        modules.limit(backbone.model, tokens)
        self.lengths = [min(len(text), 4 * tokens) for text in texts]

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"text": self._texts[row], "label": int(self._targets[row])}

    def collate(self, batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        texts = [each["text"] for each in batch]
        features = self._backbone.features(texts)
        tensors = {name: value for name, value in features.items() if isinstance(value, Tensor)}
        kept, added = (torch.from_numpy(each) for each in self._backbone.reading.beside(texts))
        return {**tensors, "kept": kept, "added": added, "labels": torch.tensor([each["label"] for each in batch])}


class _Trainer(Trainer):
    """Trainer with length-bucketed batches that saves the trained weights only, as safetensors."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        messages: Any = train_dataset or self.train_dataset
        return LengthGroupedSampler(self.args.train_batch_size, lengths=messages.lengths)

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Tensor] | None = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        named = self.accelerator.unwrap_model(self.model).named_parameters()
        trained = {name: value.detach().cpu().contiguous() for name, value in named if value.requires_grad}
        save_file(trained, folder / "model.safetensors")


class _Reporting(TrainerCallback):
    def __init__(self, on_progress: OnProgress, steps: int) -> None:
        self._on_progress = on_progress
        self._steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_progress(state.global_step / self._steps)


class _Checkpointing(TrainerCallback):
    """Save by the clock, for a step may take a millisecond or a minute."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if time.monotonic() - self._saved > self._seconds and state.global_step < state.max_steps:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
        self._saved = time.monotonic()


def _optimizer(model: TuningModel, tuning: Tuning) -> torch.optim.Optimizer:
    trained = [value for name, value in model.named_parameters() if value.requires_grad and name != "prototypes"]
    rate = tuning.learning_rate
    groups = [
        {"params": [value for value in trained if value.ndim > 1], "weight_decay": tuning.weight_decay},
        {"params": [value for value in trained if value.ndim <= 1], "weight_decay": 0.0},
        {"params": [model.prototypes], "weight_decay": 0.0, "lr": rate * CLASSIFIER_RATE},
    ]
    return torch.optim.AdamW(groups, lr=rate, fused=True)


def _arguments(work: Path, steps: int, tuning: Tuning, seed: int, device: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=tuning.batch,
        learning_rate=tuning.learning_rate,
        warmup_steps=max(1, round(steps * tuning.warmup)),
        lr_scheduler_type="linear",
        seed=seed,
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

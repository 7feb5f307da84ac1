"""The loop of fine-tuning: `transformers.Trainer` with our batches, our checkpoints, and a stop where numbers end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Sampler
from transformers import Trainer

from modeling.errors import ModelingError
from modeling.training.batching import EndlessSampler
from modeling.training.checkpoints import WEIGHTS, drop_checkpoint, last_checkpoint, trained_weights


class SafeTrainer(Trainer):
    """Draws length-bucketed batches, saves the trained weights only, and never lets a number that is none into them."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        messages: Any = train_dataset or self.train_dataset
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return EndlessSampler(messages.lengths, step, step * self.args.max_steps, self.args.seed)

    def _clip_grad_norm(self, model: Any) -> Any:
        """Gradients are the mean over all processes, so that all of them stop at the same step."""
        norm = super()._clip_grad_norm(model)
        if not bool(torch.isfinite(torch.as_tensor(norm)).all()):
            drop_checkpoint(Path(str(self.args.output_dir)), self.state.global_step)  # its weights led here
            raise self._non_finite()
        return norm

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Tensor] | None = None) -> None:
        trained = trained_weights(self.accelerator.unwrap_model(self.model))
        if not all(bool(torch.isfinite(value).all()) for value in trained.values()):
            raise self._non_finite()
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_file(trained, folder / WEIGHTS)

    def _non_finite(self) -> ModelingError:
        step, steps = self.state.global_step + 1, self.state.max_steps
        checkpoint = last_checkpoint(Path(str(self.args.output_dir)))
        figures = {"step": step, "steps": steps, "rate": self.args.learning_rate}
        if not checkpoint:
            return ModelingError("loss_not_finite_at_once", **figures)
        return ModelingError("loss_not_finite", checkpoint=checkpoint, **figures)

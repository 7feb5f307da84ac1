"""The loop of all training, `transformers.Trainer`: its arguments, optimizer, batches, progress, checkpoints and stop.

So mixed precision, resuming and `accelerate launch` over several processes come with it. A checkpoint holds safetensors
of the trained weights; the state of the optimizer and of the random generators are Trainer's own .pt files, which it
reads with `weights_only=True`: tensors and numbers, never code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_pt_utils import LengthGroupedSampler

from modeling.errors import ModelingError
from modeling.progress import OnProgress
from modeling.training.checkpoints import WEIGHTS, SaveByClock, drop_checkpoint, last_checkpoint, trained_weights

WARMUP, WEIGHT_DECAY = 0.06, 0.01
FAST = 10.0  # times the learning rate, for parameters that pretraining did not give
NEVER = 10**9  # steps


def training_arguments(
    work: Path, *, steps: int, batch: int, learning_rate: float, seed: int, device: str, **more: Any
) -> TrainingArguments:
    """Return Trainer's settings: the rate rises for `warmup_steps` and falls to zero at `steps`; nothing is logged.

    `batch` is what one process computes at once; `more` goes to TrainingArguments as it is.
    """
    settings: dict[str, Any] = {"warmup_steps": max(1, round(steps * WARMUP)), **more}
    arguments = TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=batch,
        learning_rate=learning_rate,
        lr_scheduler_type="linear",
        seed=seed,
        use_cpu=device == "cpu",
        # Trainer would keep only what `forward` names, and our collators make that from other columns
        remove_unused_columns=False,
        save_strategy="steps",
        save_steps=NEVER,  # by the clock instead
        save_total_limit=2,  # a kill while the newest is written leaves the one before
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,  # batches are on the model's device already; only memory of the CPU can be pinned
        **settings,
    )
    # One process would use all GPUs that it sees by DataParallel: with more messages a step than were planned, on
    # which quantised weights fail. Several GPUs are for `accelerate launch`.
    arguments._n_gpu = min(arguments.n_gpu, 1)  # pyright: ignore[reportPrivateUsage]
    return arguments


def adamw(
    model: nn.Module,
    learning_rate: float,
    *,
    weight_decay: float = WEIGHT_DECAY,
    fast: Collection[str] = (),
    not_decayed: Collection[str] = (),
) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov & Hutter 2019) over the trained parameters of a model.

    Those named in `fast` get FAST times the learning rate; only matrices decay, without those named in `not_decayed`.
    """
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, value in model.named_parameters():
        if value.requires_grad:
            rate = learning_rate * (FAST if name in fast else 1.0)
            decay = weight_decay if value.ndim > 1 and name not in not_decayed else 0.0
            groups.setdefault((rate, decay), []).append(value)
    return torch.optim.AdamW(
        [{"params": values, "lr": rate, "weight_decay": decay} for (rate, decay), values in groups.items()],
        lr=learning_rate,
        fused=True,
    )


class SafeTrainer(Trainer):
    """Draws length-bucketed batches, saves the trained weights only, and stops before a weight becomes non-finite.

    Its data set has `lengths` [n], of characters, and `collate`, which makes a batch.
    """

    def run(self, resume: str | None, on_progress: OnProgress, checkpoint_seconds: float) -> None:
        """Train to the end, from the checkpoint `resume` if there is one.

        `on_progress` gets the share that is done, 0 to 1. Raises ModelingError when a gradient is not finite; the last
        good checkpoint stays.
        """
        self.add_callback(_ReportProgress(on_progress))
        self.add_callback(SaveByClock(checkpoint_seconds))
        # It prints to standard output, where the JSON lines go.
        self.remove_callback(PrinterCallback)
        self.train(resume_from_checkpoint=resume)

    def non_finite(self, step: int) -> ModelingError:
        """Return what to say of a loss that is not finite at a step."""
        checkpoint = last_checkpoint(Path(str(self.args.output_dir)))
        figures = {"step": step, "steps": self.state.max_steps, "rate": self.args.learning_rate}
        if not checkpoint:
            return ModelingError("loss_not_finite_at_once", **figures)
        return ModelingError("loss_not_finite", checkpoint=checkpoint, **figures)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset: Any = train_dataset or self.train_dataset
        # Alike in length are all messages of a step, over batches and processes: all wait for the longest.
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return EndlessSampler(dataset.lengths, step, step * self.args.max_steps, self.args.seed)

    def _clip_grad_norm(self, model: Any) -> Any:
        """Gradients are the mean over all processes, so that all of them stop at the same step.

        A sparse gradient, of a table of which a batch touches few rows, is not clipped.
        """
        dense = [value for value in model.parameters() if value.grad is None or not value.grad.is_sparse]
        norm = self.accelerator.clip_grad_norm_(dense, self.args.max_grad_norm)
        if not bool(torch.isfinite(torch.as_tensor(norm)).all()):
            drop_checkpoint(Path(str(self.args.output_dir)), self.state.global_step)  # its weights led here
            raise self.non_finite(self.state.global_step + 1)
        return norm

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Tensor] | None = None) -> None:
        trained = trained_weights(self.accelerator.unwrap_model(self.model))
        if not all(bool(torch.isfinite(value).all()) for value in trained.values()):
            raise self.non_finite(self.state.global_step + 1)
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_file(trained, folder / WEIGHTS)


class EndlessSampler(Sampler[int]):
    """All rows again and again until `count` are drawn, each time in another order that follows from the seed.

    Each `batch` of them, those of one step, are about equally long.
    To Trainer the whole run is one pass. So no batch is smaller than the others, and a resumed run, which skips what
    it has seen, goes on with the same batches as one that was never stopped, in every process.
    """

    def __init__(self, lengths: list[int], batch: int, count: int, seed: int) -> None:
        self._lengths, self._batch, self._count, self._seed = lengths, batch, count, seed

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed)
        grouped, left = LengthGroupedSampler(self._batch, lengths=self._lengths, generator=generator), self._count
        while left > 0:
            rows = list(grouped)[:left]
            yield from rows
            left -= len(rows)


class _ReportProgress(TrainerCallback):
    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_progress(state.global_step / state.max_steps)

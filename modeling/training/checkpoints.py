"""Checkpoints: saved every so many seconds, counted only when they are whole, and the best weights beside them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import TrainerCallback

from modeling.atomic_files import written_atomically
from modeling.training import distributed

COMPLETE = "complete"  # written last into a checkpoint: one without it was cut off by a kill
WEIGHTS = "model.safetensors"
BEST = "best.safetensors"


def last_checkpoint(work: Path) -> str | None:
    """Return the newest checkpoint that was written to its end; remove those that were not."""
    # By number: as text, checkpoint-9 would come after checkpoint-10.
    folders = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]), reverse=True)
    whole = [path for path in folders if (path / COMPLETE).is_file()]
    for path in set(folders) - set(whole):
        shutil.rmtree(path, ignore_errors=True)
    return str(whole[0]) if whole else None


def drop_checkpoint(work: Path, step: int) -> None:
    """Remove the checkpoint of a step, if there is one."""
    if distributed.is_main_process():
        shutil.rmtree(work / f"checkpoint-{step}", ignore_errors=True)


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights that are trained, in the memory of the CPU."""
    named = model.named_parameters()
    return {name: value.detach().cpu().contiguous() for name, value in named if value.requires_grad}


class SaveByClock(TrainerCallback):
    """Save by the clock, for a step may take a millisecond or a minute; the first process has the clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if (
            # All processes have to save at the same step, so one clock decides.
            distributed.main_decision(time.monotonic() - self._saved > self._seconds)
            and state.global_step < state.max_steps
        ):
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if distributed.is_main_process():
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
        # Counted from the end of saving, so that a slow disk does not take all the time.
        self._saved = time.monotonic()


class EarlyStopping(TrainerCallback):
    """Keep the weights with the smallest validation loss, and stop once it has not fallen for some evaluations.

    What is best lies on the disk with its step and loss, so that a resumed run knows it too.
    """

    def __init__(self, work: Path, patience: int, resumed: bool) -> None:
        self._path, self._patience, self._since = work / BEST, patience, 0
        self.loss, self.step = float("inf"), 0
        if resumed and self._path.is_file():
            with safe_open(self._path, "pt") as stored:
                best = json.loads((stored.metadata() or {})["best"])
            self.loss, self.step = best["loss"], best["step"]

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, float] | None = None, **more: Any
    ) -> None:
        loss = (metrics or {}).get("eval_loss", float("inf"))
        if loss < self.loss:
            self.loss, self.step = loss, state.global_step
            self._keep(more["model"])
        elif state.global_step > self.step and state.global_step - self.step >= self._patience * args.eval_steps:
            control.should_training_stop = True

    def restore(self, model: nn.Module) -> None:
        """Give a model the best weights."""
        if self.step:
            # The first process may still be writing them; and only what is trained is in the file.
            distributed.barrier()
            model.load_state_dict(load_file(self._path), strict=False)

    def _keep(self, model: nn.Module) -> None:
        if not distributed.is_main_process():
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        best = json.dumps({"loss": self.loss, "step": self.step})
        with written_atomically(self._path) as draft:
            save_file(trained_weights(model), draft, {"best": best})

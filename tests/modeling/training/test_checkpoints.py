from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from torch import nn

from modeling.training.checkpoints import EarlyStopping
from modeling.training.trainer import EndlessSampler


def evaluated(early: EarlyStopping, model: nn.Module, step: int, loss: float) -> bool:
    """Say that a loss was measured after a step; return whether it wants to stop."""
    control = SimpleNamespace(should_training_stop=False)
    args, state = SimpleNamespace(eval_steps=10), SimpleNamespace(global_step=step)
    early.on_evaluate(args, state, control, {"eval_loss": loss}, model=model)
    return control.should_training_stop


def test_the_best_weights_count_also_after_a_kill(tmp_path: Path) -> None:
    model, early = nn.Linear(1, 1, bias=False), EarlyStopping(tmp_path, 2, resumed=False)
    wanted: list[bool] = []
    for step, loss in ((10, 0.9), (20, 0.5), (30, 0.7), (40, 0.6)):
        nn.init.constant_(model.weight, step)
        if step == 40:
            early = EarlyStopping(tmp_path, 2, resumed=True)  # another process goes on
            assert (early.step, early.loss) == (20, 0.5)
        wanted.append(evaluated(early, model, step, loss))
    assert wanted == [False, False, False, True]
    early.restore(model)
    assert model.weight.item() == 20


def test_a_run_that_begins_anew_forgets_what_was_best(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    evaluated(EarlyStopping(tmp_path, 2, resumed=False), model, 10, 0.1)
    assert EarlyStopping(tmp_path, 2, resumed=False).step == 0


def test_all_rows_are_drawn_before_any_is_drawn_again() -> None:
    sampler = EndlessSampler([5, 3, 8, 1, 9, 2], batch=2, count=16, seed=3)
    rows = list(sampler)
    assert len(rows) == len(sampler) == 16
    assert sorted(rows[:6]) == sorted(rows[6:12]) == list(range(6))
    assert rows[:6] != rows[6:12]
    assert list(sampler) == rows

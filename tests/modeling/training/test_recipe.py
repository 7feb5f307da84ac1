from __future__ import annotations

from pathlib import Path

import pytest

from modeling.errors import ModelingError
from modeling.training.recipe import FineTuneConfig, Recipe, read_recipe


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.toml", "folds = 4\n[qlora]\nrank = 8\n"),
        ("r.json", '{"folds": 4, "qlora": {"rank": 8}}'),
    ],
)
def test_a_recipe_keeps_the_defaults_of_what_it_does_not_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found = read_recipe(tmp_path / name)
    assert found == Recipe(folds=4, qlora=Recipe().qlora.model_copy(update={"rank": 8}))
    assert found.tuning("qlora").rank == 8
    assert found.tuning("int8") == Recipe().int8


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r.toml", "[full]\nlearning_rate = 'fast'\n", r"wrong at full\.learning_rate"),
        ("r.toml", "[full]\nspeed = 3\n", r"wrong at full\.speed"),
        ("r.toml", "[full\n", "cannot be parsed"),
        ("r.json", "{", "cannot be parsed"),
        ("r.json", "[]", "wrong at its form"),
        ("r.json", '{"full": {"batch": 0}}', r"wrong at full\.batch"),
    ],
)
def test_a_wrong_recipe_gets_a_sentence(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ModelingError, match=words):
        read_recipe(tmp_path / name)


def test_epochs_that_are_asked_for_are_not_bounded() -> None:
    from modeling.training.finetune import planned_steps

    for method in ("full", "lora", "qlora", "int8"):
        assert planned_steps(32_000, Recipe().with_epochs(7).tuning(method)) == 7000
    assert planned_steps(32_000, Recipe().full) == Recipe().full.most_steps
    assert planned_steps(32, Recipe().with_epochs(1).full) == 1


def test_steps_are_shared_by_processes_and_accumulated_batches() -> None:
    from modeling.training.finetune import planned_steps

    tuning = FineTuneConfig(learning_rate=1.0, epochs=1, batch=4, accumulation=2)
    assert planned_steps(64, tuning) == 8
    assert planned_steps(64, tuning, processes=2) == 4

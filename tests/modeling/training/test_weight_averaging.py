"""Averaging a tuned backbone with its base, and what cross-validation makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from modeling.backbones.backbone import Backbone, load
from modeling.training import cross_validation, finetune, method_selection
from modeling.training.cross_validation import (
    BLENDS,
    Candidate,
    CrossValidation,
    TrainingSet,
    evaluated_folds,
    fine_tune_rows,
    make_folds,
)
from modeling.training.finetune import FineTuned, planned_steps
from modeling.training.method_selection import expected_to_gain, select
from modeling.training.recipe import FineTuneConfig, Method, Recipe
from modeling.training.weight_averaging import blend, save_changed_weights
from tests.fakes import random_backbones
from tests.fakes.messages import KINDS, OPENINGS, messages
from tests.modeling.cli.test_command_line import run

BRISK = Recipe(candidates=("full",), full=FineTuneConfig(learning_rate=3e-4, epochs=1))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_backbones.save("bert", tmp_path_factory.mktemp("bert"))


def training_set(base: Path, count: int = 6) -> TrainingSet:
    rows, labels, backbone = messages(OPENINGS[:count]), list(KINDS), load(str(base))
    texts = [text for text, _ in rows]
    targets = np.array([labels.index(kind) for _, kind in rows])
    return TrainingSet(texts, targets, labels, backbone.encode(texts), backbone.encode(labels))


def test_a_blend_lies_between_base_and_tuned_weight_by_weight(base: Path) -> None:
    tuned, start = load(str(base)), load(str(base)).model.state_dict()
    with torch.no_grad():
        for name, value in tuned.model.named_parameters():
            value.add_(0.0 if "_embeddings." in name else 1.0)  # tables of tokens are never tuned
    whole = {name: value.clone() for name, value in tuned.model.state_dict().items()}
    assert blend(tuned, base, 1.0) is tuned
    found = blend(tuned, base, 0.6).model.state_dict()
    moved = [name for name, value in whole.items() if not torch.equal(value, start[name])]
    assert moved
    for name in moved:
        assert torch.allclose(found[name], start[name] + 0.6 * (whole[name] - start[name]), atol=1e-5)


def test_what_was_tuned_before_is_averaged_with_it(base: Path, tmp_path: Path) -> None:
    start = load(str(base)).model.state_dict()
    for number, distance in enumerate((1.0, 4.0)):
        save_changed_weights(moved(base, distance), base, tmp_path / f"full-{number}.weights")
    others = sorted(tmp_path.glob("*.weights"))
    found = blend(moved(base, 1.0), base, 0.5, others).model.state_dict()
    for name, value in start.items():
        if value.is_floating_point():
            assert torch.allclose(
                found[name], value + 0.5 * (1.0 + 1.0 + 4.0) / 3 * is_tuned(name, value), atol=1e-5
            ), name
    assert all(value.ndim > 1 for value in load_file(others[0]).values())  # what stayed as it was is not kept


def is_tuned(name: str, value: torch.Tensor) -> bool:
    return value.ndim > 1 and "_embeddings." not in name


def moved(base: Path, distance: float) -> Backbone:
    """A backbone of which the matrices were tuned."""
    backbone = load(str(base))
    with torch.no_grad():
        for name, value in backbone.model.named_parameters():
            value.add_(distance * is_tuned(name, value))
    return backbone


def test_a_bundle_averages_what_cross_validation_tuned_of_transformers(
    base: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ["train", files[0], "--test", files[1], "--out", tmp_path / "out", "--backbone", base, "--method", "full"]
    status, lines, _ = run(*words, "--epochs", 1, "--progress", "json")
    assert status == 0, lines[-1]
    assert lines[-1]["tuning"]["averaged"] == 4


@pytest.mark.parametrize(("family", "method"), [("llama", "lora"), ("gpt2", "qlora")])
def test_what_adapters_left_behind_is_blended_too(family: str, method: Method, tmp_path: Path) -> None:
    base = random_backbones.save(family, tmp_path / family)
    examples = training_set(base, 2)
    rows = np.arange(len(examples.texts))
    brisk = {method: FineTuneConfig(learning_rate=1e-2, epochs=1, batch=8)}
    tuned = fine_tune_rows(
        examples, rows, method, BRISK.model_copy(update=brisk), base, tmp_path / "work", lambda _: None
    ).backbone
    whole = tuned.encode(examples.texts)
    near = blend(tuned, base, 0.6).encode(examples.texts)
    assert (near * examples.vectors).sum() > (whole * examples.vectors).sum()


def test_cross_validation_tells_how_far_to_go_and_the_bundle_goes_so_far(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tuned weights that say nothing any more are found out, and those half-way are taken."""

    def spoilt(base: Path, *_: Any, **__: Any) -> FineTuned:
        backbone = load(str(base))
        return FineTuned(backbone, {})

    def pretend(tuned: Any, base: Path, share: float, others: Any = ()) -> Any:
        backbone, whole = load(str(base)), training_set(base)

        class Read:
            def encode(self, texts: list[str]) -> Any:
                if share == 1.0:
                    return np.tile(backbone.encode(["nothing"]), (len(texts), 1))
                targets = dict(zip(whole.texts, whole.targets, strict=True))
                return np.eye(backbone.dimension, dtype=np.float32)[[targets.get(text, 0) for text in texts]]

        return Read()

    monkeypatch.setattr(finetune, "fine_tune", spoilt)
    monkeypatch.setattr(cross_validation, "blend", pretend)
    examples = training_set(base)
    race = CrossValidation(examples, BRISK, base, make_folds(examples, BRISK), tmp_path, lambda *_: None)
    assert race.run("full", 3).blend == BLENDS[1]
    found = select(examples, BRISK, base, 1.0, tmp_path, lambda *_: None)
    assert (found.chosen.method, found.chosen.blend) == ("full", BLENDS[1])


@pytest.mark.parametrize(("better", "many"), [("full", False), ("lora", False), ("lora", True)])
def test_auto_takes_the_way_to_tune_that_does_best_on_a_fold(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better: str, many: bool
) -> None:
    examples, heard = training_set(base), list[tuple[str, int]]()

    def run(self: CrossValidation, method: Method, fold_count: int) -> Candidate:
        rows = np.concatenate(self.folds[:fold_count])
        heard.append((method, len(rows)))
        sure = np.eye(len(KINDS), dtype=np.float32)[self.training_set.targets[rows]]
        scores = sure if method == better else sure[:, ::-1]
        return Candidate(method, 1.0, 4 * scores, rows, self.training_set.targets)

    monkeypatch.setattr(CrossValidation, "run", run)
    monkeypatch.setattr(method_selection, "FEWEST_COMPARED", 8)
    monkeypatch.setattr(method_selection, "MOST_COMPARED", 12 if many else 1000)
    found = select(examples, Recipe(folds=2), base, 1.0, tmp_path, lambda *_: None)
    assert found.chosen.method == better
    compared = [count for _, count in heard[:2]]
    assert [method for method, _ in heard] == ["full", "lora", better]
    assert heard[2][1] == len(examples.texts)
    assert max(compared) < (12 if many else len(examples.texts))


def test_a_few_dozen_messages_do_not_speak_against_experience_and_many_do(base: Path) -> None:
    """The tuned candidate is wrong about 12 of 100 messages, the frozen one about 8 others."""

    def wrong(method: Method, count: int, *places: int) -> Candidate:
        rows, targets = np.arange(count), np.arange(count) % 2
        right = np.eye(2, dtype=np.float32)[targets]
        turned = np.isin(rows % 25, places)
        return Candidate(method, 1.0, np.where(turned[:, None], right[:, ::-1], right), rows, targets)

    def pair(count: int) -> tuple[Candidate, Candidate]:
        return wrong("full", count, 0, 1, 2), wrong("frozen", count, 3, 4)

    assert expected_to_gain(*pair(50))
    assert not expected_to_gain(*pair(2000))


def test_what_labels_mean_is_learnt_from_where_messages_are_few(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(finetune, "fine_tune", lambda _, *given, **__: heard.append(given))
    examples = training_set(base, 2)
    rows = np.arange(len(examples.texts))
    fine_tune_rows(examples, rows, "full", BRISK, base, tmp_path, lambda _: None)
    texts, targets = heard[0][:2]
    assert texts == [*examples.texts, *examples.descriptions]
    assert targets.tolist() == [*examples.targets.tolist(), *range(len(examples.descriptions))]
    monkeypatch.setattr(cross_validation, "RARE", 1)
    fine_tune_rows(examples, rows, "full", BRISK, base, tmp_path, lambda _: None)
    assert heard[1][0] == list(examples.texts)
    assert heard[1][4].batch == len(examples.texts) // cross_validation.FEWEST_BATCHES
    monkeypatch.setattr(cross_validation, "LARGE", 1)
    asked = BRISK.model_copy(update={"full": FineTuneConfig(learning_rate=3e-4, contrast=0.7)})
    for recipe in (BRISK, asked):
        fine_tune_rows(examples, rows, "full", recipe, base, tmp_path, lambda _: None)
    assert [each[4].contrast for each in heard] == [None, None, cross_validation.LITTLE_CONTRAST, 0.7]


@pytest.mark.parametrize(("count", "steps"), [(16, 24), (64, 24), (640, 120), (3200, 600), (100_000, 3000)])
def test_messages_are_read_six_times_and_very_many_less_often(count: int, steps: int) -> None:
    assert planned_steps(count, FineTuneConfig(learning_rate=1e-4, batch=min(32, count // 4))) == steps


def test_one_fold_of_very_many_messages_is_enough(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = training_set(base)
    assert (len(make_folds(examples, BRISK)), evaluated_folds(examples, BRISK)) == (3, 3)
    monkeypatch.setattr(cross_validation, "LARGE", len(examples.texts))
    assert (len(make_folds(examples, BRISK)), evaluated_folds(examples, BRISK)) == (5, 1)

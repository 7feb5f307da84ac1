from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from transformers import BertConfig, BertModel
from typer.testing import CliRunner

from modeling.backbones.backbone import Backbone
from modeling.cli.app import app
from modeling.training import search
from modeling.training import study as studies
from modeling.training.cross_validation import Candidate
from modeling.training.recipe import FineTuneConfig, Recipe, read_recipe
from modeling.training.study import Trials, open_study, recipe_settings, recipe_with

Files = tuple[Path, Path]
QUICK = {"learning_rate": 3e-4, "epochs": 1, "batch": 16}


@pytest.fixture(autouse=True)
def _own_signals() -> Any:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def tiny(minilm: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random transformer of two small layers that has learnt nothing."""
    folder = tmp_path_factory.mktemp("tiny")
    words = len(minilm.model.tokenizer)
    settings = BertConfig(
        vocab_size=words, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(settings).save_pretrained(folder)
    minilm.model.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "quick.json"
    path.write_text(json.dumps({"folds": 2, "full": QUICK, "lora": QUICK}))
    return path


def command(files: Files, tiny: Path, quick: Path, out: Path, *more: object) -> list[str]:
    given = ["tune", files[0], "--test", files[1], "--backbone", tiny, "--recipe", quick, "--out", out]
    return [str(word) for word in (*given, "--minutes", 60, "--progress", "json", *more)]


def run(words: list[str]) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def test_the_best_recipe_is_never_worse_than_the_default_and_train_takes_it(
    files: Files, tiny: Path, quick: Path, tmp_path: Path
) -> None:
    words = command(files, tiny, quick, tmp_path / "tuned", "--trials", 2)
    status, lines = run(words)
    assert status == 0, lines[-1]
    found = lines[-1]
    assert found["event"] == "tuned"
    assert found["trials"] == 2
    assert found["best"]["metric"] == "cross_validated_macro_f1"
    assert found["best"]["score"] >= found["default"]["score"]
    nothing = "search_found_nothing_better" in [note["code"] for note in found["notes"]]
    assert nothing == (found["best"] == found["default"]) == (found["gain"] is None)
    assert any(line.get("left", 0) > 0 for line in lines)
    assert run(words)[1][-1] == found  # finished once
    recipe = read_recipe(Path(found["recipe"]))
    assert recipe.method == found["best"]["method"]
    assert recipe.backbone == str(tiny)
    trained = ["train", str(files[0]), "--test", str(files[1]), "--out", str(tmp_path / "trained")]
    status, lines = run([*trained, "--recipe", found["recipe"], "--progress", "json"])
    assert status == 0, lines[-1]
    assert lines[-1]["method"] == found["best"]["method"]


def test_a_killed_search_goes_on_with_its_trials_and_the_time_that_was_left(
    files: Files, tiny: Path, quick: Path, tmp_path: Path
) -> None:
    words = command(files, tiny, quick, tmp_path, "--trials", 2)
    process = subprocess.Popen([sys.executable, "-m", "modeling", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert any('"trial 2"' in line for line in process.stdout)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    status, lines = run(words)
    assert status == 0, lines[-1]
    assert lines[-1]["trials"] == 2
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / search.STUDY}")
    settings = [trial.user_attrs["settings"] for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]
    assert [each["method"] for each in settings] == ["full", "lora"]  # the first was not tried again


def test_the_time_is_over_in_the_middle_of_a_trial(
    files: Files, tiny: Path, quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = search._Clock
    heard: list[float] = []

    def left(self: Any) -> float:
        heard.append(self.spent)
        return 0.0 if len(heard) > 10 else 60.0

    monkeypatch.setattr(clock, "left", property(left))
    status, lines = run(command(files, tiny, quick, tmp_path))
    assert status == 0, lines[-1]
    assert lines[-1]["trials"] == 0
    assert "The time was over before" in lines[-1]["notes"][0]["text"]
    assert read_recipe(tmp_path / "recipe.toml").method == lines[-1]["best"]["method"] == "frozen"


def test_of_very_many_messages_a_trial_learns_from_a_part_and_is_judged_on_others(
    files: Files, tiny: Path, quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LEARNED", 12)
    monkeypatch.setattr(search, "expected_to_gain", lambda *_: True)  # rather than the frozen head, full is the default
    status, lines = run(command(files, tiny, quick, tmp_path, "--trials", 1))
    found = lines[-1]
    assert status == 0, found
    assert found["folds"] == 1
    assert 30 <= found["messages"] <= 60
    notes = " ".join(note["text"] for note in found["notes"])
    learnt = re.search(r"after learning from (\d+) of (\d+) messages", notes)
    assert learnt
    assert 10 <= int(learnt[1]) <= 20 < int(learnt[2])
    assert found["best"]["method"] == "full"
    written = read_recipe(Path(found["recipe"]))
    assert written.full.contrast is None  # so that `train` may suit it to all messages
    assert written.full.epochs == QUICK["epochs"]


def test_too_few_messages_and_too_little_time_get_sentences(tiny: Path, quick: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.csv"
    few.write_text("text,label\nit crashes,bug\nan error,bug\nthanks,thanks\n", "utf-8")
    status, lines = run(command((few, few), tiny, quick, tmp_path / "out"))
    assert status == 2
    assert "too few to compare settings" in lines[-1]["message"]
    refused = CliRunner().invoke(app, ["tune", str(few), "--out", str(tmp_path / "out"), "--minutes", "0"])
    assert refused.exit_code == 2


TARGETS = np.arange(40) % 4


class Folds:
    """Stands for a race whose candidates are right as often as their learning rate says."""

    def __init__(self, material: Any, recipe: Recipe, base: Path, parts: Any, work: Path, on_progress: Any) -> None:
        self.share, self.parts = recipe.full.learning_rate * 500, parts

    def run(self, method: str, folds: int) -> Candidate:
        rows = np.concatenate(self.parts[:folds])
        scores = np.random.default_rng(0).normal(size=(len(rows), 4)).astype(np.float32)
        right = np.arange(len(rows)) < self.share * len(rows)
        scores[right, TARGETS[rows][right]] += 9
        return Candidate("full", 1.0, scores, rows, TARGETS)


def test_a_trial_below_the_others_is_given_up_after_its_first_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "CrossValidation", Folds)
    rates = (1.5e-3, 1.4e-3, 1.3e-3, 1.2e-3, 1e-4)
    recipe = Recipe(full=FineTuneConfig(learning_rate=rates[0]))
    first = [{**recipe_settings(recipe, "full"), "learning_rate": rate} for rate in rates]
    study = open_study(tmp_path / "study", "s", 0, first)
    parts = [np.arange(start, 40, 2) for start in range(2)]
    some = SimpleNamespace()
    searched = Trials(some, recipe, tmp_path, parts, ("full",), tmp_path, study, lambda *_: None)  # pyright: ignore[reportArgumentType]
    for _ in rates:
        searched.run()
    states = [trial.state.name for trial in study.trials]
    searched.run()  # the first that the estimator proposes
    assert studies.RATES["full"][0] <= study.trials[-1].user_attrs["settings"]["learning_rate"] <= 1.5e-3
    assert states == ["COMPLETE"] * 4 + ["PRUNED"]
    assert len(study.trials[4].intermediate_values) == 1
    assert searched.complete()[0].user_attrs["settings"]["learning_rate"] == 1.5e-3
    assert len(list(tmp_path.glob("trial-*"))) == 1  # the best is the first here; others leave nothing


def test_settings_become_a_recipe_and_only_they_change() -> None:
    found = recipe_with(Recipe(), {"method": "lora", "learning_rate": 2e-3, "rank": 8, "batch": 64})
    assert (found.method, found.lora.rank, found.lora.batch, found.lora.learning_rate) == ("lora", 8, 64, 2e-3)
    assert found.full == Recipe().full
    assert recipe_with(Recipe(), {"method": "frozen"}).method == "frozen"


def test_a_recipe_that_was_found_is_read_again_as_it_was(tmp_path: Path) -> None:
    found = recipe_with(Recipe(seed=3), {"method": "full", "learning_rate": 1.23e-4, "epochs": 4.5})
    search._write(found, tmp_path / "recipe.toml")
    assert read_recipe(tmp_path / "recipe.toml") == found


def test_recipes_are_read_from_toml_and_wrong_ones_get_sentences(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('method = "full"\n[full]\nepochs = 2.5\n', "utf-8")
    assert read_recipe(path).full == Recipe().full.model_copy(update={"epochs": 2.5})
    path.write_text("method = \n", "utf-8")
    with pytest.raises(Exception, match="cannot be parsed"):
        read_recipe(path)

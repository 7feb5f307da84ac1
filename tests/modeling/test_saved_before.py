"""What an earlier version saved goes on working: two bundles and a recipe (see fixtures/README.md)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modeling.classifier import bundle as bundles
from modeling.text.cleaning import clean
from modeling.training.recipe import read_recipe

FIXTURES = Path(__file__).parent / "fixtures"
BUNDLES = ("lstm", "bert")
TOLERANCE = 1e-4
HASH = "1e5ed0cffb59bace"  # of recipe.toml, as the earlier version computed it


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written down was computed in float32: bfloat16, where a processor has it, differs by half a point."""
    monkeypatch.setattr("modeling.backbones.backbone.has_bfloat16", lambda _: False)


def expected(name: str) -> dict[str, Any]:
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", BUNDLES)
def test_a_saved_bundle_predicts_what_it_predicted(name: str) -> None:
    then = expected(name)
    bundle = bundles.load(FIXTURES / name)
    probabilities, out_of_scope = bundle.read([clean(message["text"]) for message in then["messages"]])
    assert list(bundle.head.labels) == then["labels"]
    saved = [message["probabilities"] for message in then["messages"]]
    np.testing.assert_allclose(probabilities, saved, rtol=0, atol=TOLERANCE)
    saved = [message["out_of_scope"] for message in then["messages"]]
    np.testing.assert_allclose(out_of_scope, saved, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", BUNDLES)
def test_a_saved_bundle_is_still_the_same_after_it_is_saved_again(name: str, tmp_path: Path) -> None:
    then = expected(name)
    bundles.load(FIXTURES / name).save(tmp_path / "again")
    bundle = bundles.load(tmp_path / "again")
    probabilities = bundle.classify([clean(message["text"]) for message in then["messages"]])
    saved = [message["probabilities"] for message in then["messages"]]
    np.testing.assert_allclose(probabilities, saved, rtol=0, atol=TOLERANCE)


def test_the_command_line_predicts_with_a_saved_bundle(tmp_path: Path) -> None:
    then = expected("lstm")
    shutil.copytree(FIXTURES / "lstm", tmp_path / "bundle")
    lines = "".join(f"{message['text']}\n" for message in then["messages"])
    command = [sys.executable, "-m", "modeling", "predict", str(tmp_path / "bundle")]
    done = subprocess.run(command, input=lines, capture_output=True, encoding="utf-8", check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    best = [int(np.argmax(message["probabilities"])) for message in then["messages"]]
    assert [answer["label"] for answer in answers] == [then["labels"][index] for index in best]
    saved = [max(message["probabilities"]) for message in then["messages"]]
    np.testing.assert_allclose([answer["probability"] for answer in answers], saved, rtol=0, atol=TOLERANCE)


def test_every_key_of_a_saved_recipe_is_still_read() -> None:
    recipe = read_recipe(FIXTURES / "recipe.toml")
    lora = recipe.tuning("lora")
    assert (recipe.method, recipe.seed, recipe.folds, recipe.candidates) == ("lora", 3, 4, ("lora", "full", "int8"))
    assert (lora.rank, lora.epochs, lora.most_steps, lora.tokens, lora.checkpoint_seconds) == (8, 2.5, 100, 64, 10.0)
    assert recipe.hash == HASH  # a run folder of then is continued, not refused

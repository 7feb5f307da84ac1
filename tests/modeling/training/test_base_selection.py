"""Which installed backbone training begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from modeling.backbones import presets
from modeling.classifier import head
from modeling.training.base_selection import FEWEST, Base, best_base, explain_base
from modeling.training.cross_validation import TrainingSet
from modeling.training.recipe import Recipe

LABELS = ["bug", "praise"]


def base(name: str, clearness: float, count: int = 40) -> Base:
    """A backbone whose vectors tell the labels apart the better the clearer it is."""
    rng = np.random.default_rng(0)
    targets = np.arange(count) % 2
    vectors = rng.normal(size=(count, 8)).astype(np.float32)
    vectors[:, 0] += clearness * (2 * targets - 1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    descriptions = np.eye(2, 8, dtype=np.float32) * [[-1], [1]]
    texts = [f"{name_of} number {row} of {row * 7919}" for row, name_of in enumerate(["broken"] * count)]
    training_set = TrainingSet(texts, targets, LABELS, vectors, descriptions.astype(np.float32))
    frozen = head.fit(vectors, targets, LABELS, training_set.description_vectors)
    return Base(name, Path(name), name, True, ("full",), cast(Any, None), training_set, frozen)


def test_the_one_that_tells_the_labels_apart_is_taken() -> None:
    best, compared = best_base([base("light", 0.1), base("multilingual", 3.0)], Recipe())
    assert best.name == "multilingual"
    assert {one.name for one in compared} == {"light", "multilingual"}
    assert best.macro_f1 > 0.9


def test_of_two_that_are_alike_the_first_is_taken() -> None:
    assert best_base([base("one", 2.0), base("two", 2.0)], Recipe())[0].name == "one"


@pytest.mark.parametrize(("count", "taken"), [(FEWEST - 2, "light"), (FEWEST, "multilingual")])
def test_few_messages_say_nothing(count: int, taken: str) -> None:
    assert best_base([base("light", 0.0, count), base("multilingual", 4.0, count)], Recipe())[0].name == taken


def test_one_alone_is_not_compared() -> None:
    only = base("light", 1.0)
    assert best_base([only], Recipe()) == (only, [])
    assert explain_base(only, []) is None


def test_the_choice_is_said_in_both_languages() -> None:
    best, compared = best_base([base("light", 0.1), base("multilingual", 3.0)], Recipe())
    said = explain_base(best, compared)
    assert said is not None
    assert said.render("en").startswith("Of the installed backbones, multilingual reads these messages best: macro-F1 ")
    assert "(light 0." in said.render("en")
    assert "multilingual 对这些消息理解得最好" in said.render("zh")


def test_auto_compares_what_is_installed_and_a_name_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert presets.candidates("some/model") == ("some/model",)
    assert presets.candidates(presets.AUTO) == (presets.LIGHT,)  # where one was chosen, as in these tests
    monkeypatch.delenv(presets.DEFAULT)
    assert presets.candidates(presets.AUTO) == (presets.MULTILINGUAL, presets.LIGHT)

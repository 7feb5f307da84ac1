"""Both sides of a training run: labels agree, overlap is said, and what is not enough is said as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modeling.data import sketches
from modeling.data.near_duplicates import near_copies, repeats
from modeling.data.train_test import read_inputs
from modeling.errors import ModelingError
from modeling.text.cleaning import is_held_out
from tests.fakes.messages import messages, write_csv


def held(word: str, side: bool, number: int = 0) -> str:
    """The `number`-th text that begins so and is held out, or is not."""
    return [text for n in range(99) if is_held_out(text := f"{word} {n}") is side][number]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("hi", "x"), ("ho", "x")], 'has only the label "x": training'),
        ([("hi", "x"), ("hi", "y"), ("ho", "x")], 'All texts of "y" in .* carry another label too'),
        ([("hi", "x"), ("hi", "y")], 'All texts of "x", "y" in .* carry another label too'),
        ([("hi", "x"), ("ho", "y")], "has one example per label only"),
        (
            [("hi", "x")] * 40 + [("ho", "y")] * 30,
            "has 70 rows, but without those that repeat or dispute a text one is left",
        ),
        (
            [
                (held("hi", False), "a"),
                (held("hi", False, 1), "a"),
                (held("so", True), "b"),
                (held("so", True, 1), "b"),
            ],
            'All messages of "b" in .* happen to be held out, and training needs at least two labels',
        ),
        (
            [(held(word, side), label) for label, word in (("a", "hi"), ("b", "so")) for side in (True, False)],
            "Of 4 different messages in .* 2 happen to be held out, which leaves one for each label",
        ),
    ],
)
def test_too_little_is_said_as_it_is(tmp_path: Path, rows: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(ModelingError, match=words):
        read_inputs(write_csv(tmp_path / "rows.csv", rows), None)


def test_the_test_file_is_spelled_as_the_training_file(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "a.csv", [("one", "Bug"), ("two", "Bug"), ("three", "praise")])
    test = write_csv(tmp_path / "b.csv", [("four", "bug"), ("five", "BUG\u200b"), ("six", "idea"), ("seven", "bug")])
    found = read_inputs(train, test)
    assert found.test.labels == ("Bug", "Bug", "idea", "Bug")
    assert found.labels == ("Bug", "idea", "praise")


def test_what_is_tested_and_was_learned_from_is_said(tmp_path: Path) -> None:
    train = write_csv(
        tmp_path / "a.csv", [("the page is blank again today", "x"), ("who brings cake", "y"), ("ok", "y")]
    )
    clean = write_csv(tmp_path / "b.csv", [("which room is it in", "y")])
    assert read_inputs(train, clean).notes == ()
    nearly = write_csv(tmp_path / "c.csv", [("The page is blank again today!", "x"), ("which room", "y"), ("OK", "y")])
    assert [note.text for note in read_inputs(train, nearly).notes] == [
        "At least 2 of the 3 test messages were learned from, word for word or nearly: "
        "the figures are better than the model is."
    ]
    assert "At least 3 of the 3" in read_inputs(train, train).notes[-1].text


def test_sketches_know_the_copies_that_texts_themselves_show() -> None:
    texts = [text for text, _ in messages(("so", "well", "again", "hey"))]
    train, test = texts[::2], [*texts[1::2], "something else that nobody wrote", "👍👍"]
    kept = sketches.sketch(train)
    assert (kept.dtype, kept.shape[1]) == (np.uint8, 64)
    exact = repeats(test, train)
    assert exact == {row for row, _ in near_copies(test, train)}
    found = set(np.flatnonzero(sketches.repeated(test, kept)).tolist())
    assert len(found ^ exact) <= 0.15 * len(test)
    assert len(test) - 2 not in found
    assert sketches.repeated(train, kept).all()
    assert not sketches.repeated(test, sketches.sketch([])).any()
    assert not sketches.repeated([], kept).any()


def test_of_very_many_texts_some_are_kept() -> None:
    texts = [f"message number {number} of a kind" for number in range(30)]
    assert len(sketches.sketch(texts, most=10)) == 10
    assert len(sketches.sketch(texts, most=29)) == 15
    assert sketches.repeated(texts[-10:], sketches.sketch(texts, most=10)).any()
    assert len(sketches.sketch(["Same words!", "same words"])) == 1

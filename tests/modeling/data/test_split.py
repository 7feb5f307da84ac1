from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.backbones.backbone import Backbone
from modeling.backbones.token_lengths import token_lengths
from modeling.data.examples import Examples, read
from modeling.data.near_duplicates import near_copies
from modeling.data.split import split
from modeling.data.train_test import read_inputs
from modeling.sentences.catalogue import sentence
from modeling.text.cleaning import is_held_out
from tests.fakes.messages import write_csv

WORDS = [f"{first}{second}" for first in ("ka", "lo", "mi", "nu", "re", "so") for second in ("b", "d", "f", "g", "p")]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


def many(count: int, seed: int = 0) -> Examples:
    """Messages of random words, so that hardly two are alike, of two large labels, a middling one and two small."""
    rng = np.random.default_rng(seed)
    texts = dict.fromkeys(" ".join(rng.choice(WORDS, 7)) + f" {row}" for row in range(count))
    labels = rng.choice(["a", "b", "c", "d", "e"], len(texts), p=[0.4, 0.3, 0.28, 0.01, 0.01])
    return Examples(tuple(texts), tuple(map(str, labels)))


def held(word: str, side: bool) -> str:
    """A text that begins so and lies on this side."""
    return next(text for number in range(99) if is_held_out(text := f"{word} {number * 'x'}".strip()) is side)


@given(
    st.lists(st.tuples(TEXTS, st.sampled_from("ab")), max_size=30),
    st.lists(st.tuples(TEXTS, st.just("a")), max_size=30),
)
@settings(max_examples=40, deadline=None)
def test_a_message_never_changes_sides_whatever_is_added(
    one: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    def sides(rows: list[tuple[str, str]]) -> tuple[set[str], set[str]]:
        found = split(Examples(tuple(text for text, _ in rows), tuple(label for _, label in rows)))
        assert len(found.train) + len(found.held_out) + len(found.aside) == len(rows)
        return set(found.train.texts), {*found.held_out.texts, *found.aside.texts}

    before, after = sides(one), sides(more + one)
    assert before[0] <= after[0]
    assert before[1] <= after[1]
    assert not after[0] & after[1]


def test_every_label_is_split_in_about_the_same_proportion() -> None:
    examples = many(5000)
    found = split(examples)
    all_, out = Counter(examples.labels), Counter(found.held_out.labels + found.aside.labels)
    assert [out[label] / all_[label] for label in "abc"] == pytest.approx([0.2] * 3, abs=0.03)
    assert set(found.thin) <= {"d", "e"}


def test_near_copies_of_training_messages_are_set_aside_and_never_learnt_from() -> None:
    original = held("my card has not arrived after two weeks", False)
    copy = held(original.replace("my card", "My card,"), True)
    other = held("the exchange rate looks wrong to me", True)
    found = split(Examples((original, copy, other), ("a", "a", "a")))
    assert (found.train.texts, found.held_out.texts, found.aside.texts) == ((original,), (other,), (copy,))
    assert found.train.notes == (sentence("near_copies_set_aside", count=1),)


def test_where_nothing_is_set_aside_or_missing_nothing_is_said() -> None:
    texts = (held("one thing", False), held("another matter", True), held("something else", False))
    assert split(Examples(texts, ("a", "a", "b"))).train.notes == ()


def test_a_label_whose_messages_are_all_alike_keeps_its_held_out_ones() -> None:
    texts = tuple(f"the nightly build number {number} has failed" for number in range(40))
    found = split(Examples(texts, ("a",) * 40))
    assert len(found.held_out) > 0
    assert len(found.aside) == 0


def test_a_label_that_happens_to_be_held_out_whole_is_named() -> None:
    examples = Examples((held("one", True), held("two", False)), ("all", "b"))
    assert 'All messages of "all" happen to be held out' in str(split(examples).train.notes[-1])
    assert split(examples).thin == ("all", "b")


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Why is my cash withdrawal still pending?", "why is my cash withdrawal pending", True),
        ("thanks!", "Thanks", True),
        ("我的银行卡两周了还没有寄到", "我的银行卡两周了还没有寄到！", True),
        ("👍👍", "👍👍", True),
        ("My card was stolen", "My phone was stolen", False),
        ("How do I activate my card", "What must I do so that my card becomes active", False),
        ("👍", "😡", False),
        ("yes", "no", False),
    ],
)
def test_near_copies_are_copies_and_not_paraphrases(one: str, other: str, alike: bool) -> None:
    assert list(near_copies([one], ["something else entirely", other])) == ([(0, 1)] if alike else [])


def test_of_several_messages_all_copies_are_found() -> None:
    texts = [f"{opening} the page crashes whenever I open the settings" for opening in ("so", "hey", "well", "again")]
    assert len(list(near_copies(texts, texts))) == 16


def test_a_hundred_thousand_rows_are_read_and_split(tmp_path: Path) -> None:
    """Texts of two words from a few hundred, so that most repeat and looking for copies stays cheap."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 60, (100_000, 2))
    rows = [(f"{WORDS[a % 30]}{a} {WORDS[b % 30]}{b}", "xyz"[a % 3]) for a, b in drawn.tolist()]
    examples = read(write_csv(tmp_path / "big.csv", rows), training=True)
    assert len(examples) == len({text for text, _ in rows})
    assert examples.notes == (sentence("repeated_rows_left_out", count=100_000 - len(examples)),)
    found = split(examples)
    assert len(found.held_out) + len(found.aside) == pytest.approx(0.2 * len(examples), rel=0.15)


def test_one_file_is_split_and_few_held_out_messages_are_said_to_be_few(tmp_path: Path) -> None:
    examples = many(60)
    found = read_inputs(write_csv(tmp_path / "all.csv", list(examples.rows())), None)
    assert found.few
    assert set(found.train.texts).isdisjoint(found.test.texts)
    assert len(found.train) + len(found.test) == len(examples)
    assert "cross-validation on the others joins in" in str(found.notes[-1])
    assert not read_inputs(write_csv(tmp_path / "more.csv", list(many(400).rows())), None).few


def test_tokens_are_counted_as_the_backbone_makes_them(minilm: Backbone) -> None:
    found = token_lengths(minilm, ["hi", "hello there you", " ".join(["word"] * 400)])
    assert (found.median, found.most, found.limit) == (5, 402, 256)  # with [CLS] and [SEP]
    assert found.cut == pytest.approx(1 / 3)

"""Names of labels: which look the same, how one is spelled, and which words are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.text.names import fold, is_reserved, one_spelling, tidy


@pytest.mark.parametrize(
    "other",
    [
        "Bug",
        "BUG",
        " bug ",
        "bug\u200b",
        "\ufeffbug",
        "b\u00adug",
        "bug\u00a0",
        "ｂｕｇ",
        "bug\u2060",
        "bu\u200dg",
        "bug\u3164",
    ],
)
def test_names_that_look_the_same_are_one(other: str) -> None:
    assert fold(other) == fold("bug")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("late order", "late\u00a0 order"),
        ("❤\ufe0f", "❤"),
        ("Straße", "STRASSE"),
        ("한국", "한국"),
    ],
)
def test_spellings_of_one_name_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("bug", "bugs"), ("👍", "👎"), ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🏴")],
)
def test_names_that_look_different_stay_two(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    "name",
    [
        "👁\ufe0f\u200d🗨\ufe0f seen",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "[/bug]",
    ],
)
def test_a_name_keeps_what_shows(name: str) -> None:
    assert tidy(name) == name


@given(st.text())
def test_tidying_and_folding_again_change_nothing(name: str) -> None:
    assert tidy(tidy(name)) == tidy(name)
    assert fold(tidy(name)) == fold(name)


def test_the_most_frequent_spelling_counts_and_before_it_a_known_one() -> None:
    assert one_spelling(["Bug", "bug", "praise", "bug"]) == {"Bug": "bug", "bug": "bug", "praise": "praise"}
    assert one_spelling(["bug", "bug", "idea"], ["BUG"]) == {"bug": "BUG", "idea": "idea"}
    assert one_spelling(["bug", "Bug"], ["Bug", "bug"]) == {"bug": "bug", "Bug": "Bug"}  # a bundle of before knows both


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("none", True),
        (" None\u200b", True),
        ("SKIP", True),
        ("all", True),
        ("都不是", True),
        ("nan", False),
        ("all good", False),
    ],
)
def test_some_words_are_no_names(name: str, reserved: bool) -> None:
    assert is_reserved(name) is reserved

"""The values of buttons: what was built is parsed again, and nothing else is."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.core.buttons import Agree, AnswerQuestion, ButtonValue, CancelJob, Confirm, ForeignButton, More, parse

NUMBERS = st.integers(0, 10**18 - 1)
ALL = st.one_of(
    st.builds(AnswerQuestion, NUMBERS, NUMBERS | st.sampled_from(["none", "skip"])),
    st.builds(Agree, NUMBERS),
    st.builds(More),
    st.builds(Confirm, NUMBERS, st.booleans()),
    st.builds(CancelJob, NUMBERS),
)


@given(ALL)
def test_what_is_built_is_parsed_again_and_fits_every_platform(button: ButtonValue) -> None:
    assert parse(button.value) == button
    assert 1 <= len(button.value.encode()) <= 64


@given(st.text(max_size=70) | st.from_regex(r"[alynjm](:[0-9x٣]{0,20}){0,3}", fullmatch=True))
def test_what_is_parsed_is_built_again_and_all_else_is_foreign(value: str) -> None:
    try:
        button = parse(value)
    except ForeignButton:
        return
    assert button.value == value


@pytest.mark.parametrize(
    ("value", "button"),
    [
        ("a:7:12", AnswerQuestion(7, 12)),
        ("a:7:none", AnswerQuestion(7, "none")),
        ("a:7:skip", AnswerQuestion(7, "skip")),
        ("l:12", Agree(12)),
        ("m", More()),
        ("y:3", Confirm(3, yes=True)),
        ("n:3", Confirm(3, yes=False)),
        ("j:9", CancelJob(9)),
    ],
)
def test_buttons_that_were_posted_long_ago_still_mean_the_same(value: str, button: ButtonValue) -> None:
    assert parse(value) == button
    assert type(button) in get_args(ButtonValue)


@pytest.mark.parametrize(
    "value", ["", "a:1", "a:x:1", "a:1:2:3", "y:", "y:-1", "l:٣", "l:007", "j:" + "9" * 19, "M", "💥"]
)
def test_a_foreign_value_is_refused(value: str) -> None:
    with pytest.raises(ForeignButton):
        parse(value)

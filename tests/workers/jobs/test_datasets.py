"""What a training job is given to learn from and to be measured on."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeling.data.examples import read
from modeling.text.cleaning import is_held_out
from workers.jobs.datasets import Texts, write_data
from workers.jobs.errors import JobFailed

THINGS = (
    "export",
    "calendar",
    "search field",
    "login page",
    "printer",
    "phone app",
    "wallpaper",
    "backup job",
    "invoice",
)
ROWS = [(f"The {thing} broke on {day}", "bug") for thing in THINGS for day in ("Monday", "Friday", "my birthday")]
ROWS += [(f"Where do I find the {thing}", "question") for thing in THINGS]


def test_the_text_decides_the_side_and_near_copies_are_not_asked_about(tmp_path: Path) -> None:
    original = next(row for row in ROWS if not is_held_out(row[0]))
    held = next(text for number in range(99) if is_held_out(text := f"{original[0]} {number}"))
    write_data(tmp_path, Texts([*ROWS, (held, original[1]), ("\u200b", "bug")]))
    train, held_out = read(tmp_path / "train.csv"), read(tmp_path / "heldout.csv")
    assert not any(map(is_held_out, train.texts))
    assert all(map(is_held_out, held_out.texts))
    assert original[0] in train.texts
    assert held not in held_out.texts
    assert set(held_out.texts) <= {text for text, _ in ROWS}


def test_a_resumed_job_keeps_the_data_that_it_began_with(tmp_path: Path) -> None:
    write_data(tmp_path, Texts(ROWS))
    before = (tmp_path / "train.csv").read_bytes()
    write_data(tmp_path, Texts(ROWS[:20]))
    assert (tmp_path / "train.csv").read_bytes() == before


def test_too_few_messages_for_both_sides_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="label a few more"):
        write_data(tmp_path, Texts([row for row in ROWS if not is_held_out(row[0])]))

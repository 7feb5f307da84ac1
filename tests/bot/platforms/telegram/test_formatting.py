"""Texts, entities and pieces, measured as Telegram measures them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.telegram.formatting import Piece, clipped, keyboard, pieces, under_label, units, with_bar
from workers.core.replies import Choice


def marked(piece: Piece) -> list[str]:
    """What stands where the entities say that code stands."""
    raw = piece.text.encode("utf-16-le")
    return [raw[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le") for e in piece.entities]


def test_backquotes_become_code_at_the_right_place_behind_emoji() -> None:
    piece = clipped("🐞👩‍💻 type `labels add 🐞` or `help`.")
    assert piece.text == "🐞👩‍💻 type labels add 🐞 or help."
    assert marked(piece) == ["labels add 🐞", "help"]
    assert piece.entities[0].offset == 2 + 5 + 6


def test_a_lone_backquote_stays() -> None:
    assert clipped("it`s `fine") == Piece("it`s `fine") or marked(clipped("it`s `fine")) == ["s "]
    assert clipped("it`s fine") == Piece("it`s fine")


PARTS = st.lists(st.sampled_from(["word ", "🐞", "`code 🐞`", "\n", "中文", "`", "👩‍💻 "]), max_size=80).map("".join)


@given(PARTS, st.integers(20, 60))
def test_pieces_fit_lose_nothing_and_keep_their_code(text: str, most: int) -> None:
    whole, parts = clipped(text), pieces(text, most, limit=1000)
    assert all(units(part.text) <= most for part in parts)
    assert "".join("".join(part.text for part in parts).split()) == "".join(whole.text.split())
    code = "".join("".join(span for part in parts for span in marked(part)).split())
    assert code == "".join("".join(marked(whole)).split())
    assert all(entity.length > 0 for part in parts for entity in part.entities)


@given(PARTS, st.integers(20, 60))
def test_one_piece_fits_too(text: str, most: int) -> None:
    piece = clipped(text, most)
    assert units(piece.text) <= most
    assert all(entity.offset + entity.length <= units(piece.text) for entity in piece.entities)


def test_what_is_too_long_for_all_pieces_says_so() -> None:
    made = pieces("word " * 10_000)
    assert len(made) == 5
    assert made[-1].text.endswith("…")


def test_progress_is_a_bar() -> None:
    assert with_bar("Training", None) == "Training"
    assert with_bar("Training", 0.4) == "Training\n▓▓▓▓░░░░░░"
    assert with_bar("Training", 7.0).endswith("▓" * 10)


def test_buttons_stand_in_rows_of_three_if_they_are_short() -> None:
    short = keyboard([Choice(text=f"🐞 {n}", value=str(n + 1)) for n in range(7)])
    assert short is not None
    assert [len(row) for row in short.inline_keyboard] == [3, 3, 1]
    long = keyboard([Choice(text="a label with a long name " * 2, value=str(n + 1)) for n in range(3)])
    assert long is not None
    assert [len(row) for row in long.inline_keyboard] == [1, 1, 1]
    chinese = keyboard([Choice(text="🐞 登录出错了", value=str(n + 1)) for n in range(4)])
    assert chinese is not None
    assert [len(row) for row in chinese.inline_keyboard] == [2, 2], "a Chinese character is as wide as two letters"
    many = keyboard([Choice(text="x", value=str(n + 1)) for n in range(150)])
    assert many is not None
    assert sum(len(row) for row in many.inline_keyboard) == 100
    assert keyboard([]) is None
    assert under_label(None) is None

"""Names of labels in a chat: which can't be one, which look the same, and what may stand in them."""

from __future__ import annotations

import pytest

from tests.workers.chatroom import Chatroom
from workers.commands.label_names import named
from workers.store import labels
from workers.store.database import Database

REFUSED = [
    ("add bug\u200b", "already a label “bug”"),
    ("add \u00a0b\u00adug\u2060", "already a label “bug”"),
    ("add ｂｕｇ 🔥", "already a label “bug”"),
    ("add BUG", "already a label “bug”"),
    ("add \u200b\ufeff", "needs a name"),
    ("add none", "“none” means something else"),
    ("add Skip\u200b", "“Skip” means something else"),
    ("add ALL 🔥", "“ALL” means something else"),
    ("add 都不是", "“都不是” means something else"),
    ("add 🐛", "needs a name"),
    ("add “🐛” 🔥", "🐛 alone would be read as an emoji"),
    ("add 🔥 👍🏽", "👍🏽 alone would be read as an emoji"),
    ("add “:shipit:”", ":shipit: alone would be read as an emoji"),
    ("rename bug -> all", "“all” means something else"),
    ("rename bug -> 🔥", "🔥 alone would be read as an emoji"),
    ("rename bug -> Question\u00a0", "already a label “question”"),
]


@pytest.mark.parametrize(("typed", "said"), REFUSED)
def test_a_name_that_can_not_be_one_is_refused_in_a_sentence(room: Chatroom, typed: str, said: str) -> None:
    with room.database.read() as c:
        before = labels.living(c)
    assert said in room.says(f"labels {typed}")
    with room.database.read() as c:
        assert labels.living(c) == before


NAMES = ["late 🚚 order", "bug🐛", "all good", "مي\u200cخواهم", "🐛🐛", "50% off", "none of it", "cafe\u0301"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_kept_as_it_looks_and_found_by_what_looks_the_same(room: Chatroom, name: str) -> None:
    room.type(f"labels add “{name}\u200b” 🔥")
    with room.database.read() as c:
        label = labels.living(c)[-1]
        assert label.name == name.replace("e\u0301", "é")
        assert named(c, f" {name.upper()}\ufeff") == label
    assert "Remove the label" in room.says(f"labels remove {name.upper()}")


def test_a_name_may_change_its_case(room: Chatroom) -> None:
    assert "now “Bug”" in room.says("labels rename bug -> Bug")


def test_of_names_that_an_older_store_took_for_two_each_is_found_by_its_own_spelling(fresh: Database) -> None:
    with fresh.write() as c:
        first, second = labels.add(c, "bug", "", None, 0), labels.add(c, "bug\u200b", "", None, 0)
        assert second.name == "bug\u200b"
        for spelling, id in (("bug", first.id), ("bug\u200b", second.id), ("BUG", first.id)):
            found = named(c, spelling)
            assert found is not None
            assert found.id == id


QUOTED = [
    ('"late 🚚 order" 🐌 came too late', ("late 🚚 order", "🐌", "came too late")),
    ("“late 🚚 order”", ("late 🚚 order", None, "")),
    ("「送货 🚚」 🐌", ("送货 🚚", "🐌", "")),
    ('"late" order 🐌', ("late", None, "order 🐌")),
    ('"late order 🐌 it is', ('"late order', "🐌", "it is")),
    ('don\'t ship 🐌 "so"', ("don't ship", "🐌", '"so"')),
]


@pytest.mark.parametrize(("typed", "wanted"), QUOTED)
def test_a_name_in_quotes_may_have_an_emoji_in_it(
    room: Chatroom, typed: str, wanted: tuple[str, str | None, str]
) -> None:
    room.type(f"labels add {typed}")
    with room.database.read() as c:
        label = labels.living(c)[-1]
    name, emoji, description = wanted
    assert (label.name, label.description) == (name, description)
    assert label.emoji == emoji or (emoji is None and label.emoji)
    assert name in room.says(f"labels rename “{name}” -> “other 🐌 name”")
    assert "other 🐌 name" in room.says("labels")


WALES = "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"


@pytest.mark.parametrize("emoji", [":收到:", ":спасибо:", ":नमस्ते:", ":ship_it:", WALES])
def test_an_emoji_with_a_name_in_any_script_parts_the_name_from_the_description(room: Chatroom, emoji: str) -> None:
    room.type(f"labels add received {emoji} we got it")
    room.write("1", "Hello")
    room.react("1", emoji)
    with room.database.read() as c:
        label = labels.living(c)[-1]
        assert (label.name, label.emoji, label.description) == ("received", emoji, "we got it")
    assert f"{emoji} received · 1" in room.says("labels")

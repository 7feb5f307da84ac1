"""Slack's names of emoji: those of every locale, of flags, and of what a workspace has made itself."""

from __future__ import annotations

import pytest

from bot.platforms.slack.emoji_names import name_of, neutral_of
from bot.platforms.slack.platform import SlackPlatform
from tests.bot.platforms.slack.conftest import Inbox
from tests.fakes.slack.people import FarPeople
from tests.fakes.slack.server import FarSlack
from tests.fakes.slack.shapes import Trouble
from tests.waiting import moment, soon
from workers.core.emoji import is_emoji, neutral
from workers.core.events import Command

NAMES = [
    ("flag-england", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"),
    ("flag-scotland", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"),
    ("flag-wales", "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"),
    ("flag-sark", "🇨🇶"),
    ("flag-de", "🇩🇪"),
    ("white_check_mark", "✅"),
    ("heavy_check_mark", "✔"),
    ("ballot_box_with_check", "☑"),
    ("negative_squared_cross_mark", "❎"),
    ("shipit", ":shipit:"),
    ("收到", ":收到:"),
    ("ありがとう", ":ありがとう:"),
    ("спасибо", ":спасибо:"),
    ("नमस्ते", ":नमस्ते:"),
]


@pytest.mark.parametrize(("name", "form"), NAMES)
def test_a_name_is_an_emoji_and_back(name: str, form: str) -> None:
    assert neutral_of(name) == form
    assert name_of(form) == name
    assert is_emoji(f":{name}:")
    assert is_emoji(form)
    assert neutral_of(f"{name}::skin-tone-3") == form


OTHERS = [
    ("white_tick", "✅"),
    ("heavy_tick", "✔"),
    ("ballot_box_with_tick", "☑"),
    ("negative_squared_tick", "❎"),
    ("thumbsup", "👍"),
    ("+1", "👍"),
    ("flag-cq", "🇨🇶"),
    ("handshake::skin-tone-2-5", "🤝"),
    ("+1::skin-tone-2::skin-tone-5", "👍"),
    ("Shipit", ":shipit:"),
]


@pytest.mark.parametrize(("name", "form"), OTHERS)
def test_what_else_an_emoji_is_called_is_understood(name: str, form: str) -> None:
    assert neutral_of(name) == form


def test_a_name_is_one_however_its_letters_are_put_together() -> None:
    assert neutral(":cafe\u0301:") == neutral(":café:") == ":café:"


@pytest.mark.parametrize("word", ["bug", "::", ":a b:", ":，:", ":🐞:", "note:this:", ":https://x.org:", ":a:b:"])
def test_what_only_looks_like_one_is_none(word: str) -> None:
    assert not is_emoji(word)


# ── what a workspace has ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("typed", ["labels add done :weißes_häkchen: finished", "labels emoji bug :收到:"])
@pytest.mark.parametrize("way", ["slash", "mention", "dm"])
async def test_who_gives_a_label_an_emoji_that_nobody_has_is_told_so_at_once(
    far: FarSlack, people: FarPeople, platform: SlackPlatform, inbox: Inbox, typed: str, way: str
) -> None:
    if way == "slash":
        await people.slash(typed)
    else:
        await people.say("U1", typed if way == "dm" else f"<@UBOT> {typed}", "D1" if way == "dm" else "C1")
    name = typed.split()[3]
    await soon(lambda: [name in text for text in told(far)] == [True])
    assert "Slack has no emoji" in told(far)[0]
    assert len([event for event in inbox.events if isinstance(event, Command)]) == 1


def told(far: FarSlack) -> list[str]:
    return [
        str(call["text"]) for method in ("chat.postEphemeral", "chat.postMessage") for call in far.web.called(method)
    ]


async def test_what_there_is_is_not_talked_about(far: FarSlack, people: FarPeople, platform: SlackPlatform) -> None:
    far.web.emoji = {"收到": "https://x.org/1.png", "shipit": "alias:squirrel"}
    for text in ("labels add a :收到: x", "labels add b :shipit:", "labels add c :white_tick: at 10:30:15", "labels"):
        await people.slash(text)
    await soon(lambda: far.web.called("emoji.list"))
    await moment()
    assert told(far) == []


async def test_where_slack_does_not_say_what_there_is_nothing_is_claimed(
    far: FarSlack, people: FarPeople, platform: SlackPlatform
) -> None:
    far.web.fail("emoji.list", Trouble("missing_scope", needed="emoji:read"))
    await people.slash("labels add a :nowhere:")
    await soon(lambda: far.web.called("emoji.list"))
    await moment()
    assert told(far) == []
    await people.slash("labels add b :nowhere:")
    await soon(lambda: told(far))

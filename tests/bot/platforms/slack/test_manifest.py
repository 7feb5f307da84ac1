"""The manifest asks for exactly what is used: compared with the code's table, and with what a walk really uses."""

from __future__ import annotations

import pytest

from bot.platforms.base import Refused
from bot.platforms.slack.doctor import examine
from bot.platforms.slack.events import SLASHES
from bot.platforms.slack.platform import SlackPlatform
from bot.platforms.slack.scopes import BOT_SCOPES, EVENTS, USES
from bot.platforms.slack.surfaces import LABEL_THIS
from tests.bot.platforms.slack.conftest import Inbox, settings
from tests.fakes.slack import payloads
from tests.fakes.slack.people import EVENT_SCOPES, FarPeople
from tests.fakes.slack.server import FarSlack, manifest, scopes
from tests.fakes.slack.web_api import SCOPES, Channel
from tests.waiting import soon
from workers.core.events import ChatRef, MessageRef
from workers.core.replies import Document, EditPost, Post, React

HERE = ChatRef(platform="slack", workspace="T1", chat_id="C1")


def test_the_manifest_asks_for_the_scopes_and_events_of_the_code() -> None:
    assert scopes() == BOT_SCOPES
    assert set(manifest()["settings"]["event_subscriptions"]["bot_events"]) == EVENTS


def test_the_manifest_names_our_commands_and_our_shortcut() -> None:
    features = manifest()["features"]
    assert {command["command"] for command in features["slash_commands"]} == set(SLASHES)
    (shortcut,) = features["shortcuts"]
    assert (shortcut["type"], shortcut["callback_id"]) == ("message", LABEL_THIS)
    assert len(shortcut["name"]) <= 24
    assert all(command["should_escape"] for command in features["slash_commands"])


def test_the_table_says_of_each_scope_what_slack_says_of_it() -> None:
    for scope, uses in USES.items():
        for use in uses:
            kind, _, name = use.rpartition(" ")
            if kind == "event":
                assert scope in EVENT_SCOPES[name]
            elif not kind:
                assert scope in SCOPES[name]


async def walk(far: FarSlack, people: FarPeople, platform: SlackPlatform) -> None:
    """Everything that the bot can hear and do, once."""
    far.web.channels["C9"] = Channel("C9", {"UBOT", "U2"})
    for channel in ("C1", "G1"):
        await people.invite(channel)
        ts = await people.say("U2", "The board crashes", channel)
        await people.react("U2", ts, "ladybug", True, channel)
        await people.react("U2", ts, "ladybug", False, channel)
    await people.say("U2", "Hello", "C9", channel_type="mpim")
    await people.say("U1", "help", "D1")
    await people.say("U1", "<@UBOT> help")
    await people.slash("help")
    await people.slash("labels add deploy :shipit:")
    await soon(lambda: far.web.called("emoji.list") and far.web.whispers)
    ref = MessageRef(**HERE.model_dump(), message_id=await people.say("U2", "It works"))
    name = await platform.send(React(ref=ref, emoji="🐞"), "k", None)
    await platform.send(React(ref=ref, emoji=None), "k", name)
    post = await platform.send(Post(chat=HERE, text="hi"), "k", None)
    await platform.send(EditPost(chat=HERE, post="k", text="ho"), "k", post)
    await platform.send(Document(chat=HERE, filename="a.txt", content="a"), "k", None)
    await platform.send(Document(chat=HERE, filename="a.txt", content="a", to="U2"), "k", None)
    await people.emit(payloads.home_opened())
    await soon(lambda: "U1" in far.web.views)
    for channel in ("C1", "G1"):
        assert all(finding.ok for finding in await examine(settings(far), [], channel))
        await people.emit(payloads.left(channel))
    for event in ("tokens_revoked", "app_uninstalled"):
        await people.emit({"type": event, "tokens": {"oauth": [], "bot": ["UBOT"]}})


async def test_a_walk_through_everything_uses_all_that_is_asked_for_and_no_more(
    far: FarSlack, people: FarPeople, platform: SlackPlatform, inbox: Inbox
):
    await walk(far, people, platform)
    assert far.web.used_scopes == scopes()
    assert people.used_events == far.subscribed


@pytest.mark.parametrize("scope", sorted(BOT_SCOPES - {"commands", "users:read"}))
async def test_without_any_one_of_them_something_does_not_work(
    scope: str, far: FarSlack, people: FarPeople, platform: SlackPlatform, inbox: Inbox
):
    far.team.scopes.discard(scope)
    with pytest.raises((AssertionError, Refused)):
        await walk(far, people, platform)

"""Documented payloads to our events: tables, no network."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from bot.platforms.slack import events
from bot.platforms.slack.events import event_of
from bot.platforms.slack.formatting import readable, text_of
from bot.platforms.slack.workspaces import Workspace, workspace_of
from tests.bot.platforms.slack import payloads
from workers.core.events import Button, Command, Delete, Edit, Event, Message, Presence, Reaction

MINE = Workspace("T1", "Acme", "UBOT", "BBOT", SecretStr("xoxb-canary"))
NAMES = {"U1": "Uma", "U2": "Bob"}


def heard(event: payloads.Payload) -> Event | None:
    return event_of(payloads.event_callback(event), MINE, lambda user: NAMES.get(user, user))


MESSAGES: list[tuple[str, payloads.Payload, dict[str, Any]]] = [
    ("in a public channel", payloads.message("hi"), {"text": "hi", "reply_to": None, "bot": False}),
    ("in a private channel", payloads.message("hi", channel="G1"), {"text": "hi"}),
    ("in a group chat", payloads.message("hi", channel="C9", channel_type="mpim"), {"text": "hi"}),
    ("in a thread", payloads.message("hi", thread_ts="1600000000.000001"), {"reply_to": "1600000000.000001"}),
    ("that began a thread", payloads.message("hi", thread_ts="1700000000.000100"), {"reply_to": None}),
    (
        "in a thread, shown in the channel too",
        payloads.message("hi", thread_ts="1600000000.000001", subtype="thread_broadcast", root={"text": "first"}),
        {"text": "hi", "reply_to": "1600000000.000001"},
    ),
    ("with a file", payloads.message("see this", subtype="file_share", files=[{"id": "F1"}]), {"text": "see this"}),
    ("by a program", payloads.bot_message("Disk full"), {"text": "Disk full", "bot": True}),
    (
        "by a program, in an attachment only",
        payloads.bot_message("", attachments=[{"fallback": "x", "title": "Disk", "text": "full &amp; hot"}]),
        {"text": "Disk\nfull & hot", "bot": True},
    ),
    (
        "by a program, in blocks only",
        payloads.bot_message("", blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "Disk full"}}]),
        {"text": "Disk full"},
    ),
    ("that names us further on", payloads.message("ask <@UBOT> about it"), {"text": "ask @UBOT about it"}),
]


@pytest.mark.parametrize(("what", "event", "wanted"), MESSAGES, ids=[row[0] for row in MESSAGES])
def test_a_message(what: str, event: payloads.Payload, wanted: dict[str, Any]) -> None:
    message = heard(event)
    assert isinstance(message, Message)
    assert {name: getattr(message, name) for name in wanted} == wanted
    assert message.ref.message_id == event["ts"]
    assert message.at == float(event["ts"])


NOTHING: list[tuple[str, payloads.Payload]] = [
    ("our own message", payloads.message("hi", user="UBOT", bot_id="BBOT")),
    ("our own message by bot id alone", payloads.bot_message("hi", bot_id="BBOT")),
    ("a message without words", payloads.message("", subtype="file_share", files=[{"id": "F1"}])),
    ("somebody joined", payloads.message("<@U2> has joined", subtype="channel_join")),
    ("a new topic", payloads.message("set the topic", subtype="channel_topic")),
    ("a mention, which comes as app_mention too", payloads.message("<@UBOT> retrain")),
    ("a mention of us by a program", payloads.mention("<@UBOT> retrain", bot_id="B7")),
    ("a mention further on, which comes as message too", payloads.mention("ask <@UBOT> about it")),
    ("a program in a DM", payloads.message("retrain", channel="D1", bot_id="B7")),
    ("an unfurled link", payloads.changed("see <https://x.org>", "see <https://x.org>", hidden=True)),
    ("our own edit", payloads.changed("a", "b", message={"user": "UBOT", "text": "b", "ts": "1.0"})),
    ("our own message deleted", payloads.deleted(previous_message={"user": "UBOT", "ts": "1.0"})),
    ("our own reaction", payloads.reaction("bug", user="UBOT")),
    ("a reaction to a file", payloads.reaction("bug") | {"item": {"type": "file", "file": "F1"}}),
    ("a reaction by another company", payloads.reaction("bug", user_team="T9")),
    ("somebody else came in", payloads.joined("U2")),
    ("something that we do not listen to", {"type": "channel_archive", "channel": "C1", "event_ts": "1.0"}),
]


@pytest.mark.parametrize(("what", "event"), NOTHING, ids=[row[0] for row in NOTHING])
def test_what_means_nothing_to_us(what: str, event: payloads.Payload) -> None:
    assert heard(event) is None


def test_the_name_comes_from_the_event_or_is_what_was_known() -> None:
    known = heard(payloads.message("hi", user="U2"))
    told = heard(payloads.message("hi", user="U2", user_profile={"display_name": "Bobby", "real_name": "Bob B"}))
    program = heard(payloads.bot_message("hi"))
    assert isinstance(known, Message)
    assert isinstance(told, Message)
    assert isinstance(program, Message)
    assert [known.author.name, told.author.name, program.author.name] == ["Bob", "Bobby", "Alerts"]
    assert program.author.id == "B7"


def test_an_edit_that_changed_the_text() -> None:
    edit = heard(payloads.changed("The bord", "The board"))
    assert isinstance(edit, Edit)
    assert (edit.text, edit.ref.message_id, edit.at) == ("The board", "1700000000.000100", 1700000050.0003)


def test_an_edit_whose_former_text_is_not_said_counts() -> None:
    assert isinstance(heard(payloads.changed(None, "The board")), Edit)


def test_a_deleted_message() -> None:
    delete = heard(payloads.deleted())
    assert isinstance(delete, Delete)
    assert (delete.ref.message_id, delete.at) == ("1700000000.000100", 1700000060.0004)


def test_a_deleted_message_with_a_thread_leaves_a_tombstone() -> None:
    grave = {"type": "message", "subtype": "tombstone", "text": "This message was deleted.", "ts": "1700000000.000100"}
    assert isinstance(heard(payloads.changed("before", "", message=grave)), Delete)


EMOJI = [("ladybug", "🐞"), ("+1::skin-tone-4", "👍"), ("thumbsup", "👍"), ("flag-de", "🇩🇪"), ("shipit", ":shipit:")]


@pytest.mark.parametrize(("name", "form"), EMOJI)
@pytest.mark.parametrize("added", [True, False])
def test_a_reaction(name: str, form: str, added: bool) -> None:
    event = payloads.reaction(name, added)
    del event["item_user"]  # it may be missing
    reaction = heard(event)
    assert isinstance(reaction, Reaction)
    assert (reaction.emoji, reaction.added, reaction.annotator.name) == (form, added, "Bob")
    assert (reaction.ref.chat_id, reaction.ref.message_id) == ("C1", "1700000000.000100")


@pytest.mark.parametrize("team", ["T1", "E1", None])
def test_a_reaction_of_this_company_counts(team: str | None) -> None:
    assert isinstance(heard(payloads.reaction("bug", user_team=team)), Reaction)


def test_a_mention_is_a_verb_that_is_answered_in_its_thread() -> None:
    command = heard(payloads.mention("<@UBOT>, labels add bug :ladybug: it &lt;breaks&gt;"))
    assert isinstance(command, Command)
    assert command.text == "labels add bug 🐞 it <breaks>"
    assert (command.thread, command.reply_to, command.private) == ("1700000000.000600", None, False)


def test_a_mention_in_a_thread_is_about_its_first_message() -> None:
    command = heard(payloads.mention("<@UBOT> label bug", thread_ts="1600000000.000001"))
    assert isinstance(command, Command)
    assert command.reply_to is not None
    assert (command.thread, command.reply_to.message_id) == ("1600000000.000001", "1600000000.000001")


@pytest.mark.parametrize("text", ["retrain lora", "<@UBOT> retrain lora", "<@UBOT|backchannel>: retrain lora"])
def test_words_to_the_bot_alone_are_verbs(text: str) -> None:
    command = heard(payloads.message(text, user="U1", channel="D1"))
    assert isinstance(command, Command)
    assert (command.text, command.private, command.thread) == ("retrain lora", True, None)


def test_the_bot_came_in_once_however_often_it_was_invited() -> None:
    first, second = heard(payloads.joined()), heard(payloads.joined(event_ts="1800000000.0"))
    assert isinstance(first, Presence)
    assert isinstance(second, Presence)
    assert first.state == "joined"
    assert first.key == second.key


@pytest.mark.parametrize("channel", ["C1", "G1"])
def test_the_bot_was_put_out(channel: str) -> None:
    presence = heard(payloads.left(channel))
    assert isinstance(presence, Presence)
    assert (presence.state, presence.chat.chat_id) == ("left", channel)


SLASHES = [
    ("/backchannel", "labels", "labels"),
    ("/backchannel", "", "help"),
    ("/retrain", "", "retrain"),
    ("/retrain", "lora", "retrain lora"),
    ("/backchannel", "forget <@U2|bob>", "forget @U2"),
]


@pytest.mark.parametrize(("slash", "typed", "text"), SLASHES)
def test_a_slash_command(slash: str, typed: str, text: str) -> None:
    payload = payloads.slash(typed, slash)
    command = events.slash_command_of(payload, MINE)
    assert (command.text, command.chat.chat_id, command.caller.id, command.private) == (text, "C1", "U1", False)
    assert command.key == events.slash_command_of(payload, MINE).key
    assert events.slash_command_of(payloads.slash(typed, slash, channel="D1"), MINE).private


def test_a_button() -> None:
    button = events.button_of(payloads.press("l:3", "1700000000.000900"), MINE)
    assert isinstance(button, Button)
    assert (button.value, button.ref.message_id, button.presser.name) == ("l:3", "1700000000.000900", "name-u2")


def test_a_button_of_the_home_is_a_verb_in_the_dm() -> None:
    command = events.home_command_of(payloads.press_home("rollback"), MINE)
    assert isinstance(command, Command)
    assert (command.text, command.chat.chat_id, command.private) == ("rollback", "D1", True)


def test_whose_workspace_a_payload_is_for() -> None:
    shared = payloads.event_callback(payloads.message("hi"), team="T9")
    shared["authorizations"] = [{"team_id": "T1"}]
    assert workspace_of(shared) == "T1"
    assert workspace_of(payloads.slash("help")) == "T1"
    assert workspace_of(payloads.press("x", "1.0")) == "T1"
    guest = payloads.submission({"id": "V1"}, "bug")
    guest["team"] = {"id": "T9"}
    assert workspace_of(guest) == "T1"
    assert workspace_of({}) == ""


TEXTS = [
    ("plain", "plain"),
    ("a &amp; b &lt;c&gt;", "a & b <c>"),
    ("<https://x.org/a?b=1&amp;c=2>", "https://x.org/a?b=1&c=2"),
    ("<https://x.org|the page>", "the page"),
    ("<mailto:a@b.org|a@b.org> <tel:123|123>", "a@b.org 123"),
    ("<@U2|bob> <@U3> in <#C1|general> <#C2|>", "@bob @U3 in #general #C2"),
    ("<!here> <!subteam^S1|@ops> <!date^1^{date}|today>", "@here @ops today"),
    (":ladybug: :+1::skin-tone-3: :shipit: 10:30:15", "🐞 👍 :shipit: 10:30:15"),
    ("&amp;lt;", "&lt;"),
]


@pytest.mark.parametrize(("raw", "wanted"), TEXTS)
def test_text_as_people_read_it(raw: str, wanted: str) -> None:
    assert readable(raw) == wanted


def test_a_text_goes_before_what_is_attached() -> None:
    assert text_of({"text": "said", "attachments": [{"text": "unfurled"}]}) == "said"

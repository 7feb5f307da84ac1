"""Documented payloads to our events, without a network: `tests/fixtures/slack` has the recordings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from bot.platforms.slack import events
from bot.platforms.slack.events import event_of
from bot.platforms.slack.formatting import readable
from bot.platforms.slack.workspaces import Workspace, workspace_of
from tests.fakes.slack import payloads
from tests.fixtures import events_of, recordings
from workers.core.events import Command, Delete, Edit, Event, Message, Person, Presence, Reaction

MINE = Workspace("T1", "Acme", "UBOT", "BBOT", SecretStr("xoxb-canary"))
NAMES = {"U1": "Uma", "U2": "Bob"}


def heard(event: payloads.Payload) -> Event | None:
    return event_of(payloads.event_callback(event), MINE, lambda user: NAMES.get(user, user))


READERS: dict[str, Callable[[payloads.Payload], Event | None]] = {
    "events_api": lambda payload: event_of(payload, MINE, lambda user: NAMES.get(user, user)),
    "slash_commands": lambda payload: events.slash_command_of(payload, MINE).model_copy(update={"at": 0.0}),
    "interactive": lambda payload: events.button_of(payload, MINE) or events.home_command_of(payload, MINE),
}
"""By the types of Socket Mode's envelopes. A slash command has no time of its own."""


@pytest.mark.parametrize("recording", recordings("slack"))
def test_a_recorded_payload_becomes_its_event(recording: dict[str, Any]) -> None:
    event = READERS[recording["type"]](recording["payload"])
    assert ([event] if event else []) == events_of(recording)


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


@pytest.mark.parametrize("text", ["retrain lora", "<@UBOT> retrain lora", "<@UBOT|backchannel>: retrain lora"])
def test_words_to_the_bot_alone_are_verbs(text: str) -> None:
    command = heard(payloads.message(text, user="U1", channel="D1"))
    assert isinstance(command, Command)
    assert (command.text, command.private, command.thread) == ("retrain lora", True, None)


NAMED = [
    ({"user_profile": {"display_name": "uma", "real_name": "Uma Lee"}, "username": "u"}, "uma"),
    ({"user_profile": {"display_name": "", "real_name": "Uma Lee"}, "username": "u"}, "Uma Lee"),
    ({"user_profile": {}, "username": "u"}, "u"),
    ({}, "Bob"),
    ({"user": "U9"}, "U9"),
]


@pytest.mark.parametrize(("more", "name"), NAMED)
def test_whoever_writes_has_the_name_that_the_message_shows(more: payloads.Payload, name: str) -> None:
    message = heard({**payloads.message("hi"), **more})
    assert isinstance(message, Message)
    assert (message.author.id, message.author.name) == (more.get("user", "U2"), name)


PROGRAMS = [
    ({"username": "Deploy", "bot_profile": {"name": "Alerts"}}, "Deploy"),
    ({"bot_profile": {"name": "Alerts"}}, "Alerts"),
    ({"bot_profile": {}}, "B7"),
    ({"bot_profile": None}, "B7"),
]


@pytest.mark.parametrize(("more", "name"), PROGRAMS)
def test_a_program_has_the_name_under_which_it_spoke(more: payloads.Payload, name: str) -> None:
    message = heard({**payloads.bot_message("down"), **more})
    assert isinstance(message, Message)
    assert (message.author, message.bot) == (Person(id="B7", name=name), True)


MEANT_FOR_NOBODY = [
    payloads.changed("before", "before"),
    payloads.changed("before", "before", channel="D1", channel_type="im"),
    payloads.changed("before", "after", channel="D1", channel_type="im", event_ts="1700000060.000200"),
    payloads.changed("before", "after", message={**payloads.message("after"), "user": "UBOT"}),
    payloads.changed("before", "after", message={**payloads.message("after"), "subtype": "channel_topic"}),
    payloads.deleted(previous_message={**payloads.message("gone"), "user": "UBOT"}),
    payloads.deleted(previous_message={**payloads.bot_message("gone"), "bot_id": "BBOT"}),
]


@pytest.mark.parametrize("event", MEANT_FOR_NOBODY)
def test_an_edit_that_says_nothing_new_of_anybody_else_is_none(event: payloads.Payload) -> None:
    assert heard(event) is None


def test_edits_and_deletions_by_others_are_told_with_their_own_time() -> None:
    edit, unknown = heard(payloads.changed("before", "after")), heard(payloads.changed(None, "after"))
    assert isinstance(edit, Edit)
    assert (edit.at, edit.ref.message_id, edit.text, edit.bot) == (1700000050.0003, "1700000000.000100", "after", False)
    assert isinstance(unknown, Edit), "without the text before nobody knows that it is the same"
    program = heard(payloads.changed("before", "after", message=payloads.bot_message("after")))
    assert isinstance(program, Edit)
    assert program.bot
    for more in ({}, {"previous_message": None}):
        gone = heard(payloads.deleted(**more))
        assert isinstance(gone, Delete)
        assert (gone.at, gone.ref.message_id) == (1700000060.0004, "1700000000.000100")


def test_a_name_of_ours_further_on_in_a_command_stays_and_ids_are_kept() -> None:
    command = heard(payloads.mention("<@UBOT> <@UBOT|backchannel>: forget <@U2|bob>", thread_ts="1699999999.000100"))
    assert isinstance(command, Command)
    assert command.text == "@UBOT: forget @U2"
    assert (command.thread, command.private) == ("1699999999.000100", False)
    assert command.reply_to is not None
    assert command.reply_to.message_id == "1699999999.000100"


def test_a_mention_that_begins_a_thread_is_answered_in_it_and_is_about_nothing() -> None:
    for more in ({}, {"thread_ts": "1700000000.000600"}):
        command = heard(payloads.mention("<@UBOT> help", **more))
        assert isinstance(command, Command)
        assert (command.reply_to, command.thread) == (None, "new:1700000000.000600")


def test_each_time_that_the_bot_is_invited_it_comes_in() -> None:
    first, second = heard(payloads.joined()), heard(payloads.joined(event_ts="1800000000.0"))
    assert isinstance(first, Presence)
    assert isinstance(second, Presence)
    assert first.state == "joined"
    assert first.key != second.key


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


# ── edits and verbs ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("before", "after"), [("secret", ""), ("secret", "<@UBOT> labels"), (None, "<@UBOT> labels")])
def test_a_text_that_is_taken_away_or_became_a_verb_is_no_text(before: str | None, after: str) -> None:
    event = heard(payloads.changed(before, after))
    assert isinstance(event, Edit)
    assert event.text == ""


def test_an_edited_verb_was_never_a_message() -> None:
    assert heard(payloads.changed("<@UBOT> lables", "<@UBOT> labels")) is None


@pytest.mark.parametrize(("after", "runs"), [("1700000060.000000", True), ("1700000061.000000", False)])
def test_a_verb_may_be_corrected_within_a_minute(after: str, runs: bool) -> None:
    """Slack sends the mention once more, however late it was edited."""
    mention = payloads.mention("<@UBOT> labels", edited={"user": "U1", "ts": after}, ts="1700000000.000100")
    command = heard(mention)
    assert isinstance(command, Command) == runs
    in_dm = payloads.changed("lables", "labels", channel="D1", channel_type="im", event_ts=after)
    command = heard(in_dm)
    assert isinstance(command, Command) == runs
    if isinstance(command, Command):
        assert (command.text, command.private, command.chat.chat_id, command.caller.id) == ("labels", True, "D1", "U2")


def test_a_preview_that_changes_a_verb_in_a_dm_runs_nothing() -> None:
    assert heard(payloads.changed("labels", "labels", channel="D1", channel_type="im")) is None
    assert heard(payloads.changed(None, "labels", channel="D1", channel_type="im")) is None


def test_words_of_slack_about_a_canvas_are_no_verb() -> None:
    words = "<@UBOT> was mentioned in a canvas"
    assert heard(payloads.mention(words, subtype="document_mention", document_mention={"file_id": "F1"})) is None


@pytest.mark.parametrize("subtype", ["slack_audio", "reply_broadcast", "file_comment", "me_message"])
def test_every_kind_of_message_that_somebody_wrote_is_one(subtype: str) -> None:
    message = payloads.message("too dark", subtype=subtype)
    if subtype == "file_comment":
        message |= {"user": None, "comment": {"user": "U2", "comment": "too dark"}, "text": "<@U2> commented: too dark"}
    event = heard(message)
    assert isinstance(event, Message)
    assert (event.text, event.author.id) == ("too dark", "U2")

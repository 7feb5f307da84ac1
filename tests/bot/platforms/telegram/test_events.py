"""Updates as the Bot API documents them -> our events."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.telegram import updates
from bot.platforms.telegram.events import BotAccount, Context, events
from bot.platforms.telegram.updates import ASKED_FOR
from tests.fakes.telegram.world import ANA, BO, BOT, CHANNEL, GROUP, OTHER_BOT, Json, World, user
from tests.fixtures import events_of, recordings
from workers.core.events import (
    Button,
    ChatRef,
    Command,
    Edit,
    Event,
    Message,
    MessageRef,
    Moved,
    Person,
    Presence,
    Reaction,
)

ME = BotAccount(BOT["id"], BOT["username"])
CHAT = ChatRef(platform="telegram", workspace="-1001", chat_id="-1001")
TOPIC = ChatRef(platform="telegram", workspace="-1002", chat_id="-1002:7")
LEE = Person(id="11", name="Ana Lee")


def world() -> World:
    return World(allowed=set(ASKED_FOR))


def read(update: Json | None, topic: int | None = None, said: Any = frozenset()) -> list[Event]:
    assert update is not None
    known = updates.read(update)
    return [] if known is None else events(known, Context(ME, 99.5, topic, said))


def heard(far: World) -> list[Event]:
    """What the last update says."""
    return read(far.last)


def ref(message: Json, chat: ChatRef = CHAT) -> MessageRef:
    return MessageRef(**chat.model_dump(), message_id=str(message["message_id"]))


@pytest.mark.parametrize("recording", recordings("telegram"))
def test_a_recorded_update_becomes_its_events(recording: dict[str, Any]) -> None:
    """`topic`: where somebody else knows the message to stand; `said`: what the bot has posted itself."""
    said = {(chat, message) for chat, message in recording.get("said", [])}
    assert read(recording["payload"], recording.get("topic"), said) == events_of(recording)


# ── commands ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/retrain", "retrain"),
        ("/retrain@backchannel_bot lora", "retrain lora"),
        ("/Retrain@BACKCHANNEL_BOT lora", "retrain lora"),
        ("/labels add bug 🐞 it broke", "labels add bug 🐞 it broke"),
        ("/labels\nadd bug", "labels add bug"),
        ("/start", "help"),
        ("/start deeplink", "help"),
        ("/nonsense x", "nonsense x"),
    ],
)
def test_commands_are_read(text: str, line: str) -> None:
    far = world()
    message = far.say(ANA, text)
    [command] = heard(far)
    assert command == Command(
        key=command.key,
        at=float(message["date"]),
        sequence=1000,
        chat=CHAT,
        caller=LEE,
        text=line,
        thread=str(message["message_id"]),
    )


@pytest.mark.parametrize("text", ["/etc/hosts is broken", "/ what", "see /retrain", "/2x@", "//"])
def test_what_only_looks_like_a_command_is_a_message(text: str) -> None:
    far = world()
    far.say(ANA, text)
    [event] = heard(far)
    assert isinstance(event, Message)


def test_in_ones_own_chat_with_the_bot_every_text_is_a_verb() -> None:
    far = world()
    far.private(ANA)
    for text in ("/help", "help"):
        far.say(ANA, text, ANA["id"])
        [command] = heard(far)
        assert isinstance(command, Command)
        assert (command.text, command.private, command.chat.workspace) == ("help", True, "11")


# ── commands and edits ──────────────────────────────────────────────────────────────────────────────


def edited(far: World, message: Json, text: str | None, after: float = 5) -> list[Event]:
    """What an edit says that comes so many seconds after its message."""
    chat = message["chat"]["id"]
    far.edit(message["message_id"], text or "", chat)
    assert far.last
    [content] = [value for name, value in far.last.items() if name != "update_id"]
    content["edit_date"] = message["date"] + after
    if text is None:
        del content["text"]
    return heard(far)


@pytest.mark.parametrize(("after", "runs"), [(0, True), (60, True), (61, False), (90_000, False)])
@pytest.mark.parametrize("private", [True, False])
def test_a_command_may_be_corrected_within_a_minute(after: float, runs: bool, private: bool) -> None:
    far = world()
    far.private(ANA)
    typed = far.say(ANA, "/lables add bug", ANA["id"] if private else GROUP)
    wrong = heard(far)
    events = edited(far, typed, "/labels add bug", after)
    commands = [event for event in events if isinstance(event, Command)]
    assert [command.text for command in commands] == (["labels add bug"] if runs else [])
    assert [event.text for event in events if isinstance(event, Edit)] == ([] if private else [""])
    assert not runs or commands[0].key != wrong[0].key


def test_what_was_run_already_is_not_run_again_when_nothing_but_a_reaction_changed_it() -> None:
    """Telegram tells of an edit then, too: the key is the same, by which intake knows it."""
    far = world()
    typed = far.say(ANA, "/retrain")
    [first] = heard(far)
    [_, again] = edited(far, typed, "/retrain")
    assert isinstance(again, Command)
    assert again.key == first.key
    other = far.say(ANA, "/retrain")
    [second] = heard(far)
    assert second.key != first.key
    assert edited(far, other, "/retrain full")[1].key != second.key


def test_a_message_edited_into_a_command_is_no_message_and_takes_along_what_it_is_about() -> None:
    far = world()
    before = far.message(GROUP, BO, "written before the bot came")
    typed = far.say(ANA, "label bug", to=before["message_id"])
    gone, about, command = edited(far, typed, "/label bug")
    assert isinstance(gone, Edit)
    assert isinstance(about, Message)
    assert isinstance(command, Command)
    assert (gone.ref, gone.text) == (ref(typed), "")
    assert (about.ref, command.reply_to, command.text) == (ref(before), ref(before), "label bug")
    [gone] = edited(far, typed, "/label@some_other_bot bug")
    assert isinstance(gone, Edit)
    assert gone.text == ""


def test_a_text_that_is_taken_away_is_an_edit() -> None:
    far = world()
    [event] = edited(far, far.say(ANA, "my password"), None)
    assert isinstance(event, Edit)
    assert event.text == ""


def test_what_another_bot_edits_is_no_command() -> None:
    far = world()
    [event] = edited(far, far.say(OTHER_BOT, "/status ok"), "/status bad")
    assert isinstance(event, Edit)
    assert (event.text, event.bot) == ("/status bad", True)


# ── edits, reactions, buttons ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ([], ["👍"], [("👍", True)]),
        (["👍"], [], [("👍", False)]),
        (["👍", "🔥"], ["🔥", "🎉"], [("👍", False), ("🎉", True)]),
        (["❤️"], ["❤"], []),
        ([], [{"type": "custom_emoji", "custom_emoji_id": "5368"}], [(":custom_5368:", True)]),
        ([], [{"type": "paid"}], []),
        (["👍", {"type": "paid"}], ["👍"], []),
    ],
)
def test_only_what_changed_is_told(before: list[Any], after: list[Any], changes: list[tuple[str, bool]]) -> None:
    far = world()
    id = far.say(ANA, "look")["message_id"]
    far.react(BO, id, *before)
    found = read(far.react(BO, id, *after))
    told = [(event.emoji, event.added) for event in found if isinstance(event, Reaction)]
    assert told == changes
    assert len({event.key for event in found}) == len(found)


EMOJI = st.lists(st.sampled_from(["👍", "👎", "❤", "❤️", "🔥", "🤷‍♂", "🤷"]), max_size=4)


@given(st.lists(st.tuples(st.sampled_from([11, 12, 13]), EMOJI), max_size=12))
def test_any_row_of_lists_ends_in_the_last_list_of_each_person(lists: list[tuple[int, list[str]]]) -> None:
    far = world()
    id = far.say(ANA, "look")["message_id"]
    people = {11: ANA, 12: BO, 13: user(13, "Eve")}
    held: dict[str, set[str]] = {}
    last: dict[str, set[str]] = {}
    for number, emoji in lists:
        for event in read(far.react(people[number], id, *emoji)):
            assert isinstance(event, Reaction)
            mine = held.setdefault(event.annotator.id, set())
            assert (event.emoji in mine) != event.added, "nothing is added twice, or taken away twice"
            mine.symmetric_difference_update({event.emoji})
        last[str(number)] = {each.replace("\ufe0f", "") for each in emoji}
    assert {who: kept for who, kept in held.items() if kept} == {who: kept for who, kept in last.items() if kept}


def test_an_edit_tells_the_new_words_of_a_text_or_a_caption() -> None:
    far = world()
    id = far.say(ANA, "before")["message_id"]
    for changed in ({"text": "after"}, {"text": None, "caption": "after"}):
        [event] = read(changed_to(far, id, **changed))
        assert isinstance(event, Edit)
        assert (event.text, event.ref.message_id, event.at, event.bot) == ("after", str(id), 1700000099.0, False)
    [undated] = read(changed_to(far, id, text="after", edit_date=None))
    assert undated.at == 99.5, "when we heard of it"


def test_what_the_bot_itself_edits_is_nothing() -> None:
    far = world()
    assert read(changed_to(far, far.say(ANA, "before")["message_id"], **{"from": BOT})) == []


def changed_to(far: World, id: int, **changed: Any) -> Json:
    """An update in which this message is as `changed` says."""
    message = {**far.messages[GROUP, id], "edit_date": 1700000099, **changed}
    return {"update_id": 7, "edited_message": {name: part for name, part in message.items() if part is not None}}


def pressed(**more: Any) -> Json:
    far = world()
    message = far.say(ANA, "look")
    query = {"id": "1", "from": BO, "chat_instance": "2", "message": message, "data": "1:bug", **more}
    return {"update_id": 8, "callback_query": {name: part for name, part in query.items() if part is not None}}


def test_a_press_needs_a_message_and_a_value() -> None:
    [button] = read(pressed())
    assert isinstance(button, Button)
    assert (button.value, button.presser.id, button.private, button.at) == ("1:bug", "12", False, 99.5)
    assert read(pressed(data=None)) == read(pressed(data="")) == read(pressed(message=None)) == []
    assert read(pressed(message=None, data=None)) == []


# ── the bot's own place ─────────────────────────────────────────────────────────────────────────────

PLACES = ("left", "kicked", "member", "administrator", "restricted")


@pytest.mark.parametrize(("old", "new"), list(itertools.product(PLACES, PLACES)))
def test_coming_going_and_changing_are_told(old: str, new: str) -> None:
    far = world()
    far.status[GROUP, BOT["id"]] = old
    far.become(new)
    found = heard(far)
    out = ("left", "kicked")
    if old in out and new in out:
        assert found == []
        return
    [event] = found
    assert isinstance(event, Presence)
    assert event.state == ("joined" if old in out else "left" if new in out else "changed")
    assert event.sees_reactions == (new == "administrator")


def test_nobody_sees_who_reacts_in_a_channel() -> None:
    far = world()
    far.status[CHANNEL, BOT["id"]] = "left"
    far.become("administrator", CHANNEL)
    [event] = heard(far)
    assert isinstance(event, Presence)
    assert not event.sees_reactions


def test_both_words_about_a_migration_are_one_event() -> None:
    far = world()
    far.open({"id": -50, "type": "group", "title": "Small"})
    far.migrate(-50, -100050)
    found = [event for update in far.pending for event in read(update)]
    old, new = (ChatRef(platform="telegram", workspace=id, chat_id=id) for id in ("-50", "-100050"))
    assert [event.key for event in found] == ["telegram:4242:moved:-50:-100050"] * 2
    assert all(isinstance(event, Moved) and (event.chat, event.into) == (old, new) for event in found)


# ── whom a verb means ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/forget @Ana_L", "forget 11"),
        ("/forget@backchannel_bot @ana_l", "forget 11"),
        ("/forget @nobody", "forget @nobody"),
        ("/forget @ana_l and more", "forget @ana_l and more"),
        ("/forget Ana Lee", "forget Ana Lee"),
        ("/forget me", "forget me"),
        ("/forget", "forget"),
        ("/classify @ana_l", "classify @ana_l"),
    ],
)
def test_forget_means_whoever_has_the_username_in_this_chat(text: str, line: str) -> None:
    far = world()
    far.say(BO, text)
    assert far.last
    update = updates.read(far.last)
    assert update
    usernames = {(GROUP, "ana_l"): 11, (-1002, "nobody"): 13}
    [command] = events(update, Context(ME, 99.5, usernames=usernames))
    assert isinstance(command, Command)
    assert command.text == line


def test_somebody_without_a_username_is_mentioned_by_a_link() -> None:
    far = world()
    far.say(BO, "/forget Eve", entities=[{"type": "text_mention", "offset": 8, "length": 3, "user": user(13, "Eve")}])
    [command] = heard(far)
    assert isinstance(command, Command)
    assert command.text == "forget 13"

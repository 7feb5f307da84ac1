"""Updates as the Bot API documents them -> our events."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.telegram import reading
from bot.platforms.telegram.events import ASKED_FOR, Around, Me, events
from tests.fakes.telegram.world import (
    ANA,
    ANONYMOUS,
    BO,
    BOT,
    CHANNEL,
    CHANNEL_BOT,
    FORUM,
    GROUP,
    OTHER_BOT,
    SERVICE,
    Json,
    World,
    user,
)
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

ME = Me(BOT["id"], BOT["username"])
CHAT = ChatRef(platform="telegram", workspace="-1001", chat_id="-1001")
TOPIC = ChatRef(platform="telegram", workspace="-1002", chat_id="-1002:7")
LEE = Person(id="11", name="Ana Lee")


def world() -> World:
    return World(allowed=set(ASKED_FOR))


def read(update: Json | None, topic: int | None = None, said: Any = frozenset()) -> list[Event]:
    assert update is not None
    known = reading.read(update)
    return [] if known is None else events(known, Around(ME, 99.5, topic, said))


def heard(far: World) -> list[Event]:
    """What the last update says."""
    return read(far.last)


def ref(message: Json, chat: ChatRef = CHAT) -> MessageRef:
    return MessageRef(**chat.model_dump(), message_id=str(message["message_id"]))


def test_a_message_is_translated_field_by_field() -> None:
    far = world()
    first = far.say(BO, "first")
    message = far.say(ANA, "hello 🐞", to=first["message_id"])
    assert heard(far) == [
        Message(
            key="telegram:4242:1001:0",
            at=float(message["date"]),
            sequence=1001,
            ref=ref(message),
            author=LEE,
            text="hello 🐞",
            reply_to=str(first["message_id"]),
        )
    ]


@pytest.mark.parametrize(
    ("sender", "more", "author", "bot"),
    [
        (ANA, {}, LEE, False),
        (user(5, "", username="nameless"), {}, Person(id="5", name="nameless"), False),
        (OTHER_BOT, {}, Person(id="77", name="Alerts"), True),
        (
            ANONYMOUS,
            {"sender_chat": {"id": GROUP, "type": "supergroup", "title": "Support"}},
            Person(id="chat:-1001", name="Support"),
            False,
        ),
        (
            CHANNEL_BOT,
            {"sender_chat": {"id": -9, "type": "channel", "title": "Elsewhere"}},
            Person(id="chat:-9", name="Elsewhere"),
            False,
        ),
        (
            SERVICE,
            {"sender_chat": {"id": CHANNEL, "type": "channel", "title": "News"}, "is_automatic_forward": True},
            Person(id="chat:-1003", name="News"),
            False,
        ),
        (ANONYMOUS, {}, Person(id="chat:-1001", name="Support"), False),
        (ANA, {"via_bot": OTHER_BOT}, LEE, False),
    ],
)
def test_hidden_people_are_never_taken_for_a_person(sender: Json, more: Json, author: Person, bot: bool) -> None:
    far = world()
    far.say(sender, "hi", **more)
    [message] = heard(far)
    assert isinstance(message, Message)
    assert (message.author, message.bot) == (author, bot)


def test_a_channels_post_is_written_by_the_channel() -> None:
    far = world()
    far.say(None, "news", CHANNEL, sender_chat={"id": CHANNEL, "type": "channel", "title": "News"})
    [message] = heard(far)
    assert isinstance(message, Message)
    assert message.author == Person(id="chat:-1003", name="News")
    assert message.ref.chat_id == "-1003"


def test_captions_are_texts_and_an_album_is_read_once() -> None:
    far = world()
    photo = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]
    captioned = far.say(ANA, None, media_group_id="7", photo=photo, caption="it broke")
    [message] = heard(far)
    assert isinstance(message, Message)
    assert (message.text, message.ref) == ("it broke", ref(captioned))
    far.say(ANA, None, media_group_id="7", photo=photo)
    assert heard(far) == []


def test_what_is_of_no_interest_gives_nothing() -> None:
    far = world()
    far.say(BOT, "my own words")
    assert heard(far) == []
    far.say(ANA, None, new_chat_members=[BO])
    assert heard(far) == []
    far.edit(far.message(GROUP, BOT, "x")["message_id"], "my own edit")
    assert heard(far) == []
    assert read({"update_id": 1, "poll_answer": {"poll_id": "1", "user": BO, "option_ids": [1]}}) == []
    assert read({"update_id": 1, "something_new": {"of": "2031"}}) == []


def test_the_bots_own_post_in_a_channel_is_not_heard_again_in_the_channels_group() -> None:
    far = world()
    news = {"id": CHANNEL, "type": "channel", "title": "News"}
    origin = {"type": "channel", "date": 1, "chat": news, "message_id": 5}
    far.say(SERVICE, "🐞 bug 87%", sender_chat=news, is_automatic_forward=True, forward_origin=origin)
    assert len(heard(far)) == 1
    assert read(far.last, said={(CHANNEL, 5)}) == []


def test_parts_of_an_update_that_nobody_needs_can_be_of_any_shape(caplog: pytest.LogCaptureFixture) -> None:
    far = world()
    quoted = far.message(GROUP, BO, "quoted", dice={"of": "another age"})
    far.say(ANA, "hello", to=quoted["message_id"], poll={"of": "another age"}, reply_markup="none")
    [message] = heard(far)
    assert isinstance(message, Message)
    far.say(ANA, "words of a person", date="yesterday")
    assert heard(far) == []
    assert "date" in caplog.text
    assert "words of a person" not in caplog.text


# ── topics ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_topic_is_a_chat_of_its_own_and_what_begins_it_is_no_message_that_is_answered() -> None:
    far = world()
    root = far.message(FORUM, ANA, None, forum_topic_created={"name": "Bugs", "icon_color": 1})
    message = far.say(ANA, "in a topic", FORUM, topic=7, to=root["message_id"])
    [event] = heard(far)
    assert isinstance(event, Message)
    assert (event.ref, event.reply_to) == (ref(message, TOPIC), None)
    far.say(ANA, "/label bug", FORUM, topic=7, to=root["message_id"])
    [command] = heard(far)
    assert isinstance(command, Command)
    assert (command.chat, command.reply_to) == (TOPIC, None)


def test_a_thread_of_comments_is_no_topic() -> None:
    far = world()
    far.say(ANA, "a comment", message_thread_id=3)
    [event] = heard(far)
    assert isinstance(event, Message)
    assert event.ref.chat == CHAT


def test_a_reaction_in_a_forum_is_put_into_the_topic_that_somebody_else_knows() -> None:
    far = world()
    message = far.say(ANA, "in a topic", FORUM, topic=7)
    [reaction] = read(far.react(BO, message["message_id"], "👍", chat=FORUM), topic=7)
    assert isinstance(reaction, Reaction)
    assert reaction.ref == ref(message, TOPIC)


def test_a_button_in_a_topic_stays_there() -> None:
    far = world()
    post = far.message(FORUM, BOT, "Which?", message_thread_id=7, is_topic_message=True)
    far.press(ANA, post["message_id"], "a:1:2", FORUM)
    [button] = heard(far)
    assert isinstance(button, Button)
    assert button.ref == ref(post, TOPIC)


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
    assert heard(far) == [
        Command(
            key="telegram:4242:1000:0",
            at=float(message["date"]),
            sequence=1000,
            chat=CHAT,
            caller=LEE,
            text=line,
            thread=str(message["message_id"]),
        )
    ]


def test_a_command_to_another_bot_is_nobodys_message() -> None:
    far = world()
    far.say(ANA, "/weather@other_bot Paris")
    assert heard(far) == []


@pytest.mark.parametrize("text", ["/etc/hosts is broken", "/ what", "see /retrain", "/2x@", "//"])
def test_what_only_looks_like_a_command_is_a_message(text: str) -> None:
    far = world()
    far.say(ANA, text)
    [event] = heard(far)
    assert isinstance(event, Message)


def test_a_bots_command_is_a_message_like_any_other() -> None:
    far = world()
    far.say(OTHER_BOT, "/retrain")
    [event] = heard(far)
    assert isinstance(event, Message)


def test_a_command_as_a_reply_brings_the_message_along_which_may_be_older_than_the_bot() -> None:
    far = world()
    old = far.message(GROUP, BO, "written before the bot came")
    far.say(ANA, "/label bug", to=old["message_id"])
    message, command = heard(far)
    assert isinstance(message, Message)
    assert isinstance(command, Command)
    assert (message.ref, message.text, message.author.id) == (ref(old), old["text"], "12")
    assert (command.reply_to, command.text) == (ref(old), "label bug")
    assert len({message.key, command.key}) == 2


def test_a_command_about_the_bots_own_words_brings_no_message() -> None:
    far = world()
    own = far.message(GROUP, BOT, "Which?")
    far.say(ANA, "/label bug", to=own["message_id"])
    [command] = heard(far)
    assert isinstance(command, Command)
    assert command.reply_to == ref(own)


def test_in_ones_own_chat_with_the_bot_every_text_is_a_verb() -> None:
    far = world()
    far.private(ANA)
    for text in ("/help", "help"):
        far.say(ANA, text, ANA["id"])
        [command] = heard(far)
        assert isinstance(command, Command)
        assert (command.text, command.private, command.chat.workspace) == ("help", True, "11")
    far.edit(int(command.thread or 0), "helps", ANA["id"])
    assert heard(far) == []


# ── edits, reactions, buttons ───────────────────────────────────────────────────────────────────────


def test_an_edit_brings_the_new_text_and_an_edited_command_brings_nothing() -> None:
    far = world()
    message = far.say(ANA, "befor")
    edited = far.edit(message["message_id"], "before")
    assert heard(far) == [
        Edit(key="telegram:4242:1001:0", at=float(edited["edit_date"]), sequence=1001, ref=ref(message), text="before")
    ]
    far.edit(message["message_id"], "/retrain")
    assert heard(far) == []


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


@pytest.mark.parametrize("who", [ANONYMOUS, CHANNEL_BOT, SERVICE, BOT, OTHER_BOT])
def test_reactions_of_nobody_teach_nothing(who: Json) -> None:
    far = world()
    assert read(far.react(who, far.say(ANA, "look")["message_id"], "👍")) == []


def test_a_hidden_admins_reaction_and_counts_are_left_out() -> None:
    what = {"chat": {"id": GROUP, "type": "supergroup"}, "message_id": 1, "date": 1}
    new = [{"type": "emoji", "emoji": "👍"}]
    hidden = {**what, "actor_chat": {"id": GROUP, "type": "supergroup"}, "old_reaction": [], "new_reaction": new}
    assert read({"update_id": 1, "message_reaction": hidden}) == []
    counted = {**what, "reactions": [{"type": new[0], "total_count": 3}]}
    assert read({"update_id": 1, "message_reaction_count": counted}) == []


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


def test_a_button_says_who_pressed_it_and_where() -> None:
    far = world()
    post = far.message(GROUP, BOT, "Which?")
    far.press(BO, post["message_id"], "a:1:2")
    assert heard(far) == [
        Button(
            key="telegram:4242:1000:0",
            at=99.5,
            sequence=1000,
            ref=ref(post),
            presser=Person(id="12", name="Bo"),
            value="a:1:2",
        )
    ]


def test_a_button_of_a_very_old_message_is_read_and_one_of_no_message_is_not() -> None:
    query = {"id": "q", "from": BO, "chat_instance": "1", "data": "m"}
    old = {"chat": {"id": GROUP, "type": "supergroup", "title": "Support"}, "message_id": 3, "date": 0}
    [button] = read({"update_id": 1, "callback_query": {**query, "message": old}})
    assert isinstance(button, Button)
    assert button.ref.message_id == "3"
    assert read({"update_id": 1, "callback_query": {**query, "inline_message_id": "i"}}) == []


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

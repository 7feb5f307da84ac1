"""What Telegram says in words that this version does not know: the rest is read, and the unknown is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.platforms.telegram import updates
from bot.platforms.telegram.events import BotAccount, Context, events
from bot.platforms.telegram.polling import number_of
from bot.platforms.telegram.updates import ASKED_FOR
from bot.platforms.unknown_kinds import UnknownKinds
from tests.fakes.telegram.world import ANA, BO, BOT, GROUP, Json, World
from workers.core.events import Button, Edit, Event, Message, Presence, Reaction

ME = BotAccount(BOT["id"], BOT["username"])
NOW = 99.5


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> UnknownKinds:
    """What was not known, counted from nothing."""
    monkeypatch.setattr(updates, "unknown", kinds := UnknownKinds("Telegram"))
    return kinds


def read(update: Json | None) -> list[Event]:
    known = updates.read(update)
    return [] if known is None else events(known, Context(ME, NOW))


def world() -> World:
    return World(allowed=set(ASKED_FOR))


def said(**more: Any) -> Json:
    far = world()
    far.say(ANA, "the board crashes", **more)
    assert far.last
    return far.last


def changed(was: Json, now: Json) -> Json:
    far = world()
    far.become("member")
    assert far.last
    far.last["my_chat_member"] |= {"old_chat_member": {"user": BOT, **was}, "new_chat_member": {"user": BOT, **now}}
    return far.last


def reacted(*reactions: str | Json) -> Json:
    far = world()
    update = far.react(BO, far.say(ANA, "look")["message_id"], *reactions)
    assert update
    return update


NEW_KINDS: list[tuple[Json, list[tuple[type[Event], str]], str]] = [
    (reacted({"type": "gift", "gift_id": "9"}, "👾"), [(Reaction, "👾")], "a type of reaction “gift”"),
    (reacted({"type": 7}, "👾"), [(Reaction, "👾")], "an unreadable part “new_reaction”"),
    (
        said(forward_origin={"type": "story", "date": 1}),
        [(Message, "the board crashes")],
        "an origin of a forward “story”",
    ),
    (said(forward_origin="elsewhere"), [(Message, "the board crashes")], "an unreadable part “forward_origin”"),
    (changed({"status": "left"}, {"status": "observer"}), [], "a status of a member “observer”"),
    (changed({"status": "observer"}, {"status": "member"}), [(Presence, "joined")], "a status of a member “observer”"),
    (changed({"status": "observer"}, {"status": "left"}), [], "a status of a member “observer”"),
    (changed({"status": "left"}, {"status": "restricted"}), [], ""),
]


def gist(event: Event) -> tuple[type[Event], str]:
    return type(event), getattr(event, "text", "") or getattr(event, "emoji", "") or getattr(event, "state", "")


@pytest.mark.parametrize(("update", "gists", "count"), NEW_KINDS)
def test_of_a_kind_that_is_new_the_rest_is_read(
    counted: UnknownKinds, update: Json, gists: list[tuple[type[Event], str]], count: str
) -> None:
    assert [gist(event) for event in read(update)] == gists
    assert not count or counted.counts[count]


def test_a_type_of_chat_that_is_new_is_a_chat_all_the_same(counted: UnknownKinds) -> None:
    far = world()
    far.chats[GROUP]["type"] = "community"
    far.say(ANA, "hello")
    [message] = read(far.last)
    assert isinstance(message, Message)
    assert counted.counts["a type of chat “community”"]


def test_a_chat_without_a_type_is_private_by_its_number() -> None:
    far = world()
    far.private(ANA)
    for chat in (GROUP, ANA["id"]):
        far.chats[chat]["type"] = None
    far.say(ANA, "hello")
    assert [event.kind for event in read(far.last)] == ["message"]
    far.say(ANA, "hello", ANA["id"])
    assert [event.kind for event in read(far.last)] == ["command"]


# ── every kind of update ────────────────────────────────────────────────────────────────────────────


def of_each_kind() -> dict[str, Json]:
    """One update of each kind that we ask for."""
    far, kept = world(), dict[str, Json]()

    def keep(_: object = None) -> None:
        assert far.last
        kept.update({name: far.last for name in far.last if name != "update_id"})

    number = far.say(ANA, "before")["message_id"]
    keep()
    keep(far.edit(number, "after"))
    keep(far.react(BO, number, "👍"))
    keep(far.press(BO, far.message(GROUP, BOT, "Which?")["message_id"], "m"))
    keep(far.become("member"))
    post = far.say(None, "post", -1003)["message_id"]
    keep()
    keep(far.edit(post, "changed", -1003))
    return kept


def everywhere(value: Any, change: Callable[[Json], Json]) -> Any:
    """The same with a change of each object in it."""
    if isinstance(value, dict):
        return change({name: everywhere(part, change) for name, part in value.items()})
    return [everywhere(item, change) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", ASKED_FOR)
def test_members_that_are_new_change_nothing(kind: str) -> None:
    update = of_each_kind()[kind]
    wanted = read(update)
    assert wanted
    for new in (None, 7, "words", [1], {"type": "of the future"}):
        assert read(everywhere(update, lambda part, new=new: {**part, "quantum_state": new})) == wanted


@pytest.mark.parametrize("kind", ASKED_FOR)
def test_what_nobody_looks_at_can_be_of_any_shape(kind: str) -> None:
    """Entities, keyboards and the like are never read."""
    update = of_each_kind()[kind]
    looked_at = {"id", "update_id", "message_id", "chat", "from", "user", "type", "text", "date", "edit_date", "status"}
    looked_at |= {
        "old_reaction",
        "new_reaction",
        "emoji",
        "old_chat_member",
        "new_chat_member",
        "data",
        "message",
        kind,
    }
    looked_at |= {"first_name", "last_name", "username", "is_bot", "title"}

    def spoilt(part: Json) -> Json:
        return {name: value if name in looked_at else {"of": "another age"} for name, value in part.items()}

    assert read(everywhere(update, spoilt)) == read(update)


@pytest.mark.parametrize("kind", ["poll_answer", "inline_query", "stopped_message_generation", "hologram", "message"])
@pytest.mark.parametrize("content", [None, 7, "words", [], {}, {"message_id": "x", "chat": {}}])
def test_an_update_of_a_kind_that_is_new_or_broken_says_nothing(
    counted: UnknownKinds, kind: str, content: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert read({"update_id": 1, kind: content}) == []
    assert counted.counts or content is None
    assert "words" not in caplog.text


@pytest.mark.parametrize("raw", [None, 7, "x", [], {}, {"update_id": "x"}, {"update_id": -1}, {"update_id": 10**30}])
def test_what_has_no_number_is_no_update(counted: UnknownKinds, raw: Any) -> None:
    assert read(raw) == []
    assert counted.counts["an unreadable part “update”"] == 1


def test_a_word_that_can_not_be_read_is_not_logged_and_takes_nothing_away(caplog: pytest.LogCaptureFixture) -> None:
    """An edit without a text deletes what was there; one whose text can't be read must not."""
    far = world()
    number = far.say(ANA, "words of a person", date="yesterday, words of a person")["message_id"]
    [message] = read(far.last)
    assert message.at == NOW
    far.edit(number, "x")
    assert far.last
    far.last["edited_message"]["text"] = {"words of a person": 1}
    assert read(far.last) == []
    del far.last["edited_message"]["text"]
    [edit] = read(far.last)
    assert isinstance(edit, Edit)
    assert "“date”" in caplog.text
    assert "words of a person" not in caplog.text


def test_a_reaction_of_which_only_one_half_can_be_read_changes_nothing() -> None:
    for half in ("old_reaction", "new_reaction"):
        update = reacted("👍")
        update["message_reaction"][half] = "👍"
        assert read(update) == []


def test_a_press_by_nobody_is_none() -> None:
    far = world()
    far.press(BO, far.message(GROUP, BOT, "Which?")["message_id"], "m")
    assert far.last
    assert isinstance(read(far.last)[0], Button)
    far.last["callback_query"]["from"] = {"id": "x"}
    assert read(far.last) == []


NUMBERS = [({"update_id": 7}, 7), ({}, None), ({"update_id": "7"}, None), (None, None), ([7], None)]


@pytest.mark.parametrize(("update", "number"), NUMBERS)
def test_only_what_has_a_number_is_confirmed(update: Any, number: int | None) -> None:
    assert number_of(update) == number

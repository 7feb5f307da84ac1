"""The bot's emoji follows people: two who agree, or one who is trusted."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.workers.chatroom import ADMIN, ANA, BO, CHAT, Chatroom, ref
from workers.core.events import Command, Person
from workers.store import labels, predictions
from workers.store.predictions import Prediction
from workers.store.tables import outbox as table

CY = Person(id="cy", name="Cy")


@pytest.fixture
def shown(room: Chatroom) -> Chatroom:
    """The bot has put 🐞 on message 1, and on message 2 nothing, of which it was not sure."""
    with room.database.read() as c:
        bug = next(label.id for label in labels.living(c) if label.name == "bug")
    sure = {"version": 1, "head_revision": 0, "label": bug, "margin": 0.5, "guess": False, "at": 1.0}
    for name, visible in (("1", True), ("2", False)):
        number = room.write(name, f"message {name}")
        with room.database.write() as c:
            row = Prediction(message=number, revision=0, probability=0.9, shown=visible, **sure)
            predictions.record_predictions(c, [row])
    return room


def reacts(room: Chatroom, emoji: str, who: Person, added: bool = True, message: str = "1") -> list[str | None]:
    """What the bot puts on the message when somebody puts an emoji there, or takes one away."""
    with room.database.read() as c:
        before = set(c.execute(select(table.c.key)).scalars())
    room.react(message, emoji, who, added)
    with room.database.read() as c:
        new = c.execute(select(table).where(table.c.kind == "react", table.c.key.not_in(before))).all()
    assert all(row.subject == ref(message).key for row in new)
    return [row.reply for row in new]


def test_two_people_who_say_otherwise_change_it(shown: Chatroom):
    assert reacts(shown, "❓", ANA) == []
    assert len(reacts(shown, "❓", BO)) == 1
    assert reacts(shown, "❓", CY) == []
    assert reacts(shown, "❓", CY, added=False) == []
    assert len(reacts(shown, "❓", BO, added=False)) == 1, "one is not enough: what the bot had said comes back"


def test_whoever_switched_the_bot_on_is_enough_alone(shown: Chatroom):
    assert len(reacts(shown, "❓", ADMIN)) == 1
    assert reacts(shown, "🐞", ANA) == []
    assert reacts(shown, "🐞", BO) == [], "two others do not outvote them"


def test_who_agrees_changes_nothing_and_nothing_appears_where_the_bot_was_silent(shown: Chatroom):
    assert reacts(shown, "🐞", ANA) == reacts(shown, "🐞", BO) == []
    assert reacts(shown, "❓", ANA, message="2") == reacts(shown, "❓", BO, message="2") == []


def test_an_emoji_goes_where_no_label_fits(shown: Chatroom):
    [noted, *more] = shown.type("label none", caller=ADMIN, reply_to="1")
    assert "none of the labels" in noted.text  # type: ignore[union-attr]
    assert more == []
    with shown.database.read() as c:
        [row] = c.execute(select(table).where(table.c.key.startswith("follow:"))).all()
    assert row.subject == ref("1").key


def test_a_label_without_an_emoji_gets_none_that_people_use_otherwise(room: Chatroom):
    room.write("1", "the page is blank")
    room.react("1", "⚡")
    said = room.says("labels add release")
    assert not set("👍👎🔥🎉👀⚡🐞❓") & set(said)


def test_what_was_chosen_in_a_modal_is_confirmed_by_its_closing(room: Chatroom):
    room.write("1", "the page is blank")
    chosen = Command(key="m", at=1.0, chat=CHAT, caller=ANA, text="label bug", reply_to=ref("1"), closes=True)
    assert room.happen(chosen) == []
    gone = chosen.model_copy(update={"key": "m2", "reply_to": ref("never seen")})
    assert "never saw" in room.happen(gone)[0].text  # type: ignore[union-attr]

"""What a batch leaves in the store: vectors, one prediction for each text, and the emoji that people see."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import pytest
from sqlalchemy import text as sql

from modeling.types import Vectors
from tests.workers.chatroom import ADMIN, ANA, CHAT, Chatroom, ref
from tests.workers.queries import last_prediction
from workers.core.events import ChatRef, Command, Edit, Message
from workers.core.replies import React, Reply
from workers.serving.decisions import Decision
from workers.serving.head_fitting import HeadSettings
from workers.serving.predictions import Predicted, answer_classify, record_events, record_predictions
from workers.serving.served_model import ServedModel
from workers.store import chats, labels, outbox, predictions, versions
from workers.store.inbox import Claimed
from workers.store.predictions import Prediction

VECTOR = np.array([0.25, 0.5], np.float32)


@dataclass
class Reader:
    """As much of a backbone as is written down with what it made."""

    fingerprint: str = "reader"
    dimension: int = 2

    def encode(self, texts: list[str]) -> Vectors:
        raise NotImplementedError


def decided(room: Chatroom, shown: bool, probability: float = 0.75) -> Decision:
    """The first label, and whether the bot is sure enough of it."""
    with room.database.read() as c:
        bug, question = labels.living(c)
    ranked = ((bug, probability), (question, 1 - probability))
    return Decision(bug, probability, 2 * probability - 1, guess=False, shown=shown, ranked=ranked)


def take(room: Chatroom, event: Message | Edit, decision: Decision, now: float = 100.0) -> list[Reply]:
    """An event and what was decided about its text; the reactions that follow, sent."""
    with room.database.write() as c:
        model = ServedModel(versions.active(c), Reader(), HeadSettings(), deque(), revision=7)  # pyright: ignore[reportArgumentType]
        stored = record_events(c, [Claimed(1, event, 1, now)])
        record_predictions(c, model, stored, {event.text: (VECTOR, decision)}, now)
        outgoing = outbox.claim(c, CHAT.platform, 9, 30.0, "test", now)
        for item in outgoing:
            outbox.sent(c, item, None, now)
    return [item.reply for item in outgoing]


def message(text: str = "The export crashes", chat: ChatRef = CHAT) -> Message:
    return Message(key="m1", at=1.0, ref=ref("1", chat), author=ANA, text=text)


def edit(text: str, at: float = 2.0) -> Edit:
    return Edit(key="e1", at=at, ref=ref("1"), text=text)


def test_a_message_leaves_its_vector_its_prediction_and_an_emoji(room: Chatroom) -> None:
    sure = decided(room, shown=True)
    assert sure.label is not None
    reply = React(ref=ref("1"), emoji="🐞", label="bug", label_id=sure.label.id, probability=0.75, guess=False)
    assert take(room, message(), sure) == [reply]
    with room.database.read() as c:
        version = versions.active(c).id
        assert predictions.vectors(c, "reader", [1]) == {1: VECTOR.tobytes()}
        assert last_prediction(c, 1) == Prediction(1, 1, version, 7, sure.label.id, 0.75, 0.5, False, True, 100.0)


def test_an_edit_of_which_the_bot_is_no_longer_sure_takes_its_emoji_back(room: Chatroom) -> None:
    take(room, message(), decided(room, shown=True))
    assert take(room, edit("The export is slow"), decided(room, shown=False)) == [React(ref=ref("1"), emoji=None)]
    assert take(room, edit("The export is slower", 3.0), decided(room, shown=False)) == [], "it is taken back once"
    assert take(room, edit("It crashes", 4.0), decided(room, shown=True)) != []


def test_a_text_is_predicted_once_whatever_comes_again(room: Chatroom) -> None:
    sure = decided(room, shown=True)
    assert len(take(room, message(), sure)) == 1
    assert take(room, message(), sure) == []
    assert take(room, edit("The export crashes"), sure) == [], "the same words"
    assert len(take(room, edit("It crashes", 3.0), sure)) == 1
    with room.database.read() as c:
        assert c.execute(sql("select revision from predictions order by id")).scalars().all() == [1, 2]


def test_nothing_is_shown_in_a_chat_that_is_off_silent_or_unknown(room: Chatroom) -> None:
    sure = decided(room, shown=True)
    nowhere = CHAT.model_copy(update={"chat_id": "elsewhere"})
    assert take(room, message(chat=nowhere), sure) == []
    room.type("mode shadow")
    assert take(room, message(), sure) == []
    room.type("mode suggest")
    with room.database.write() as c:
        chats.disable(c, CHAT, 1.0)
    assert take(room, edit("It crashes"), sure) == []
    with room.database.read() as c:
        assert c.execute(sql("select shown from predictions")).scalars().all() == [0, 0, 0]


def answer(room: Chatroom, predicted: Predicted, chat: ChatRef = CHAT, language: str = "en") -> str:
    command = Command(key="c", at=1.0, chat=chat, caller=ADMIN, text="classify It crashes")
    with room.database.read() as c:
        post = answer_classify(c, command, predicted, language)
    assert post.chat == chat
    return post.text


def test_classify_answers_with_the_percentages_of_the_likeliest(room: Chatroom) -> None:
    predicted = {"It crashes": (VECTOR, decided(room, shown=False, probability=0.625))}
    assert answer(room, predicted) == "That reads like:\n🐞 bug 62%\n❓ question 38%"


def test_classify_says_when_there_is_nothing_to_choose_from(room: Chatroom) -> None:
    assert "no text" in answer(room, {})
    nothing = Decision(None, 0.0, 0.0, guess=True, shown=False)
    assert "two labels" in answer(room, {"It crashes": (VECTOR, nothing)})


@pytest.mark.parametrize(("language", "words"), [("en", "is off in this chat"), ("zh", "本群尚未启用")])
def test_where_nobody_switched_it_on_classify_says_so_in_the_language_of_the_installation(
    room: Chatroom, language: str, words: str
) -> None:
    predicted = {"It crashes": (VECTOR, decided(room, shown=True))}
    unknown = CHAT.model_copy(update={"chat_id": "elsewhere"})
    assert words in answer(room, predicted, unknown, language)


def test_a_chat_that_was_switched_off_is_told_so_in_its_own_language(room: Chatroom) -> None:
    with room.database.write() as c:
        chats.enable(c, CHAT, ADMIN, "zh", 0.0)
        chats.disable(c, CHAT, 1.0)
    assert "本群尚未启用" in answer(room, {"It crashes": (VECTOR, decided(room, shown=True))}, language="en")

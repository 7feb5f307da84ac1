"""`explain`: why a message got its label, from the model in service, for everybody, behind no job."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.classifier import head
from modeling.errors import ModelingError
from modeling.explanation.attribution import Attribution, Word
from modeling.explanation.explain import Explanation, Likely
from modeling.sentences.catalogue import verbatim
from tests.waiting import until
from tests.workers.chatroom import ANA, CHAT, Chatroom, ref
from workers.core.events import ChatRef, Command, Delete, Message, MessageRef
from workers.core.replies import Picture, Post, Reply
from workers.handlers.claims import ClaimContext
from workers.serving import explain
from workers.serving.explain import Explainer, explanation_text
from workers.serving.head_fitting import HeadSettings
from workers.serving.labelled_vectors import encode_missing
from workers.serving.served_model import ServedModel
from workers.store import erasure, inbox, labels, ledger, messages, outbox, training_set, versions
from workers.store.ledger import LedgerRow

BUGS = ("The page crashes when I drag a card", "Search fails with an error", "The app crashes on start")
QUESTIONS = ("How do I open the board?", "Where can I find the export?", "What does the app cost?")
ELSEWHERE = ChatRef(platform="web", workspace="local", chat_id="private")


@cache
def minilm() -> Backbone:
    return backbones.load("minilm")


@pytest.fixture
def taught(room: Chatroom) -> Chatroom:
    for number, (said, emoji) in enumerate([(item, "🐞") for item in BUGS] + [(item, "❓") for item in QUESTIONS]):
        room.write(str(number), said)
        room.react(str(number), emoji)
    elsewhere = MessageRef(**ELSEWHERE.model_dump(), message_id="1")
    with room.database.write() as c:
        said = Message(key="e", at=1.0, ref=elsewhere, author=ANA, text="The vault crashes when I drag a coin")
        messages.record(c, [said])
        bug = labels.find(c, "bug")
        assert bug is not None
        row = LedgerRow(
            key="l",
            ref=elsewhere,
            annotator=ANA,
            emoji="",
            label=bug.id,
            added=True,
            at=2.0,
            sequence=0,
            source="command",
        )
        ledger.append(c, [row], 2.0)
    return room


def serving(room: Chatroom) -> ServedModel:
    with room.database.read() as c:
        living, labelled = tuple(labels.living(c)), training_set.labelled(c)
        active = versions.active(c)
    vector_of = encode_missing(room.database, minilm(), [message for message, _ in labelled])
    index_of = {label.id: index for index, label in enumerate(living)}
    rows = np.stack([vector_of[message] for message, _ in labelled])
    targets = np.array([index_of[label] for _, label in labelled])
    names = [str(label.id) for label in living]
    descriptions = minilm().encode([label.name for label in living])
    fitted = head.fit(rows, targets, names, descriptions, c=1.0, temperature=1.0, thresholds=np.full(2, 0.5))
    return ServedModel(active, minilm(), HeadSettings(), deque(), living, fitted)


def asked(room: Chatroom, text: str = "explain", about: str | None = None) -> Command:
    target = ref(about) if about else None
    return Command(key=f"x{time.time_ns()}", at=1.0, chat=CHAT, caller=ANA, text=text, reply_to=target)


def answer(room: Chatroom, command: Command, served: ServedModel | None = None) -> Reply:
    return explain.answer(room.database, served or serving(room), command, "en")


def test_a_reply_to_a_message_shows_which_words_made_its_label_and_what_is_near_in_this_chat(taught: Chatroom):
    explained = answer(taught, asked(taught, about="0"))
    assert isinstance(explained, Picture)
    assert explained.content.startswith(b"\x89PNG")
    assert explained.reply_to == "0"
    assert "🐞 bug" in explained.text
    assert "For it:" in explained.text
    assert "crashes” +" in explained.text
    assert "in log-odds against question" in explained.text
    assert "“The app crashes on start”" in explained.text
    assert "vault" not in explained.text, "what was said in another chat is not for everybody here to read"


def test_a_text_can_be_typed_and_the_answer_speaks_the_chats_language(taught: Chatroom):
    taught.type("here zh")
    explained = answer(taught, asked(taught, "explain Where is the error log?"))
    assert isinstance(explained, Picture)
    assert "支持" in explained.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_no_picture_can_be_drawn_the_words_come_alone(
    taught: Chatroom, monkeypatch: pytest.MonkeyPatch, language: str
):
    def fail(*_: object) -> None:
        raise RuntimeError("the fonts are gone")

    monkeypatch.setattr("modeling.reporting.explanation_plot.png", fail)
    taught.type(f"here {language}")
    explained = answer(taught, asked(taught, about="0"))
    assert isinstance(explained, Post)
    assert explained.reply_to == "0"
    assert "🐞 bug" in explained.text
    assert ("没有图片" if language == "zh" else "There is no picture (RuntimeError") in explained.text


def test_dollars_in_messages_are_explained_with_a_picture(taught: Chatroom):
    explained = answer(taught, asked(taught, "explain I paid $$ twice, $5 and then $10"))
    assert isinstance(explained, Picture)
    assert "I paid" not in explained.alt
    assert "$" in explained.text


def test_what_modeling_refuses_is_said_in_the_chats_language(taught: Chatroom, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise ModelingError("one_label_to_explain", label="bug")

    monkeypatch.setattr("modeling.explanation.explain.explain", refuse)
    taught.type("here zh")
    refused = answer(taught, asked(taught, "explain Where is the error log?"))
    assert isinstance(refused, Post)
    assert "模型包只认识标签 “bug”" in refused.text


def test_what_cannot_be_explained_gets_a_sentence(taught: Chatroom):
    served = serving(taught)
    with taught.database.write() as c:
        messages.delete(c, Delete(key="d", at=9e9, ref=ref("1")))
    for command, said in (
        (asked(taught), "as a reply"),
        (asked(taught, about="never"), "never saw"),
        (asked(taught, about="1"), "was deleted"),
        (asked(taught, "explain \u200b"), "no text"),
    ):
        refused = answer(taught, command, served)
        assert isinstance(refused, Post)
        assert said in refused.text
    refused = answer(taught, asked(taught, about="0"), replace(served, head=None))
    assert isinstance(refused, Post)
    assert "two labels" in refused.text


def test_a_message_that_fits_no_label_is_said_to(taught: Chatroom):
    words = (Word("soup", 0, 4, (0, 4)), Word("today", 5, 10, (5, 10)), Word("soup", 11, 15, (11, 15)))
    weights = Attribution("occlusion", words, np.array([0.5, -0.25, 0.5]), 1.0)
    found = Explanation(
        "soup today soup", "bug", 0.9, 0.5, Likely("question", 0.1), weights, (), (verbatim("A note."),)
    )
    said = explanation_text("en", replace(found, out_of_scope=True), ()).splitlines()
    assert "fit none of the labels" in said[0]
    assert said[1:3] == ["For it: “soup” +1.0.", "Against it: “today” -0.2."]
    assert said[-1] == "A note."
    assert "enough to say it (from 50%)" in explanation_text("en", found, ())


def test_the_thread_answers_what_waits_once_it_is_woken(taught: Chatroom):
    served = serving(taught)
    command = asked(taught, about="0")
    with taught.database.write() as c:
        inbox.add(c, [command], time.time())
    hands = ClaimContext(taught.database, "test", 30.0, 64)
    Explainer(hands, lambda: served).wake()

    def sent() -> list[outbox.Outgoing]:
        with taught.database.write() as c:
            claimed = outbox.claim(c, "web", 50, 30.0, "test", 9e9)
        return [outgoing for outgoing in claimed if outgoing.key.startswith(command.key)]

    (answered,) = until(sent)
    assert isinstance(answered.reply, Picture)
    with taught.database.read() as c:
        assert not inbox.has_work(c, "explain", time.time())


def test_whoever_is_forgotten_is_gone_from_explanations_too(taught: Chatroom):
    explained = answer(taught, asked(taught, about="0"))
    with taught.database.write() as c:
        outbox.add(c, [("told", explained)], 1.0)
        erasure.forget(c, ANA.id, CHAT.platform, CHAT.workspace)
        assert not [item for item in outbox.claim(c, "web", 50, 30.0, "test", 9e9) if item.key == "told"]

"""The model in service: real backbone, real store. Guess, learn, forget, swap; nothing dropped, nothing doubled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text as sql

from modeling.backbones import backbone as backbones
from modeling.classifier.bundle import Bundle
from tests.waiting import until
from tests.workers.chatroom import ANA, BO, CHAT, Chatroom, ref
from tests.workers.queries import last_prediction
from workers.core.errors import BackchannelError
from workers.core.events import Command, Delete, Edit, Event, Message
from workers.core.replies import Post, React, Reply
from workers.core.settings import Settings
from workers.serving.head_fitting import HeadSettings, cross_validate, fit_head
from workers.serving.labelled_vectors import LabelledVectors
from workers.serving.model_server import ModelServer
from workers.serving.served_model import ServedModel
from workers.store import chats, inbox, messages, outbox, predictions, versions


class Model:
    """A chatroom with a model: messages go through the inbox and `classify` as in the worker."""

    def __init__(self, room: Chatroom) -> None:
        self.room = room
        self.server = ModelServer(room.database, Settings())
        self.server.start()

    def take(self, *events: Event) -> list[Reply]:
        now = time.time()
        with self.room.database.write() as c:
            inbox.add(c, events, now)
            claimed = inbox.claim(c, "classify", 64, 30.0, "test", now)
        self.server.classify(claimed, now)
        with self.room.database.write() as c:
            sent = outbox.claim(c, "web", 100, 30.0, "test", now)
            for outgoing in sent:
                outbox.sent(c, outgoing, None, now)
        return [outgoing.reply for outgoing in sent]

    def write(self, message_id: str, text: str) -> predictions.Prediction | None:
        self.take(message(message_id, text))
        with self.room.database.read() as c:
            return last_prediction(c, messages.find(c, ref(message_id)).id)  # type: ignore[union-attr]

    def teach(self, message_id: str, emoji: str) -> None:
        self.room.react(message_id, emoji)
        self.settled()

    def settled(self) -> None:
        """Wait until the head knows the labels as they are now."""
        from workers.store import labels

        with self.room.database.read() as c:
            revision = labels.revision(c)
        until(lambda: self.server.model.revision >= revision)


def message(message_id: str, text: str) -> Message:
    return Message(key=f"m{message_id}", at=time.time(), ref=ref(message_id), author=ANA, text=text)


@pytest.fixture
def model(room: Chatroom) -> Iterator[Model]:
    return Model(room)


def name_of(model: Model, prediction: predictions.Prediction | None) -> str | None:
    names = {label.id: label.name for label in model.server.model.labels}
    return names.get(prediction.label) if prediction and prediction.label else None


def test_before_any_label_it_guesses_from_names_and_descriptions_and_says_so(model: Model):
    model.settled()
    asked = model.write("1", "I have a question: does somebody know the answer?")
    broken = model.write("2", "The export is broken, it crashes with an error")
    assert (name_of(model, asked), name_of(model, broken)) == ("question", "bug")
    assert asked is not None
    assert asked.guess


def test_a_reaction_changes_the_next_answer_and_a_withdrawal_leaves_no_trace(model: Model):
    text = "The zebra sleeps on the roof tonight"
    model.settled()
    first = model.write("1", text)
    other = "🐞" if name_of(model, first) == "question" else "❓"
    model.teach("1", other)
    taught = model.write("2", text)
    assert taught is not None
    assert not taught.guess
    assert name_of(model, taught) != name_of(model, first)
    model.room.react("1", other, added=False)
    model.settled()
    again = model.write("3", text)
    assert again is not None
    assert again.guess
    assert again.label == first.label  # type: ignore[union-attr]


def test_every_message_is_predicted_once_whatever_comes_twice_or_in_the_wrong_order(model: Model):
    model.settled()
    edit = Edit(key="e1", at=time.time() + 5, ref=ref("1"), text="How do I export the table?")
    model.take(edit)
    model.take(message("1", "It crashed"), message("1", "It crashed"))
    model.take(Delete(key="d2", at=time.time(), ref=ref("2")))
    model.take(message("2", "gone before it came"))
    with model.room.database.read() as c:
        stored = c.execute(sql("select m.message_id, m.text from messages m join predictions p on p.message = m.id"))
        assert [tuple(row) for row in stored] == [("1", "How do I export the table?")]


def test_an_edit_is_classified_anew_and_takes_back_what_it_no_longer_is(model: Model):
    model.settled()
    model.write("1", "The export is broken, it crashes with an error")
    model.teach("1", "🐞")
    (reaction,) = model.take(message("2", "The export is broken, it crashes with an error"))
    assert isinstance(reaction, React)
    assert reaction.emoji == "🐞"
    careful(model)
    (taken,) = model.take(Edit(key="e2", at=time.time() + 1, ref=ref("2"), text="The export is slow"))
    assert taken == React(ref=ref("2"), emoji=None)


def careful(model: Model) -> None:
    """Let the head that serves be sure of nothing."""
    serving = model.server.model
    assert serving.head is not None
    nothing_is_sure = np.full(len(serving.labels), 2.0, np.float32)
    model.server.model = replace(serving, head=replace(serving.head, thresholds=nothing_is_sure))


def test_an_edit_that_leaves_no_words_takes_the_emoji_back(model: Model):
    model.settled()
    model.write("1", "The export is broken, it crashes with an error")
    model.teach("1", "🐞")
    assert len(model.take(message("2", "The export is broken, it crashes with an error"))) == 1
    (taken,) = model.take(Edit(key="e2", at=time.time() + 1, ref=ref("2"), text="\u200b"))
    assert taken == React(ref=ref("2"), emoji=None)


@pytest.mark.parametrize("nothing", ["", "   ", "\u200b\u200b", "```\n```"])
def test_a_message_without_words_is_stored_and_left_alone(model: Model, nothing: str):
    assert model.take(message("1", nothing)) == []
    with model.room.database.read() as c:
        assert messages.find(c, ref("1")) is not None


@pytest.mark.parametrize(
    "odd",
    [
        "x" * 100_000,
        "😀🎉🔥",
        "https://example.org/a/b?c=d",
        "مرحبا، التطبيق لا يعمل and then it crashed 了",
        "broken \ud800 surrogate",
        "nul \x00 byte",
        "登录页面打不开，一直转圈",
    ],
)
def test_odd_messages_are_classified_like_any_other(model: Model, odd: str):
    model.settled()
    assert model.write("1", odd) is not None


def test_shadow_predicts_and_stays_silent(model: Model):
    model.room.type("mode shadow")
    model.settled()
    assert model.take(message("1", "The export is broken, it crashes with an error")) == []
    with model.room.database.read() as c:
        assert c.execute(sql("select count(*) from predictions where not shown")).scalar() == 1


def test_classify_answers_with_the_likeliest_labels_and_stores_nothing(model: Model):
    model.settled()
    command = Command(key="c", at=1.0, chat=CHAT, caller=BO, text="classify The export is broken and crashes")
    (answer,) = model.take(command)
    assert isinstance(answer, Post)
    assert "🐞 bug" in answer.text
    assert "guess" in answer.text
    (empty,) = model.take(command.model_copy(update={"key": "c2", "text": "classify"}))
    assert "no text" in empty.text  # type: ignore[union-attr]
    with model.room.database.read() as c:
        assert c.execute(sql("select count(*) from messages")).scalar() == 0


def test_one_label_alone_is_silence(fresh: object):
    room = Chatroom(fresh)  # type: ignore[arg-type]
    room.type("here")
    room.type("labels add bug 🐞")
    model = Model(room)
    assert model.take(message("1", "It crashed")) == []


def test_a_hot_swap_drops_nothing_and_doubles_nothing(model: Model, tmp_path: Path):
    model.settled()
    serving = model.server.model
    assert serving.head is not None
    Bundle(backbones.load("light"), serving.head, {"method": "lora"}).save(tmp_path / "v2")
    sent: list[str] = []

    def versions_at_work() -> set[int]:
        with model.room.database.read() as c:
            return set(c.execute(sql("select version from predictions")).scalars())

    def go_on() -> bool:
        batch = [message(f"{len(sent) + index}", f"It crashed {len(sent) + index} times") for index in range(8)]
        sent.extend(event.ref.message_id for event in batch)
        model.take(*batch)
        return 2 in versions_at_work()

    for _ in range(3):
        go_on()
    with model.room.database.write() as c:
        fingerprint = serving.backbone.fingerprint
        better = versions.add_candidate(c, str(tmp_path / "v2"), "minilm", fingerprint, "lora", {}, 1, None, 1.0)
        versions.promote(c, better.id, 2.0)
    until(go_on)
    assert versions_at_work() == {1, 2}
    with model.room.database.read() as c:
        predicted = c.execute(
            sql("select message_id from predictions join messages on messages.id = predictions.message")
        )
        assert sorted(predicted.scalars()) == sorted(sent)


def test_a_version_that_cannot_be_loaded_leaves_the_one_before_at_work(model: Model, caplog: pytest.LogCaptureFixture):
    model.settled()
    with model.room.database.write() as c:
        broken = versions.add_candidate(c, "/nowhere", "minilm", "", "lora", {}, 1, None, 1.0)
        versions.promote(c, broken.id, 2.0)
    until(lambda: "version 1 goes on" in caplog.text)
    assert model.write("1", "It crashed with an error") is not None
    assert model.server.model.version.id == 1


def test_a_broken_active_version_at_the_start_lets_the_base_serve(room: Chatroom):
    with room.database.write() as c:
        broken = versions.add_candidate(c, "/nowhere", "minilm", "", "lora", {}, 1, None, 1.0)
        versions.promote(c, broken.id, 2.0)
    model = Model(room)
    model.settled()
    assert model.write("1", "It crashed with an error") is not None
    assert model.server.model.version.id == 1
    assert "version 1" in room.says("rollback"), "the way out is open"


def test_a_backbone_that_is_not_there_gets_a_sentence(room: Chatroom):
    with pytest.raises(BackchannelError, match="no-such-folder"):
        ModelServer(room.database, Settings(backbone="/no-such-folder/model")).start()


def test_nothing_is_shown_in_a_chat_that_was_left_meanwhile(model: Model):
    model.settled()
    with model.room.database.write() as c:
        chats.disable(c, CHAT, time.time())
    assert model.take(message("1", "The export is broken, it crashes with an error")) == []


def served(model: Model, count: int) -> ServedModel:
    """What serves after `count` messages of both labels, at opposite ends of the space that the backbone writes to."""
    now, rng = model.server.model, np.random.default_rng(0)
    living, width = now.labels[:2], now.backbone.dimension
    targets = np.repeat([0, 1], count)
    vectors = rng.normal(0, 0.02, (2 * count, width)).astype(np.float32)
    vectors[np.arange(2 * count), targets] += 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    descriptions = np.eye(2, width, dtype=np.float32)
    labelled = LabelledVectors(1, 1, living, vectors, targets, descriptions, np.zeros(2 * count, np.bool_))
    settings = cross_validate(labelled, HeadSettings())
    return replace(now, labels=living, head=fit_head(labelled, settings, None, None), settings=settings)


def test_a_message_of_no_label_is_predicted_and_not_shown(model: Model):
    model.settled()
    serving = served(model, 80)
    near, far = np.eye(3, serving.backbone.dimension, dtype=np.float32)[[0, 2]]
    far[0] = 1.0  # leans towards a label, and lies where nobody labelled anything
    inside, outside = serving.decide(np.stack([near, far / np.linalg.norm(far)]))
    assert inside.shown
    assert outside.label == inside.label
    assert outside.probability > 0.5
    assert not outside.shown


def test_with_a_handful_of_labelled_messages_nothing_is_too_foreign_to_be_shown(model: Model):
    model.settled()
    serving = served(model, 15)
    assert serving.head is not None
    assert serving.settings.out_of_scope is None
    assert not serving.head.is_out_of_scope(np.eye(3, serving.backbone.dimension, dtype=np.float32)).any()

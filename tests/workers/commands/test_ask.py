"""`ask`: which messages it asks about, what it makes of its options, and what it says where it can't."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.workers.chatroom import ANA, CHAT, Chatroom, ref
from workers.commands import active_learning
from workers.core.events import Delete, Message
from workers.core.replies import Post
from workers.store import labels, messages, predictions
from workers.store.predictions import Prediction

BACKBONE = "fingerprint"
BUG, QUESTION = np.eye(8, dtype=np.float32)[:2]


def vector(direction: np.ndarray, seed: int, spread: float = 0.3) -> bytes:
    """A unit vector in about this direction."""
    drawn = direction + spread * np.random.default_rng(seed).normal(size=8) / np.sqrt(8)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32).tobytes()


def write(room: Chatroom, name: str, raw: bytes, backbone: str = BACKBONE) -> int:
    """A message that a backbone has read."""
    id = room.write(name, f"this is {name}")
    with room.database.write() as c:
        predictions.record_vectors(c, backbone, [(id, 1, raw)])
    return id


def about(replies: Sequence[object]) -> list[str]:
    """The messages that questions are about."""
    return [reply.reply_to or "" for reply in replies if isinstance(reply, Post) and reply.choices]


def fill(room: Chatroom) -> None:
    """Thirty messages of two kinds, the bugs far more often."""
    for number in range(30):
        kind, name = (QUESTION, "question") if number % 5 == 0 else (BUG, "bug")
        write(room, f"{name}-{number}", vector(kind, number))


def test_the_first_questions_are_of_different_kinds(room: Chatroom) -> None:
    fill(room)
    assert {name.split("-")[0] for name in about(room.type("ask 2"))} == {"bug", "question"}


def test_a_chat_of_twenty_thousand_messages_without_a_label_is_asked_about_its_newest(room: Chatroom) -> None:
    names = [f"m{number}" for number in range(20_000)]
    kinds = [vector(direction, seed) for seed in range(50) for direction in (BUG, QUESTION)]
    written = [Message(key=name, at=number, ref=ref(name), author=ANA, text=name) for number, name in enumerate(names)]
    with room.database.write() as c:
        stored = messages.record(c, written)
        of_kinds = [(message.id, 1, kinds[number % len(kinds)]) for number, message in enumerate(stored)]
        predictions.record_vectors(c, BACKBONE, of_kinds)
    asked = about(room.type("ask 6"))
    assert len(set(asked)) == 6
    assert set(asked) <= set(names[-active_learning.NEWEST :])
    assert {int(name[1:]) % 2 for name in asked} == {0, 1}  # of both kinds


def test_near_copies_are_asked_about_once(room: Chatroom) -> None:
    for number in range(6):
        write(room, f"same-{number}", vector(BUG, 1))
    write(room, "other", vector(QUESTION, 2))
    asked = about(room.type("ask 5"))
    assert len(asked) == 2
    assert "other" in asked


def test_with_enough_labels_it_asks_where_the_model_wavers(room: Chatroom) -> None:
    fill(room)
    for number in range(1, 15):
        room.react(f"bug-{number}" if number % 5 else f"question-{number}", "🐞" if number % 5 else "❓")
    write(room, "between", vector((BUG + QUESTION) / 2, 99, 0.05))
    assert about(room.type("ask")) == ["between"]
    assert "between" not in about(room.type("ask 10"))  # nobody is asked twice


def test_a_label_without_an_example_is_sought_among_what_the_model_took_for_it(room: Chatroom) -> None:
    ids = [write(room, str(number), vector(BUG, number)) for number in range(20)]
    with room.database.write() as c:
        question = labels.find(c, "question")
        assert question is not None
        guess = Prediction(ids[13], 1, 1, 0, question.id, 0.7, 0.4, guess=True, shown=False, at=1.0)
        predictions.record_predictions(c, [guess])
    for number in range(10):
        room.react(str(number), "🐞")
    assert about(room.type("ask 2"))[0] == "13"


@pytest.mark.parametrize("strategy", ["auto", "random", "margin", "entropy", "BADGE"])
def test_a_strategy_may_be_named(room: Chatroom, strategy: str) -> None:
    fill(room)
    for number in range(1, 11):
        room.react(f"bug-{number}" if number % 5 else f"question-{number}", "🐞" if number % 5 else "❓")
    asked = about(room.type(f"ask strategy={strategy} 3"))
    assert len(set(asked)) == 3
    assert all(int(name.split("-")[1]) not in range(1, 11) for name in asked)


@pytest.mark.parametrize(
    ("typed", "en", "zh"),
    [
        ("ask strategy=guess", "no strategy “guess”", "没有 “guess” 这种策略"),
        ("ask 3 strategy=", "no strategy “”", "没有 “” 这种策略"),
        ("ask 3 5", "does not know “5”", "不认识 “5”"),
        ("ask 3 way=margin", "does not know “way=margin”", "不认识 “way=margin”"),
        ("ask strategy=margin strategy=badge", "does not know “strategy=badge”", "不认识 “strategy=badge”"),
        ("ask strategy=margin 11", "1 to 10", "1 到 10"),
    ],
)
def test_what_it_cannot_follow_gets_a_sentence(room: Chatroom, typed: str, en: str, zh: str) -> None:
    fill(room)
    assert en in room.says(typed)
    room.type("here zh")
    assert zh in room.says(typed)


def test_messages_without_vectors_are_asked_about_too(room: Chatroom) -> None:
    room.write("1", "nobody has read this")
    assert about(room.type("ask 3 strategy=badge")) == ["1"]
    assert "nothing to ask" in room.says("ask")


def test_those_without_vectors_wait_until_the_others_were_asked_about(room: Chatroom) -> None:
    room.write("unread", "nobody has read this")
    write(room, "read", vector(BUG, 1))
    assert about(room.type("ask 2")) == ["read"]
    assert about(room.type("ask 2")) == ["unread"]


def test_deleted_and_decided_messages_are_not_asked_about(room: Chatroom) -> None:
    for number in range(4):
        write(room, str(number), vector(BUG, number, 1.0))
    room.react("1", "🐞")
    with room.database.write() as c:
        messages.delete(c, Delete(key="d", at=2e9, ref=ref("2")))
    assert set(about(room.type("ask 10"))) == {"0", "3"}
    assert "nothing to ask" in room.says("ask 10")


def test_the_backbone_that_has_read_most_is_compared_by(room: Chatroom) -> None:
    for number in range(3):
        write(room, f"old-{number}", vector(np.eye(8, dtype=np.float32)[number], number), "old")
    write(room, "new", np.ones(3, np.float32).tobytes(), "new")
    assert {name.split("-")[0] for name in about(room.type("ask 9"))} == {"old"}
    assert about(room.type("ask 9")) == ["new"]


def test_one_message_and_one_label_are_enough(room: Chatroom) -> None:
    (sure,) = room.type("labels remove question")
    room.press(sure.choices[0].value)  # type: ignore[union-attr]
    write(room, "only", vector(BUG, 1))
    assert about(room.type("ask")) == ["only"]


def test_the_same_seed_asks_about_the_same_messages(room: Chatroom) -> None:
    fill(room)
    with room.database.read() as c:
        asked = [active_learning.questions(c, CHAT, 5, "random", seed) for seed in (1, 1, 2)]
    assert asked[0] == asked[1] != asked[2]


def test_a_frequent_label_leaves_room_for_the_others() -> None:
    labelled = [(message, 1) for message in range(100)] + [(200, 2), (201, 2), (202, 2)]
    kept = active_learning.newest_of_each(labelled, 2)
    assert sorted(kept) == [(98, 1), (99, 1), (201, 2), (202, 2)]

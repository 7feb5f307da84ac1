"""What messages said before: kept while the message stands, and gone with it."""

from __future__ import annotations

from itertools import permutations

import pytest
from sqlalchemy import Connection

from tests.workers.store.samples import BOB, CHAT, act, delete, edit, guess, message, ref
from workers.core.events import Delete, Edit, Message
from workers.store import (
    counters,
    erasure,
    history,
    labels,
    ledger,
    messages,
    predictions,
    tallies,
    training_set,
)
from workers.store.database import Database


def happen(c: Connection, event: Message | Edit | Delete) -> None:
    if isinstance(event, Message):
        messages.record(c, [event])
    elif isinstance(event, Edit):
        messages.edit(c, event)
    else:
        messages.delete(c, event)


def former(c: Connection) -> list[tuple[int, str]]:
    stored = messages.find(c, ref(1))
    assert stored is not None
    return [
        (former_text.revision, former_text.text)
        for former_text in messages.former_texts(c, [stored.id]).get(stored.id, [])
    ]


def test_every_text_that_no_longer_stands_is_kept_in_order(db: Database) -> None:
    with db.write() as c:
        for event in (message(1, "one"), edit(1, "two", 2), edit(1, "two", 3), edit(1, "three", 4)):
            happen(c, event)
        assert former(c) == [(1, "one"), (2, "two")]
        happen(c, edit(1, "late and old", 1.5))
        assert former(c) == [(1, "one"), (2, "two")]
        [line] = history.history(c, CHAT)
        assert (line.text, line.former) == ("three", "two")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_was_first_written_is_known_even_if_its_edit_came_first(db: Database, order: tuple[int, ...]) -> None:
    events = [message(1, "first"), edit(1, "second")]
    with db.write() as c:
        for index in order:
            happen(c, events[index])
        happen(c, events[0])
        assert former(c) == [(1, "first")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("nothing", ["", " \n\u200b"])
def test_a_text_that_an_edit_took_away_is_gone_in_whatever_order_that_is_told(
    db: Database, order: tuple[int, ...], nothing: str
) -> None:
    events = [message(1, "my password"), edit(1, "my pass"), edit(1, nothing, 3)]
    with db.write() as c:
        labels.add(c, "bug", "", "🐛", 0)
        ledger.append(c, [act(1, "🐛")], 1)
        for index in order:
            happen(c, events[index])
        happen(c, events[0])
        stored = messages.find(c, ref(1))
        assert stored is not None
        assert (stored.text, former(c)) == ("", [])
        assert list(training_set.export(c)) == []


def test_vectors_of_a_text_that_was_taken_away_are_gone_and_its_prediction_says_what_is_shown(db: Database) -> None:
    with db.write() as c:
        happen(c, message(1, "my password"))
        stored = messages.find(c, ref(1))
        assert stored is not None
        predictions.record_vectors(c, "b", [(stored.id, 1, b"\x01")])
        predictions.record_predictions(c, [guess(stored.id, 1)])
        happen(c, edit(1, ""))
        assert training_set.recent_vectors(c, "b", 9) == []
        assert predictions.predicted(c, [stored.id])


def test_of_a_message_without_words_that_was_edited_nobody_has_seen_anything(db: Database) -> None:
    """A picture's, or a command's."""
    with db.write() as c:
        happen(c, edit(1, ""))
        assert messages.find(c, ref(1)) is None
        assert counters.value(c, tallies.MESSAGES) == 0
        happen(c, edit(1, "now with words", 3))
        stored = messages.find(c, ref(1))
        assert stored is not None
        assert stored.text == "now with words"
        assert counters.value(c, tallies.MESSAGES) == 1


def test_nothing_is_left_of_a_deleted_message(db: Database) -> None:
    with db.write() as c:
        for event in (message(1, "one"), edit(1, "two"), delete(1), message(1, "one")):
            happen(c, event)
        assert former(c) == []


def test_nothing_is_left_of_a_forgotten_persons_former_texts(db: Database) -> None:
    with db.write() as c:
        for event in (message(1, "a secret of mine", BOB), edit(1, "nothing")):
            happen(c, event)
        erasure.forget(c, BOB.id, "web", "w")
        assert former(c) == []

"""What messages said before: kept while the message stands, and gone with it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from tests.workers.store.samples import BOB, CHAT, delete, edit, message, ref
from workers.core.events import Delete, Edit, Message
from workers.store import erasure, history, messages
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

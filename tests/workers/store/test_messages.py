"""Messages, their edits and deletes, in whatever order they come."""

from __future__ import annotations

from itertools import permutations

import pytest
from sqlalchemy import Connection

from tests.workers.queries import last_prediction
from tests.workers.store.samples import BOB, CHAT, UMA, act, choose, delete, edit, guess, message, ref, stored
from workers.core.events import Delete, Edit, Message
from workers.store import chats, erasure, inbox, labels, ledger, messages, predictions, training_set
from workers.store.database import Database

TEXTS = {
    "long": "x" * 100_000,
    "right to left": "שלום, עולם — مرحبا بالعالم",
    "emoji": "👩🏽‍💻🏳️‍🌈🇨🇭❤️",
    "chinese": "请看这个 bug",
    "quotes": """it's "quoted" \\ %s {x} :y; DROP TABLE inbox;--""",
    "lines": "a\r\nb\tc\u2028d",
    "empty": "",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_comes_back_as_it_was(db: Database, text: str) -> None:
    event = message(1, text)
    with db.write() as c:
        inbox.add(c, [event], 0)
        [claimed] = inbox.claim(c, event.queue, 1, 30, "worker", 1)
        assert claimed.event == event
        [known] = messages.record(c, [event])
        assert known.text == text
        assert messages.texts(c, [known.id]) == {known.id: text}


def test_zero_bytes_and_lone_surrogates_are_made_storable(db: Database) -> None:
    with db.write() as c:
        event = message(1, "a\x00b\ud83dc")
        inbox.add(c, [event], 0)
        [claimed] = inbox.claim(c, event.queue, 1, 30, "worker", 1)
        assert isinstance(claimed.event, Message)
        [known] = messages.record(c, [claimed.event])
        assert known.text == "ab\ufffdc"


def test_recording_again_returns_what_is_stored(db: Database) -> None:
    first, second = message(1, "one"), message(2, "two")
    with db.write() as c:
        known = messages.record(c, [first, second])
        assert [item.text for item in known] == ["one", "two"]
        again = messages.record(c, [second, message(1, "something else", BOB), second])
        assert again == [known[1], known[0], known[1]]
        assert messages.record(c, []) == []
        assert messages.find(c, ref(1)) == known[0]
        assert messages.find(c, ref(9)) is None


def test_an_edit_is_a_new_revision_only_if_the_text_changed(db: Database) -> None:
    stored(db, 1)
    with db.write() as c:
        same = messages.edit(c, edit(1, "This is message 1", at=2))
        changed = messages.edit(c, edit(1, "New", at=3))
        older = messages.edit(c, edit(1, "Old", at=2.5))
    assert same
    assert changed
    assert (same.revision, changed.revision, changed.text) == (1, 2, "New")
    assert older == changed


def test_the_sequence_decides_between_edits_of_the_same_second(db: Database) -> None:
    stored(db, 1)
    with db.write() as c:
        messages.edit(c, edit(1, "second", at=2, sequence=8))
        messages.edit(c, edit(1, "first", at=2, sequence=7))
        stored_message = messages.find(c, ref(1))
    assert stored_message
    assert stored_message.text == "second"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_a_message_and_its_edits_ends_the_same(db: Database, order: tuple[int, ...]) -> None:
    events = [message(1, "zero"), edit(1, "one", at=2), edit(1, "two", at=3), edit(1, "three", at=4)]
    with db.write() as c:
        for index in order:
            apply(c, events[index])
        stored_message = messages.find(c, ref(1))
    assert stored_message
    assert (stored_message.text, stored_message.author, stored_message.at, stored_message.deleted) == (
        "three",
        UMA,
        1.0,
        False,
    )


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_with_a_delete_ends_deleted(db: Database, order: tuple[int, ...]) -> None:
    events = [message(1, "zero"), edit(1, "one"), delete(1)]
    with db.write() as c:
        for index in order:
            apply(c, events[index])
        stored_message = messages.find(c, ref(1))
        assert stored_message
        assert (stored_message.text, stored_message.deleted) == (None, True)
        assert messages.edit(c, edit(1, "again", at=9)) is None
        assert messages.texts(c, [stored_message.id]) == {}


def apply(c: Connection, event: Message | Edit | Delete) -> None:
    if isinstance(event, Message):
        messages.record(c, [event])
    elif isinstance(event, Edit):
        messages.edit(c, event)
    else:
        messages.delete(c, event)


def test_an_edit_before_its_message_has_no_author_yet(db: Database) -> None:
    with db.write() as c:
        early = messages.edit(c, edit(1, "edited"))
        assert early
        assert (early.author.id, early.text, early.revision) == ("", "edited", 2)


def test_vectors_belong_to_a_revision(db: Database) -> None:
    [one, two] = stored(db, 1, 2)
    with db.write() as c:
        predictions.record_vectors(c, "b", [(one.id, 1, b"\x00\x01"), (two.id, 1, b"\x02")])
        predictions.record_vectors(c, "other", [(one.id, 1, b"\x09")])
        assert predictions.vectors(c, "b", [one.id, two.id, 99]) == {one.id: b"\x00\x01", two.id: b"\x02"}
        messages.edit(c, edit(1, "New"))
        assert predictions.vectors(c, "b", [one.id, two.id]) == {two.id: b"\x02"}
        predictions.record_vectors(c, "b", [(one.id, 2, b"\x03")])
        predictions.record_vectors(c, "b", [(one.id, 1, b"late")])
        assert predictions.vectors(c, "b", [one.id]) == {one.id: b"\x03"}
        messages.delete(c, delete(1))
        predictions.record_vectors(c, "b", [(one.id, 2, b"late")])
        assert predictions.vectors(c, "b", [one.id]) == {}


def test_a_thousand_vectors_come_back(db: Database) -> None:
    known = stored(db, *range(1200))
    rows = [(item.id, 1, item.id.to_bytes(8, "big")) for item in known]
    with db.write() as c:
        predictions.record_vectors(c, "b", rows)
        assert predictions.vectors(c, "b", [item.id for item in known]) == {id: vector for id, _, vector in rows}


def test_predictions_go_with_their_message(db: Database) -> None:
    [one] = stored(db, 1)
    with db.write() as c:
        first, second = guess(one.id, margin=0.1), guess(one.id, label=3, guess=True)
        predictions.record_predictions(c, [first, second])
        assert last_prediction(c, one.id) == second
        messages.delete(c, delete(1))
        predictions.record_predictions(c, [first])
        assert last_prediction(c, one.id) is None


def test_a_label_that_came_before_its_message_counts_from_then_on(db: Database) -> None:
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        ledger.append(c, [act(1, "🐛")], 0)
        assert training_set.labelled(c) == []
        before = labels.revision(c)
        [one] = messages.record(c, [message(1)])
        assert labels.revision(c) > before
        assert training_set.labelled(c) == [(one.id, bug.id)]
        before = labels.revision(c)
        messages.delete(c, delete(1))
        assert labels.revision(c) > before
        assert training_set.labelled(c) == []


def test_deleting_an_unlabelled_message_changes_no_revision(db: Database) -> None:
    stored(db, 1)
    with db.write() as c:
        before = labels.revision(c)
        messages.delete(c, delete(1))
        messages.delete(c, delete(2))
        assert labels.revision(c) == before


def test_whoever_reads_the_pool_may_stop_early(db: Database) -> None:
    stored(db, 1, 2, 3)
    with db.write() as c:
        chats.enable(c, CHAT, UMA, "en", 0.0)
    with db.read() as c:
        assert next(iter(training_set.pool(c))) == "This is message 1"
        assert training_set.pool_size(c) == 3
        assert list(training_set.pool(c)) == [f"This is message {number}" for number in (1, 2, 3)]


def test_export_names_the_labels(db: Database) -> None:
    stored(db, 1, 2, 3)
    with db.write() as c:
        bug, idea = labels.add(c, "Bug", "", None, 0), labels.add(c, "Idea", "", None, 0)
        ledger.append(c, [choose(1, bug.id), choose(2, idea.id), choose(3, None)], 0)
        exported = [
            {"text": "This is message 1", "label": "Bug", "at": 1.0, "chat": CHAT.key},
            {"text": "This is message 2", "label": "Idea", "at": 1.0, "chat": CHAT.key},
        ]
        assert list(training_set.export(c, CHAT)) == list(training_set.export(c)) == exported
        assert list(training_set.export(c, CHAT.model_copy(update={"chat_id": "other"}))) == []


def test_people_are_found_by_id_or_name(db: Database) -> None:
    with db.write() as c:
        messages.record(c, [message(1, author=UMA), message(2, author=UMA)])
        ledger.append(c, [act(1, "🐛", BOB)], 0)
        assert erasure.people(c, CHAT, "@uMA") == [UMA]
        assert erasure.people(c, CHAT, "u2") == erasure.people(c, CHAT, "Bob ") == [BOB]
        assert erasure.people(c, CHAT, "nobody") == erasure.people(c, CHAT, "") == []


def test_an_edit_that_comes_first_brings_its_author_along(db: Database) -> None:
    first = edit(1, "revised", at=3.0).model_copy(update={"author": UMA, "written": 2.0, "reply_to": "0"})
    with db.write() as c:
        chats.enable(c, CHAT, UMA, "en", 1.0)
        begun = messages.edit(c, first)
        assert begun is not None
        assert (begun.author, begun.at, begun.text) == (UMA, 2.0, "revised")
        [whole] = messages.record(c, [message(1, "as it was", at=2.0)])
        assert (whole.text, whole.revision) == ("revised", 2)
        assert [former.text for former in messages.former_texts(c, [whole.id])[whole.id]] == ["as it was"]


def test_an_edit_of_what_was_written_before_the_chat_was_on_is_left_alone(db: Database) -> None:
    early = edit(1, "revised", at=9.0).model_copy(update={"author": UMA, "written": 4.0})
    with db.write() as c:
        chats.enable(c, CHAT, UMA, "en", 5.0)
        chats.enable(c, CHAT, UMA, "zh", 8.0)
        assert messages.edit(c, early) is None
        assert messages.find(c, early.ref) is None
        late = early.model_copy(update={"written": 6.0})
        assert messages.edit(c, late) is not None, "on since 5, whatever language was chosen at 8"
        messages.record(c, [message(2, at=6.5)])
        chats.disable(c, CHAT, 7.0)
        chats.enable(c, CHAT, UMA, "en", 10.0)
        known = messages.edit(c, edit(2, "changed", at=11.0).model_copy(update={"author": UMA, "written": 6.5}))
        assert known is not None, "what is known is kept up to date"

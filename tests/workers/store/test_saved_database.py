"""A database that an earlier version wrote: today's code opens it, reads all of it and works on what waited in it."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.workers.chatroom import BO, CHAT, Chatroom, ref
from tests.workers.queries import counted_anew
from workers.core.events import CLASSIFY, LABELS
from workers.handlers.dispatch import handle, in_steps
from workers.store import (
    chats,
    counters,
    head_fits,
    inbox,
    installations,
    jobs,
    labels,
    ledger,
    messages,
    outbox,
    predictions,
    tallies,
    training_set,
    versions,
)
from workers.store.database import Database

SAVED = Path(__file__).parent / "fixtures" / "saved_before.sql"
LATER = 1_790_002_000.0


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Database]:
    """The database as it was saved, in a file of its own, brought up to date."""
    path = tmp_path / "saved.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.executescript(SAVED.read_text("utf-8"))
    connection.close()
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.check()
    yield database
    database.dispose()


def test_messages_labels_and_the_ledger_are_as_they_were(saved: Database) -> None:
    with saved.read() as c:
        chat = chats.get(c, CHAT)
        assert chat
        assert (chat.enabled, chat.mode, chat.language) == (True, "suggest", "en")
        living = [f"{label.emoji} {label.name}" for label in labels.living(c)]
        assert living == ["🐞 bug", "❓ question", "💐 thanks"]
        edited, deleted = messages.find(c, ref("2")), messages.find(c, ref("4"))
        assert edited
        assert deleted
        assert (edited.text, deleted.text) == ("How do I open the calendar on a phone?", None)
        [former] = messages.former_texts(c, [edited.id])[edited.id]
        assert former.text == "How do I open the calendar?"
        assert len(ledger.ledger(c)) == 10
        texts = messages.texts(c, [message for message, _ in training_set.labelled(c)])
        assert set(texts.values()) == {
            "The export crashes on start",
            "How do I open the calendar on a phone?",
            "Thanks for the quick fix",
            "谢谢你的帮助",
        }
        assert set(predictions.vectors(c, "0123456789abcdef", [1, 2])) == {
            1
        }  # the other is of the text before its edit
        assert predictions.predicted(c, [1]) == {1: (1, True)}


def test_what_was_stored_before_counts(saved: Database) -> None:
    with saved.read() as c:
        kept = counters.values(c, (tallies.MESSAGES, tallies.DISPUTED, tallies.TESTED))
        assert {**kept, **training_set.counts(c)} == counted_anew(c)
        assert training_set.labelled_size(c) == 4


def test_versions_and_jobs_of_every_kind_are_read(saved: Database) -> None:
    with saved.read() as c:
        active = versions.active(c)
        assert (active.id, active.method, active.folder, active.metrics["accuracy"]) == (2, "lora", "versions/2", 0.8)
        fit = head_fits.latest(c, 1)
        assert fit
        assert (fit.revision, fit.examples) == (3, 5)
        states = [job.state for job in jobs.latest(c, 10)]
        assert states == ["queued", "done", "done", "done", "done", "done"]
        train, waiting = jobs.find(c, 1), jobs.find(c, 6)
        assert train
        assert waiting
        assert (train.request.method, train.request.epochs, train.result) == (
            "lora",
            2.0,
            {"version": 2, "promoted": True},
        )
        assert waiting.request.student == "static"
        installation = installations.find(c, "slack", "T1")
        assert installation
        assert json.loads(installation.data.get_secret_value()) == {"made": "up"}
    with saved.write() as c:
        claimed = jobs.claim(c, "worker", 60, LATER)
        assert claimed
        assert claimed.id == 6
        before = versions.rollback(c, LATER)
        assert before
        assert before.id == 1


def test_the_backbone_that_an_upgrade_brings_is_offered_and_takes_nothing_over(saved: Database) -> None:
    with saved.read() as c:
        before, labelled = versions.active(c), training_set.labelled(c)
        vectors = predictions.vectors(c, "0123456789abcdef", [1, 2])
    with saved.write() as c:
        brought = versions.ensure_base(c, "multilingual", "", LATER, chosen=False)
    with saved.read() as c:
        assert (versions.active(c), training_set.labelled(c)) == (before, labelled)
        assert predictions.vectors(c, "0123456789abcdef", [1, 2]) == vectors
    send_all(saved)
    room = Chatroom(saved, clock=itertools.count(int(LATER) + 100))
    assert f"`promote {brought.id}` takes it" in room.says("models")
    room.type(f"promote {brought.id}")
    with saved.read() as c:
        assert versions.active(c).id == brought.id


def test_commands_answer_from_what_was_saved(saved: Database) -> None:
    send_all(saved)
    room = Chatroom(saved, clock=itertools.count(int(LATER) + 100))
    assert "💐 thanks · 2" in room.says("labels")
    assert "accuracy 80.0%" in room.says("models")
    assert "Job 6 · Distilling · queued" in room.says("jobs")
    assert "The export crashes on start" in room.type("export")[0].content  # type: ignore[union-attr]
    assert "1" in room.says("rollback")


def test_the_next_retraining_takes_the_recipe_of_the_saved_tuning(saved: Database) -> None:
    room = Chatroom(saved, clock=itertools.count(int(LATER)))
    for number, emoji in enumerate("🐞🐞❓❓"):
        room.write(f"more {number}", f"One more message, number {number}")
        room.react(f"more {number}", emoji)
    room.type("retrain")
    with saved.read() as c:
        newest = jobs.latest(c, 1)[0]
    assert (newest.kind, newest.request.method) == ("train", "lora")
    assert "learning_rate = 0.002" in newest.request.recipe


def test_events_of_every_kind_that_waited_are_worked_on(saved: Database) -> None:
    with saved.write() as c:
        texts = [claimed.event.kind for claimed in inbox.claim(c, CLASSIFY, 20, 30.0, "test", LATER)]
        rest = inbox.claim(c, LABELS, 20, 30.0, "test", LATER)
        assert texts == ["message", "edit", "delete", "command"]
        assert sorted(claimed.event.kind for claimed in rest) == ["button", "command", "moved", "presence", "reaction"]
    for step in in_steps([claimed for claimed in rest if claimed.event.kind != "moved"]):
        handle(saved, step, "en", LATER)
    with saved.read() as c:
        assert len(ledger.ledger(c)) == 11
        assert c.execute(text("select count(*) from outbox where key like 'w6:%'")).scalar_one() == 1


def send_all(database: Database) -> list[str]:
    """Deliver what waits in the outbox; the kinds of the replies."""
    sent: list[str] = []
    for now in itertools.count(LATER):
        with database.write() as c:
            claimed = outbox.claim(c, "web", 10, 30.0, "test", now)
            for outgoing in claimed:
                outbox.sent(c, outgoing, f"m{outgoing.id}", now)
        if not claimed:
            return sent
        sent += [outgoing.reply.kind for outgoing in claimed]
    raise AssertionError


def test_replies_of_every_kind_that_waited_are_sent(saved: Database) -> None:
    assert sorted(send_all(saved)) == ["check_admin", "document", "edit_post", "picture", "post", "react"]


def test_a_button_that_an_earlier_version_posted_still_means_the_same(saved: Database) -> None:
    room = Chatroom(saved, clock=itertools.count(int(LATER)))
    with saved.read() as c:
        posted = c.execute(text("select reply from outbox where id = 5")).scalar_one()
    value = json.loads(posted)["choices"][0]["value"]
    room.press(value, who=BO, message_id="bot-5")
    with saved.read() as c:
        rows = [row for row in ledger.ledger(c, ref("6")) if row.source == "ask"]
    assert [(row.label, row.annotator) for row in rows] == [(1, BO)]

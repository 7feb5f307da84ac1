"""A chat goes on under another id: nothing is lost, and nothing old is taken for something new."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.workers.store.samples import BOB, EVE, act, command, message, post, reaction, ref
from workers.core.events import ChatRef, Command, Message, MessageRef
from workers.core.replies import EditPost, Post, React
from workers.store import (
    chat_migration,
    chats,
    history,
    inbox,
    jobs,
    labels,
    ledger,
    messages,
    outbox,
    questions,
    tables,
    training_set,
)
from workers.store.database import Database
from workers.store.inbox import LostClaim
from workers.store.jobs import JobRequest

OLD = ChatRef(platform="web", workspace="w", chat_id="c")
NEW = ChatRef(platform="web", workspace="w2", chat_id="c2")


def new_ref(message_id: str) -> MessageRef:
    return MessageRef(**NEW.model_dump(), message_id=message_id)


def migrate(db: Database) -> None:
    with db.write() as c:
        chat_migration.migrate(c, OLD, NEW)


def test_settings_messages_and_labels_go_along(db: Database) -> None:
    with db.write() as c:
        chats.enable(c, OLD, BOB, "zh", 1)
        chats.set_mode(c, OLD, "shadow")
        label = labels.add(c, "bug", "", "🐛", 1)
        messages.record(c, [message(1, "It crashed"), message(2, "Again", reply_to="1", at=2.0)])
        ledger.append(c, [act(1, "🐛")], 2)
    for _ in range(2):  # told twice, it is moved once
        migrate(db)
    with db.read() as c:
        after = chats.get(c, NEW)
        assert after is not None
        assert (after.enabled, after.mode, after.language) == (True, "shadow", "zh")
        before = chats.get(c, OLD)
        assert before is not None
        assert (before.enabled, before.moved_to) == (False, NEW.key)
        assert messages.find(c, ref(1)) is None
        stored = messages.find(c, new_ref("before:1"))
        assert stored is not None
        assert training_set.labelled(c) == [(stored.id, label.id)]
        first, second = history.history(c, NEW)
        assert (first.text, first.reactions[0].emoji) == ("It crashed", "🐛")
        assert second.reply_to == "before:1"


def test_a_new_message_with_an_old_number_is_another_message(db: Database) -> None:
    with db.write() as c:
        labels.add(c, "bug", "", "🐛", 1)
        messages.record(c, [message(1, "old")])
    migrate(db)
    with db.write() as c:
        messages.record(c, [Message(key="n", at=2, ref=new_ref("1"), author=BOB, text="new")])
        assert [line.text for line in history.history(c, NEW)] == ["old", "new"]


def test_what_a_worker_has_in_its_hands_is_done_again_in_the_new_chat(db: Database) -> None:
    with db.write() as c:
        inbox.add(c, [reaction(1), message(2)], 1)
        held = inbox.claim(c, "labels", 5, 30, "worker", 1)
    migrate(db)
    with db.write() as c, pytest.raises(LostClaim):
        inbox.finish(c, held)
    with db.write() as c:
        [again] = inbox.claim(c, "labels", 5, 30, "other", 2)
        assert again.event.ref == new_ref("before:1")  # type: ignore[union-attr]
        [waiting] = inbox.claim(c, "classify", 5, 30, "other", 2)
        assert waiting.event.ref == new_ref("before:2")  # type: ignore[union-attr]


def test_replies_that_wait_are_sent_to_the_new_chat_and_old_posts_stay_old(db: Database) -> None:
    with db.write() as c:
        outbox.add(c, [("p", post("Progress", OLD)), ("r", React(ref=ref(1), emoji="🐛"))], 1)
        for outgoing in outbox.claim(c, "web", 5, 30, "worker", 1):
            outbox.sent(c, outgoing, f"id-{outgoing.key}", 1)
        edit = EditPost(chat=OLD, post="p", text="Half")
        outbox.add(c, [("e", edit), ("q", post("Hi", OLD, reply_to="1")), ("r2", React(ref=ref(1), emoji=None))], 2)
        outbox.claim(c, "web", 5, 30, "worker", 2)
    migrate(db)
    with db.write() as c:
        sent = outbox.claim(c, "web", 5, 30, "other", 3)
        assert [(outgoing.key, outgoing.reply.chat, outgoing.handle) for outgoing in sent] == [
            ("e", NEW, "before:id-p"),
            ("q", NEW, None),
            ("r2", NEW, "before:id-r"),
        ]
        assert isinstance(sent[1].reply, Post)
        assert sent[1].reply.reply_to == "before:1"


def test_questions_jobs_and_the_audit_go_along(db: Database) -> None:
    with db.write() as c:
        [stored] = messages.record(c, [message(1)])
        number = questions.ask(c, stored.ref, stored.id, "post", 1)
        held = questions.hold(c, Command(key="h", at=1, chat=OLD, caller=EVE, text="leave"), 1)
        questions.write_audit(c, 1, BOB, OLD, "here", "", "done")
        jobs.add(c, JobRequest(chat=OLD, requested_by=BOB, post="p"), 1)
    migrate(db)
    with db.read() as c:
        asked = questions.question(c, number)
        assert asked is not None
        assert asked.ref == new_ref("before:1")
        command_held = questions.peek(c, held, 2)
        assert command_held is not None
        assert command_held.chat == NEW
        running = jobs.running(c)
        assert running is not None
        assert running.request.chat == NEW
        row = c.execute(select(tables.audit)).one()
        assert (row.workspace, row.chat_id) == (NEW.workspace, NEW.chat_id)


def test_another_chat_whose_name_begins_alike_stays_where_it_is(db: Database) -> None:
    near = ChatRef(platform="web", workspace="w", chat_id="c3")
    with db.write() as c:
        labels.add(c, "bug", "", "🐛", 1)
        messages.record(
            c, [Message(key="n", at=2, ref=MessageRef(**near.model_dump(), message_id="1"), author=BOB, text="x")]
        )
        inbox.add(c, [command()], 1)
    migrate(db)
    with db.read() as c:
        assert [line.text for line in history.history(c, near)] == ["x"]

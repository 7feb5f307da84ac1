"""Where a message stands, when only its number and its workspace are known."""

from __future__ import annotations

import pytest

from tests.workers.store.samples import UMA, message
from workers.core.events import ChatRef
from workers.store import chats, inbox, messages
from workers.store.database import Database
from workers.store.messages import chat_of_message

FIRST = ChatRef(platform="telegram", workspace="-5", chat_id="-5:1")
SECOND = ChatRef(platform="telegram", workspace="-5", chat_id="-5:2")
ELSEWHERE = ChatRef(platform="telegram", workspace="-6", chat_id="-6")


def chat_with(db: Database, number: int) -> ChatRef | None:
    with db.read() as c:
        return chat_of_message(c, "telegram", "-5", str(number))


@pytest.fixture(autouse=True)
def _enabled(db: Database) -> None:
    with db.write() as c:
        for chat in (FIRST, SECOND, ELSEWHERE):
            chats.enable(c, chat, UMA, "en", 0.0)


def test_a_stored_message_is_found_in_its_own_chat(db: Database) -> None:
    events = [message(7, ref={**SECOND.model_dump(), "message_id": "7"})]
    with db.write() as c:
        messages.record(c, events)
    assert chat_with(db, 7) == SECOND
    assert chat_with(db, 70) is None


def test_a_message_that_no_worker_has_seen_is_found_as_well(db: Database) -> None:
    events = [message(8, ref={**FIRST.model_dump(), "message_id": "8"}, text='a quote "message_id":"9"')]
    with db.write() as c:
        inbox.add(c, events, 0.0)
    assert chat_with(db, 8) == FIRST
    assert chat_with(db, 9) is None


def test_neither_other_workspaces_nor_disabled_chats_are_looked_at(db: Database) -> None:
    with db.write() as c:
        messages.record(c, [message(1, ref={**ELSEWHERE.model_dump(), "message_id": "1"})])
        messages.record(c, [message(2, ref={**FIRST.model_dump(), "message_id": "2"})])
        chats.disable(c, FIRST, 1.0)
    assert chat_with(db, 1) is None
    assert chat_with(db, 2) is None

"""What waits, what was given up, and what becomes of that."""

from __future__ import annotations

import pytest

from tests.workers.store.samples import CHAT, message
from workers.core.errors import BackchannelError
from workers.core.events import CLASSIFY, Event
from workers.core.replies import Post
from workers.store import backlog, inbox, outbox
from workers.store.backlog import Backlog
from workers.store.database import Database

NOW = 1000.0


def come_in(db: Database, *events: Event) -> None:
    with db.write() as c:
        inbox.add(c, events, NOW)


def give_up_event(db: Database, event: Event) -> None:
    """An event that fails as often as it is tried."""
    come_in(db, event)
    for attempt in range(inbox.MAX_ATTEMPTS):
        now = NOW + 1000.0 * attempt
        with db.write() as c:
            [claimed] = inbox.claim(c, CLASSIFY, 10, 30.0, "worker", now)
            inbox.retry(c, claimed, 1.0, "ValueError", now)


def give_up_reply(db: Database, key: str) -> None:
    with db.write() as c:
        outbox.add(c, [(key, Post(chat=CHAT, text="words of somebody"))], NOW)
        [claimed] = outbox.claim(c, CHAT.platform, 10, 30.0, "delivery", NOW)
        outbox.fail(c, claimed, "The chat is gone.", NOW)


def test_what_waits_is_counted_by_queue_and_by_platform_with_its_age(db: Database) -> None:
    come_in(db, message("1"), message("2"))
    with db.write() as c:
        outbox.add(c, [("a", Post(chat=CHAT, text="x"))], NOW + 20)
        inbox.claim(c, CLASSIFY, 1, 30.0, "worker", NOW)  # what is being worked on still waits for its end
    with db.read() as c:
        assert backlog.waiting(c, NOW + 50) == [
            Backlog("in", CLASSIFY, 2, 50.0),
            Backlog("out", CHAT.platform, 1, 30.0),
        ]
        assert backlog.oldest_reply(c, CHAT.platform, NOW + 50) == 30.0
        assert backlog.oldest_reply(c, "other", NOW + 50) == 0.0


def test_what_was_given_up_is_listed_without_what_people_wrote(db: Database) -> None:
    give_up_event(db, message("1", "my secret"))
    give_up_reply(db, "a")
    with db.read() as c:
        rows = backlog.failed(c, 10)
        assert backlog.failed_count(c) == 2
    assert [(row.number, row.where, row.why) for row in rows] == [
        ("in1", CHAT.key, "ValueError"),
        ("out1", CHAT.key, "The chat is gone."),
    ]


def test_it_is_tried_again_from_the_first_try(db: Database) -> None:
    give_up_event(db, message("1"))
    give_up_reply(db, "a")
    later = NOW + 100_000.0
    with db.write() as c:
        assert backlog.retry(c, ["in1", "out1", "out999"], later) == 2
        [claimed] = inbox.claim(c, CLASSIFY, 10, 30.0, "worker", later)
        [outgoing] = outbox.claim(c, CHAT.platform, 10, 30.0, "delivery", later)
        assert (claimed.attempts, outgoing.attempts, outgoing.reply.text) == (1, 1, "words of somebody")
        assert backlog.failed_count(c) == 0


def test_dropped_it_is_empty_and_does_not_come_back(db: Database) -> None:
    event = message("1")
    give_up_event(db, event)
    give_up_reply(db, "a")
    with db.write() as c:
        assert backlog.drop(c, []) == 2
        assert backlog.failed_count(c) == 0
        assert inbox.add(c, [event], NOW) == 0  # delivered again
        outbox.add(c, [("a", Post(chat=CHAT, text="x"))], NOW)
        assert not outbox.claim(c, CHAT.platform, 10, 30.0, "delivery", NOW)


def test_what_waits_is_neither_retried_nor_dropped(db: Database) -> None:
    come_in(db, message("1"))
    with db.write() as c:
        assert backlog.drop(c, ["in1"]) == 0
        assert backlog.retry(c, [], NOW) == 0
        assert len(inbox.claim(c, CLASSIFY, 10, 30.0, "worker", NOW)) == 1


@pytest.mark.parametrize("number", ["1", "in", "inn1", "in1;", "in-1", "out" + "9" * 30])
def test_a_number_that_is_none_gets_a_sentence(db: Database, number: str) -> None:
    with pytest.raises(BackchannelError, match="failed list"), db.write() as c:
        backlog.drop(c, [number])

"""The outbox: in order within a chat, each reply once, only the newest of what replaces the older."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from tests.workers.queries import unsent
from tests.workers.store.samples import CHAT, command, post, ref
from workers.core.events import ChatRef
from workers.core.replies import CheckAdmin, Choice, Document, EditPost, React, Reply
from workers.store import outbox, tables
from workers.store.database import Database

OTHER = ChatRef(platform="web", workspace="w", chat_id="other")


def add(db: Database, *replies: tuple[str, Reply]) -> None:
    with db.write() as c:
        outbox.add(c, replies, 0)


def claim(db: Database, now: float = 1.0, limit: int = 64, lease: float = 30.0) -> list[outbox.Outgoing]:
    with db.write() as c:
        return outbox.claim(c, "web", limit, lease, "bot", now)


def keys(outgoing: list[outbox.Outgoing]) -> list[str]:
    return [item.key for item in outgoing]


def send(db: Database, outgoing: list[outbox.Outgoing], now: float = 2.0) -> None:
    with db.write() as c:
        for item in outgoing:
            outbox.sent(c, item, f"id of {item.key}", now)


def state(db: Database, key: str) -> str:
    with db.read() as c:
        return c.execute(select(tables.outbox.c.state).where(tables.outbox.c.key == key)).scalar_one()


@pytest.mark.parametrize(
    "reply",
    [
        post("hi", choices=(Choice(text="Yes", value="y"),), reply_to="4", progress=0.5),
        React(ref=ref(1), emoji=None),
        React(ref=ref(1), emoji="🐛", label="Bug", probability=0.7, guess=True),
        EditPost(chat=CHAT, post="p", text="new"),
        Document(chat=CHAT, filename="a.csv", content="x" * 100_000, text="here"),
        CheckAdmin(event=command()),
    ],
)
def test_a_reply_comes_out_as_it_went_in(db: Database, reply: Reply) -> None:
    add(db, ("a", reply))
    [outgoing] = claim(db)
    assert (outgoing.key, outgoing.reply, outgoing.attempts, outgoing.handle) == ("a", reply, 1, None)


def test_a_key_is_sent_once(db: Database) -> None:
    add(db, ("a", post("first")), ("a", post("second")))
    send(db, claim(db))
    add(db, ("a", post("third")))
    assert claim(db) == []
    with db.read() as c:
        assert unsent(c) == 0


def test_a_chat_keeps_its_order_and_others_go_on_while_it_waits(db: Database) -> None:
    add(db, ("a1", post()), ("b1", post(chat=OTHER)), ("a2", post()), ("b2", post(chat=OTHER)))
    [first] = claim(db, limit=1)
    assert keys(claim(db)) == ["b1", "b2"]
    with db.write() as c:
        outbox.retry(c, first, 10, "slow down", 1)
    assert claim(db, now=10.9) == []
    assert keys(claim(db, now=11)) == ["a1", "a2"]


def test_a_paused_chat_takes_no_later_reply_either(db: Database) -> None:
    add(db, ("a1", post()))
    [first] = claim(db)
    with db.write() as c:
        outbox.retry(c, first, 10, "slow down", 1)
    add(db, ("a2", post()))
    assert claim(db, now=5) == []


def test_a_lease_that_runs_out_hands_the_reply_out_again_in_its_place(db: Database) -> None:
    add(db, ("a1", post()), ("a2", post()))
    [slow] = claim(db, now=0, limit=1, lease=30)
    assert claim(db, now=29) == []
    again = claim(db, now=30)
    assert keys(again) == ["a1", "a2"]
    assert again[0].attempts == 2
    with db.write() as c:
        outbox.retry(c, slow, 0, "late", 30)
        outbox.fail(c, slow, "late", 30)
    assert state(db, "a1") == "claimed"


def test_a_late_send_still_tells_the_posts_id(db: Database) -> None:
    add(db, ("a", post()))
    slow = claim(db, now=0, lease=1)
    [quick] = claim(db, now=1)
    send(db, slow)
    assert state(db, "a") == "claimed"
    with db.write() as c:
        outbox.fail(c, quick, "already there", 2)
        assert outbox.find_post(c, CHAT, "id of a") == "a"


def test_a_late_send_does_not_replace_the_id_that_is_known(db: Database) -> None:
    add(db, ("a", post()), ("b", post(chat=OTHER)))
    [slow, other] = claim(db, now=0, lease=1)
    [quick, _] = claim(db, now=1)
    with db.write() as c:
        outbox.sent(c, quick, "first", 2)
        outbox.sent(c, slow, "second", 3)
        outbox.sent(c, other, "elsewhere", 3)
        assert [outbox.find_post(c, CHAT, id) for id in ("first", "second")] == ["a", None]


def test_of_several_posts_with_one_id_the_last_is_meant(db: Database) -> None:
    """Some platforms give ids anew, such as a chat that was begun again."""
    add(db, ("old", post()), ("new", post()), ("elsewhere", post(chat=OTHER)))
    with db.write() as c:
        for item in outbox.claim(c, "web", 9, 30, "bot", 1):
            outbox.sent(c, item, "17", 2)
        assert outbox.find_post(c, CHAT, "17") == "new"
        assert outbox.find_post(c, OTHER, "17") == "elsewhere"


def test_an_edit_knows_the_id_of_its_post_and_waits_for_it(db: Database) -> None:
    add(db, ("p", post()), ("e", EditPost(chat=CHAT, post="p", text="more")), ("q", post()))
    first = claim(db)
    assert keys(first) == ["p"]
    assert claim(db) == []
    send(db, first)
    second = claim(db)
    assert [(item.key, item.handle) for item in second] == [("e", "id of p"), ("q", None)]


def test_an_edit_of_a_post_that_failed_has_no_id(db: Database) -> None:
    add(db, ("p", post()), ("e", EditPost(chat=CHAT, post="p", text="more")))
    [failed] = claim(db)
    with db.write() as c:
        outbox.fail(c, failed, "refused", 2)
    [edit] = claim(db)
    assert edit.handle is None


def test_only_the_newest_of_several_edits_is_sent(db: Database) -> None:
    add(db, ("p", post()))
    send(db, claim(db))
    add(db, *((f"e{step}", EditPost(chat=CHAT, post="p", text=str(step))) for step in range(5)))
    add(db, ("other", EditPost(chat=CHAT, post="q", text="kept")))
    assert keys(claim(db)) == ["e4", "other"]
    assert [state(db, f"e{step}") for step in range(5)] == ["superseded"] * 4 + ["claimed"]


def test_older_edits_give_way_even_when_the_newest_is_beyond_the_limit(db: Database) -> None:
    add(
        db,
        ("e1", EditPost(chat=CHAT, post="p", text="1")),
        ("x", post()),
        ("e2", EditPost(chat=CHAT, post="p", text="2")),
    )
    sent = []
    for _ in range(4):
        outgoing = claim(db, limit=1)
        sent += keys(outgoing)
        send(db, outgoing)
    assert sent == ["x", "e2"]


def test_only_the_newest_reaction_to_a_message_is_sent(db: Database) -> None:
    add(
        db,
        ("r1", React(ref=ref(1), emoji="🐛")),
        ("s1", React(ref=ref(2), emoji="🐛")),
        ("r2", React(ref=ref(1), emoji=None)),
    )
    assert keys(claim(db)) == ["s1", "r2"]


def test_a_pause_outlives_the_edit_that_met_it(db: Database) -> None:
    add(db, ("e1", EditPost(chat=CHAT, post="p", text="1")))
    [first] = claim(db)
    with db.write() as c:
        outbox.retry(c, first, 10, "slow down", 1)
    add(db, ("e2", EditPost(chat=CHAT, post="p", text="2")))
    assert claim(db, now=5) == []
    assert keys(claim(db, now=11)) == ["e2"]


def test_an_edit_in_somebodys_hands_is_not_replaced(db: Database) -> None:
    add(db, ("e1", EditPost(chat=CHAT, post="p", text="1")))
    first = claim(db)
    add(db, ("e2", EditPost(chat=CHAT, post="p", text="2")))
    assert claim(db) == []
    send(db, first)
    assert keys(claim(db)) == ["e2"]


def test_platforms_are_apart(db: Database) -> None:
    add(db, ("web", post()), ("slack", post(chat=ChatRef(platform="slack", workspace="w", chat_id="c"))))
    assert keys(claim(db)) == ["web"]


def test_what_is_sent_leaves_no_file_behind(db: Database) -> None:
    add(db, ("d", Document(chat=CHAT, filename="a.csv", content="everybody's words", text="here")))
    send(db, claim(db))
    with db.read() as c:
        assert "everybody" not in c.execute(select(tables.outbox.c.reply)).scalar_one()


def test_a_reply_that_cannot_be_read_fails_and_holds_nothing_up(db: Database) -> None:
    broken = {"key": "x", "platform": "web", "chat": CHAT.key, "kind": "dance", "reply": "{}", "available_at": 0}
    with db.write() as c:
        c.execute(insert(tables.outbox).values(**broken, created_at=0))
    add(db, ("a", post()))
    assert keys(claim(db)) == ["a"]
    assert state(db, "x") == "failed"


def test_an_unknown_post_is_nobodys(db: Database) -> None:
    with db.read() as c:
        assert outbox.find_post(c, CHAT, "nothing") is None


def test_there_is_work_only_where_a_chat_can_go_on(db: Database) -> None:
    def has_work(now: float = 1.0, without: tuple[str, ...] = ()) -> bool:
        with db.read() as c:
            return outbox.has_work(c, "web", now, without)

    assert not has_work()
    add(db, ("a1", post()), ("a2", post()))
    assert has_work()
    assert not has_work(without=(CHAT.key,))
    with db.write() as c:
        [first] = outbox.claim(c, "web", 1, 30, "bot", 1)
        assert not outbox.has_work(c, "web", 30.9)
        assert outbox.has_work(c, "web", 31)
        outbox.retry(c, first, 10, "slow down", 1)
        assert not outbox.has_work(c, "web", 10.9)
        assert outbox.has_work(c, "web", 11)
        assert outbox.has_work(c, "web")
        assert not outbox.has_work(c, "slack")
    add(db, ("b1", post(chat=OTHER)))
    assert has_work(without=(CHAT.key,))


def test_a_chat_with_much_to_say_leaves_room_for_others(db: Database) -> None:
    add(db, *((f"a{number}", post()) for number in range(50)), ("b", post(chat=OTHER)))
    with db.write() as c:
        assert keys(outbox.claim(c, "web", 10, 30, "bot", 1, per_chat=3)) == ["a0", "a1", "a2", "b"]
        assert outbox.claim(c, "web", 10, 30, "bot", 99, per_chat=3, without=(CHAT.key, OTHER.key)) == []


def test_what_was_not_tried_is_given_back_at_once_and_in_its_place(db: Database) -> None:
    add(db, *((f"a{number}", post()) for number in range(4)))
    first, second, *_ = claim(db)
    send(db, [first])
    with db.write() as c:
        outbox.give_back(c, [first, second])
        outbox.give_all_back(c, "web", "somebody else")
    assert state(db, "a0") == "sent"
    assert keys(claim(db)) == ["a1"]
    with db.write() as c:
        outbox.give_all_back(c, "web", "bot")
    assert keys(claim(db)) == ["a1", "a2", "a3"]


def test_a_sent_edit_drops_what_the_ones_before_it_said(db: Database) -> None:
    add(db, ("p", post()), ("q", post()))
    send(db, claim(db))
    for step in range(3):
        add(db, (f"e{step}", EditPost(chat=CHAT, post="p", text=f"step {step}")))
        add(db, (f"f{step}", EditPost(chat=CHAT, post="q", text=f"step {step}")))
        send(db, claim(db))
    with db.read() as c:
        kept = c.execute(select(tables.outbox.c.key).where(tables.outbox.c.reply.is_not(None))).scalars().all()
    assert sorted(kept) == ["e2", "f2", "p", "q"]


def test_prune_keeps_posts_and_what_still_waits(db: Database) -> None:
    add(db, ("p", post()), ("c", CheckAdmin(event=command())), ("r", React(ref=ref(1), emoji="🐛")))
    send(db, claim(db))
    for step in range(2):
        add(db, (f"e{step}", EditPost(chat=CHAT, post="p", text=f"step {step}")))
        send(db, claim(db))
    add(db, ("r2", React(ref=ref(1), emoji="🐛")))
    [failed] = claim(db)
    with db.write() as c:
        outbox.fail(c, failed, "refused", 2)
        outbox.add(c, [("r3", React(ref=ref(2), emoji="🐛"))], 0)
        outbox.add(c, [("r4", React(ref=ref(3), emoji="🐛"))], 9)
        assert outbox.prune(c, 0) == 0
        assert outbox.prune(c, 5) == 4
        assert c.execute(select(tables.outbox.c.key).order_by(tables.outbox.c.id)).scalars().all() == [
            "p",
            "e1",
            "r3",
            "r4",
        ]

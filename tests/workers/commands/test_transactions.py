"""What is decided before its write: in the batch's order, undone with a lost claim, begun again after a kill."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.workers.chatroom import ADMIN, ANA, BO, CHAT, Chatroom, ref
from workers.commands import chat, context, dispatch
from workers.core.events import Button, Command, Message, Reaction
from workers.handlers.dispatch import handle, in_steps
from workers.store import erasure, inbox, labels, messages, training_set
from workers.store.database import Database, Stale


def labels_of(room: Chatroom) -> set[str]:
    with room.database.read() as c:
        return {label.name for label in labels.living(c)}


def test_forgetting_that_was_killed_half_way_is_ended_by_whoever_claims_the_button_again(
    room: Chatroom, monkeypatch: pytest.MonkeyPatch
):
    for number in range(12):
        room.write(str(number), f"my secret {number}", author=ANA)
        room.react(str(number), "🐞", who=BO)
    room.type("labels rename bug -> secret", caller=ANA)
    sure = room.type("forget me", caller=ANA, admin=None)[0]
    monkeypatch.setattr("workers.store.erasure.PIECE", 5)
    yes = Button(key="yes", at=1.0, ref=ref("post"), presser=ANA, value=sure.choices[0].value)  # type: ignore[union-attr]
    now = next(room.clock)
    with room.database.write() as c:
        inbox.add(c, [yes], now)
        inbox.claim(c, yes.queue, 10, 30.0, "killed", now)
    with room.database.read() as c:
        parts = dispatch.press(c, yes, "en", now).ahead
    assert len(parts) > 4
    for part in parts[:-1]:
        with room.database.write() as c:
            part(c)
    with room.database.write() as c:
        [again] = inbox.claim(c, yes.queue, 10, 30.0, "test", now + 60)
    handle(room.database, [again], "en", now + 60)
    with room.database.read() as c:
        assert [messages.find(c, ref(str(number))).text for number in range(12)] == [None] * 12  # type: ignore[union-attr]
        said = c.execute(text("select reply from outbox where key = 'yes:0'")).scalar_one()
        assert "Forgotten" in said
        assert training_set.labelled(c) == []
        assert c.execute(text("select count(*) from inbox where state <> 'done'")).scalar() == 0


def test_events_of_one_batch_keep_their_order(fresh: Database):
    lines = ["here zh", "labels add bug 🐞", "labels add BUG 🔥", "help nothing", "labels"]
    events = [
        Command(key=f"c{number}", at=number, chat=CHAT, caller=ADMIN, text=line, admin=True)
        for number, line in enumerate(lines)
    ]
    reacted = Reaction(key="r", at=3.5, ref=ref("1"), annotator=ANA, emoji="🐞", added=True)
    with fresh.write() as c:
        messages.record(c, [Message(key="m", at=0.0, ref=ref("1"), author=ANA, text="it broke")])
        inbox.add(c, [*events[:4], reacted, events[4]], 1.0)
        claimed = inbox.claim(c, events[0].queue, 64, 30.0, "test", 1.0)
    for step in in_steps(claimed):
        handle(fresh, step, "en", 1.0)
    with fresh.read() as c:
        said = c.execute(text("select reply from outbox order by id")).scalars().all()
    assert "已启用" in said[0]
    assert "🐞 bug" in said[1]
    assert "已有名为" in said[2]
    assert "🐞 bug · 1" in said[4]


def test_a_lost_claim_undoes_all_of_its_event_and_nothing_of_another(room: Chatroom):
    lines = ["labels add crash 💥", "labels add idea 💡"]
    events = [
        Command(key=f"l{number}", at=number, chat=CHAT, caller=ADMIN, text=line, admin=True)
        for number, line in enumerate(lines)
    ]
    with room.database.write() as c:
        inbox.add(c, events, 1.0)
        claimed = inbox.claim(c, events[0].queue, 64, 30.0, "test", 1.0)
        c.execute(text("update inbox set attempts = attempts + 1 where key = 'l0'"))
    with pytest.raises(inbox.LostClaim):
        handle(room.database, claimed[:1], "en", 1.0)
    handle(room.database, claimed[1:], "en", 1.0)
    assert labels_of(room) == {"bug", "question", "idea"}


def test_what_was_read_is_read_again_where_somebody_was_forgotten_meanwhile(
    room: Chatroom, monkeypatch: pytest.MonkeyPatch
):
    room.write("1", "my secret", author=ANA)
    room.react("1", "🐞", who=BO)

    def export(call: context.Call) -> context.Answer:
        answer = chat.export(call)
        with room.database.write() as c:
            erasure.forget(c, ANA.id, CHAT.platform, CHAT.workspace)
        return answer

    monkeypatch.setitem(dispatch.RUN, "export", export)
    with pytest.raises(Stale):
        room.type("export")
    with room.database.read() as c:
        assert c.execute(text("select count(*) from outbox where reply like '%secret%'")).scalar() == 0

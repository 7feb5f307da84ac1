"""What may be asked about: the newest undecided messages, who has read them, and what was foreseen."""

from __future__ import annotations

from tests.workers.store.samples import CHAT, choose, delete, edit, guess, message, ref, stored
from workers.core.events import ChatRef
from workers.store import candidates, labels, ledger, messages, predictions, questions
from workers.store.database import Database


def test_the_newest_undecided_messages_of_the_chat_may_be_asked_about(db: Database) -> None:
    ids = [item.id for item in stored(db, *range(6))]
    with db.write() as c:
        other = ChatRef(platform="web", workspace="w", chat_id="other")
        messages.record(c, [message(6, ""), message(7, ref=ref(7, other)), message(8, at=0.5)])
        messages.delete(c, delete(5))
        bug = labels.add(c, "Bug", "", None, 0)
        ledger.append(c, [choose(3, bug.id), choose(2, None)], 0)
        questions.ask(c, ref(4), ids[4], "p", 0)
        oldest = candidates.newest(c, CHAT, 9)[-1]
        assert candidates.newest(c, CHAT, 9) == [ids[1], ids[0], oldest]
        assert candidates.newest(c, CHAT, 1) == [ids[1]]
        assert [item.ref.message_id for item in candidates.in_order(c, [oldest, ids[5], ids[0]])] == ["8", "0"]


def test_a_backbone_has_read_what_it_has_a_vector_of_as_the_text_stands(db: Database) -> None:
    ids = [item.id for item in stored(db, *range(3))]
    with db.write() as c:
        predictions.record_vectors(c, "old", [(id, 1, b"....") for id in ids])
        predictions.record_vectors(c, "new", [(ids[0], 1, b"....")])
        messages.edit(c, edit(1, "something else"))
        assert candidates.backbones(c, ids) == {"old": 2, "new": 1}
        assert candidates.backbones(c, ids[:1]) == {"old": 1, "new": 1}
        assert candidates.backbones(c, []) == {}


def test_the_latest_prediction_counts_while_the_text_stands(db: Database) -> None:
    ids = [item.id for item in stored(db, *range(4))]
    with db.write() as c:
        first = [guess(ids[0], 1, probability=0.9), guess(ids[1], 1), guess(ids[2], None), guess(ids[0], 2)]
        predictions.record_predictions(c, first)
        messages.edit(c, edit(1, "something else"))
        assert candidates.foreseen(c, ids) == {ids[0]: (2, 0.6)}


def test_the_least_sure_come_first_and_nobody_is_asked_twice(db: Database) -> None:
    known = stored(db, *range(8))
    with db.write() as c:
        messages.record(c, [message(8, "")])
        messages.delete(c, delete(7))
        bug = labels.add(c, "Bug", "", None, 0)
        ids = [item.id for item in known]
        margins = [(ids[0], 0.3), (ids[1], 0.1), (ids[2], 0.2), (ids[3], 0.0), (ids[4], 0.05)]
        predictions.record_predictions(c, [guess(id, margin=margin) for id, margin in margins])
        predictions.record_predictions(c, [guess(ids[1], margin=0.9), guess(ids[0], margin=0.0, version=2)])
        predictions.record_predictions(c, [guess(ids[5], margin=0.0, guess=True)])
        ledger.append(c, [choose(3, bug.id)], 0)
        questions.ask(c, ref(4), ids[4], "p", 0)
        asked = [item.ref.message_id for item in candidates.least_sure(c, CHAT, 9, 1)]
        assert asked[:3] == ["2", "0", "1"]
        assert set(asked[3:]) == {"5", "6"}
        assert len(candidates.least_sure(c, CHAT, 2, 1)) == 2

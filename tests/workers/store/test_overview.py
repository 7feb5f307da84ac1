"""What screens show."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from tests.workers.store.samples import (
    BOB,
    CHAT,
    EVE,
    UMA,
    act,
    choose,
    delete,
    edit,
    guess,
    message,
    post,
    ref,
    request,
)
from workers.core.events import CLASSIFY, ChatRef
from workers.core.replies import Choice, Document, EditPost
from workers.store import chats, history, inbox, jobs, labels, ledger, messages, outbox, overview, predictions, versions
from workers.store.accuracy import FEW
from workers.store.database import Database


def test_an_overview_of_nothing(db: Database) -> None:
    with db.read() as c:
        seen = overview.overview(c, CHAT)
    assert (seen.enabled, seen.labels, seen.accuracy, seen.messages, seen.labelled) == (False, [], [], 0, 0)


def test_an_overview_counts(db: Database) -> None:
    with db.write() as c:
        chats.enable(c, CHAT, BOB, "zh", 0)
        versions.ensure_base(c, "minilm", "f", 0)
        jobs.add(c, request(), 0)
        bug, idea = labels.add(c, "Bug", "broken", "🐛", 0), labels.add(c, "Idea", "", None, 0)
        messages.record(c, [message(number) for number in range(5)])
        messages.delete(c, delete(4))
        ledger.append(c, [act(0, "🐛"), act(1, "🐛"), choose(1, idea.id, EVE), act(4, "🐛"), act(99, "🐛")], 0)
        seen = overview.overview(c, CHAT)
    assert (seen.enabled, seen.language, seen.messages, seen.labelled, seen.disputed) == (True, "zh", 4, 1, 1)
    assert [(label.id, label.emoji, label.count) for label in seen.labels] == [(bug.id, "🐛", 1), (idea.id, "", 0)]
    assert [(version.id, version.state) for version in seen.versions] == [(1, "active")]
    assert [(job.kind, job.state) for job in seen.jobs] == [("train", "queued")]
    assert json.loads(seen.model_dump_json())["labels"][0]["description"] == "broken"


def test_accuracy_takes_the_last_prediction_before_the_first_label(db: Database) -> None:
    with db.write() as c:
        bug, idea = labels.add(c, "Bug", "", "🐛", 0), labels.add(c, "Idea", "", "💡", 0)
        stored = messages.record(c, [message(number) for number in range(4)])
        first, second, third, fourth = (item.id for item in stored)
        predictions.record_predictions(c, [guess(first, idea.id), guess(first, bug.id), guess(second, idea.id)])
        ledger.append(c, [act(0, "🐛")], 1)
        ledger.append(c, [act(1, "🐛")], 2)
        ledger.append(c, [act(2, "🐛")], 3)
        predictions.record_predictions(c, [guess(second, bug.id), guess(third, bug.id), guess(fourth, None)])
        ledger.append(c, [act(3, "🐛")], 4)
        assert [(point.labels, point.accuracy) for point in overview.overview(c, CHAT).accuracy] == [
            (1, 1.0),
            (2, 0.5),
            (3, 1 / 3),
        ]
        ledger.append(c, [act(1, "🐛", at=5.0, added=False), act(1, "💡", at=6.0)], 5)
        assert [point.accuracy for point in overview.overview(c, CHAT).accuracy][-1] == 2 / 3
        labels.merge(c, idea, bug)
        assert [point.accuracy for point in overview.overview(c, CHAT).accuracy][-1] == 2 / 3


def test_accuracy_rolls_and_has_at_most_sixty_points(db: Database) -> None:
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        stored = messages.record(c, [message(f"{number:03}") for number in range(200)])
        predictions.record_predictions(
            c, [guess(item.id, bug.id if item.id > stored[149].id else None) for item in stored]
        )
        ledger.append(c, [act(f"{number:03}", "🐛") for number in range(200)], 0)
        points = overview.overview(c, CHAT).accuracy
    assert len(points) <= 60
    assert (points[-1].labels, points[-1].accuracy) == (200, 1.0)
    assert points[0].labels >= FEW, "one message alone is no line"
    assert points[len(points) // 2].accuracy == 0.0


def predict(c: Connection, *rows: tuple[str, int, bool], at: float = 2.0, chat: ChatRef = CHAT) -> None:
    """Messages by number, each with one prediction: its label and whether people saw it."""
    stored = messages.record(c, [message(number, ref=ref(number, chat)) for number, _, _ in rows])
    ids = {item.ref.message_id: item.id for item in stored}
    predictions.record_predictions(c, [guess(ids[n], label, shown=shown, at=at) for n, label, shown in rows])


def names(start: int, count: int) -> list[str]:
    return [f"{number:03}" for number in range(start, start + count)]


def test_coverage_is_not_known_before_there_are_a_few_messages(db: Database) -> None:
    with db.write() as c:
        chats.enable(c, CHAT, BOB, "en", 0)
        bug = labels.add(c, "Bug", "", "🐛", 0)
        predict(c, *((number, bug.id, True) for number in names(0, FEW - 1)))
        ledger.append(c, [act(number, "🐛") for number in names(0, FEW - 1)], 3)
        few = overview.overview(c, CHAT)
        predict(c, ("silent", bug.id, False))
        more = overview.overview(c, CHAT)
    assert (few.coverage, few.precision) == (None, None)
    assert (more.coverage, more.precision) == (0.9, None)
    assert few.spoken("en") == "How often it speaks is not known yet."
    assert few.spoken("zh") == "给出标签的比例尚不清楚。"
    assert more.spoken("en") == "Speaks about 90% of messages; how often that is right is not known yet."
    assert more.spoken("zh") == "对 90% 的消息给出标签，正确率尚不清楚。"


def test_precision_counts_what_people_saw_and_then_labelled(db: Database) -> None:
    with db.write() as c:
        chats.enable(c, CHAT, BOB, "en", 0)
        bug, idea = labels.add(c, "Bug", "", "🐛", 0), labels.add(c, "Idea", "", "💡", 0)
        agreed, corrected, silent, unlabelled = names(0, 9), names(9, 3), names(12, 4), names(16, 4)
        predict(c, *((number, bug.id, True) for number in (*agreed, *corrected, *unlabelled)))
        predict(c, *((number, idea.id, False) for number in silent))
        ledger.append(c, [act(number, "🐛") for number in (*agreed, *silent)], 3)
        ledger.append(c, [act(number, "💡") for number in corrected], 3)
        seen = overview.overview(c, CHAT)
        assert (seen.coverage, seen.precision) == (16 / 20, 9 / 12)
        assert seen.spoken("en") == "Speaks about 80% of messages, right 75% of the time."
        assert seen.spoken("zh") == "对 80% 的消息给出标签，其中 75% 正确。"
        ledger.append(c, [act(agreed[0], "💡", EVE)], 4)
        disputed = overview.overview(c, CHAT)
        assert (disputed.coverage, disputed.precision) == (16 / 20, 8 / 11)
        labels.merge(c, idea, bug)
        assert overview.overview(c, CHAT).precision == 1.0


def test_a_prediction_that_came_after_the_label_is_no_test(db: Database) -> None:
    with db.write() as c:
        chats.enable(c, CHAT, BOB, "en", 0)
        bug, idea = labels.add(c, "Bug", "", "🐛", 0), labels.add(c, "Idea", "", "💡", 0)
        predict(c, *((number, idea.id, False) for number in names(0, 12)))
        ledger.append(c, [act(number, "🐛") for number in names(0, 24)], 3)
        predict(c, *((number, bug.id, True) for number in names(12, 12)), at=4)
        seen = overview.overview(c, CHAT)
        assert (seen.coverage, seen.precision) == (0.0, None)
        ids = [messages.find(c, ref(number)) for number in names(0, 12)]
        predictions.record_predictions(c, [guess(item.id, bug.id, at=5) for item in ids if item])  # after an edit
        later = overview.overview(c, CHAT)
        assert (later.coverage, later.precision) == (0.0, None)


def test_a_chat_in_which_the_bot_is_silent_says_nothing_about_coverage(db: Database) -> None:
    there = CHAT.model_copy(update={"chat_id": "shadow"})
    with db.write() as c:
        chats.enable(c, there, BOB, "en", 0)
        chats.set_mode(c, there, "shadow")
        bug = labels.add(c, "Bug", "", "🐛", 0)
        predict(c, *((number, bug.id, False) for number in names(0, 20)), chat=there)
        assert overview.overview(c, CHAT).coverage is None
        chats.enable(c, CHAT, BOB, "en", 0)
        predict(c, *((number, bug.id, True) for number in names(20, 10)))
        assert overview.overview(c, CHAT).coverage == 1.0


def test_coverage_and_precision_are_those_of_late(db: Database) -> None:
    with db.write() as c:
        chats.enable(c, CHAT, BOB, "en", 0)
        bug, idea = labels.add(c, "Bug", "", "🐛", 0), labels.add(c, "Idea", "", "💡", 0)
        early, late = names(0, 300), names(300, overview.LATEST)
        predict(c, *((number, idea.id, number < "250") for number in early))
        ledger.append(c, [act(number, "🐛") for number in early], 3)
        predict(c, *((number, bug.id, True) for number in late), at=4)
        ledger.append(c, [act(number, "🐛") for number in late], 5)
        seen = overview.overview(c, CHAT)
    assert (seen.coverage, seen.precision) == (1.0, 1.0)


def test_history_shows_messages_reactions_and_predictions(db: Database) -> None:
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        others = [message(2, "two", BOB, at=2.0, reply_to="1"), message(3, "three", at=3.0)]
        [one, _, _] = messages.record(c, [message(1, "one", UMA, at=1.0), *others])
        messages.edit(c, edit(2, "two!"))
        messages.delete(c, delete(3))
        predictions.record_predictions(c, [guess(one.id, None), guess(one.id, bug.id, probability=0.75, shown=True)])
        ledger.append(c, [act(1, "🐛", EVE, at=2.0), act(1, "🐛", BOB, at=1.0), act(1, "🎉", BOB, at=3.0)], 0)
        ledger.append(c, [act(1, "🎉", BOB, at=4.0, added=False), choose(1, bug.id)], 0)
        first, second, third = history.history(c, CHAT)
        assert first.reactions == [history.ReactionView(emoji="🐛", people=["u2", "u3"])]
        assert first.prediction == history.PredictionView(
            emoji="🐛", label="Bug", probability=0.75, guess=False, shown=True
        )
        assert (first.author, first.bot, first.edited, first.text) == (UMA, False, False, "one")
        assert (second.text, second.edited, second.reply_to) == ("two!", True, "1")
        assert (third.text, third.deleted, third.prediction) == ("", True, None)
        assert [line.message_id for line in history.history(c, CHAT, limit=2)] == ["2", "3"]


def test_history_shows_posts_as_they_were_last_edited(db: Database) -> None:
    yes = (Choice(text="Yes", value="y"),)
    with db.write() as c:
        messages.record(c, [message(1, at=1.0)])
        replies = [
            ("p", post("Sure?", choices=yes, reply_to="1")),
            ("d", Document(chat=CHAT, filename="a.csv", content="x")),
        ]
        outbox.add(c, replies, 0)
        for number, item in enumerate(outbox.claim(c, "web", 9, 30, "bot", 1)):
            outbox.sent(c, item, f"m{number}", 2.0 + number)
        outbox.add(c, [("e1", EditPost(chat=CHAT, post="p", text="Half", progress=0.5))], 3)
        [half] = outbox.claim(c, "web", 9, 30, "bot", 4)
        outbox.sent(c, half, None, 5)
        outbox.add(c, [("e2", EditPost(chat=CHAT, post="p", text="Not sent yet")), ("q", post("Nor this"))], 5)
        _, asked, handed = history.history(c, CHAT)
        assert (asked.bot, asked.text, asked.choices, asked.progress) == (True, "Half", [], 0.5)
        assert (asked.message_id, asked.at, asked.edited, asked.reply_to) == ("m0", 2.0, True, "1")
        assert (handed.filename, handed.message_id) == ("a.csv", "m1")


def test_an_edit_that_is_not_classified_yet_shows_no_older_prediction(db: Database) -> None:
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        [one] = messages.record(c, [message(1, "It crashes")])
        predictions.record_predictions(c, [guess(one.id, bug.id)])
        messages.edit(c, edit(1, "🙂"))
        assert history.history(c, CHAT)[0].prediction is None
        predictions.record_predictions(c, [guess(one.id, bug.id, revision=2)])
        assert history.history(c, CHAT)[0].prediction is not None


def test_an_overview_says_how_many_events_were_given_up(db: Database) -> None:
    with db.write() as c:
        inbox.add(c, [message(1), message(2)], 0)
        for _ in range(inbox.MAX_ATTEMPTS):
            for claimed in inbox.claim(c, CLASSIFY, 1, 30, "worker", 1):
                inbox.retry(c, claimed, 0, "no luck", 1)
        assert overview.overview(c, CHAT).failed == 1

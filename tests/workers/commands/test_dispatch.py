"""What people type and press, and what they get: one sentence for everything that is wrong."""

from __future__ import annotations

import json

import pytest
from matplotlib import rc_context
from sqlalchemy import Connection, text

from tests.workers.chatroom import ADMIN, ANA, BO, CHAT, Chatroom, ref
from tests.workers.queries import last_audited
from workers.commands import context, dispatch
from workers.core.buttons import Agree, More
from workers.core.command_table import VERBS, find
from workers.core.errors import BackchannelError
from workers.core.events import Button, ChatRef, Command, Delete, Message, MessageRef, Presence, Why
from workers.core.i18n import say
from workers.core.replies import CheckAdmin, Document, EditPost, Picture, Post, React
from workers.store import chats, head_fits, inbox, jobs, labels, messages, outbox, predictions, training_set, versions
from workers.store.database import Database
from workers.store.head_fits import HeadFit


def test_every_verb_has_something_to_run_and_help_in_both_languages():
    from workers.commands.dispatch import RUN

    assert set(RUN) | {"classify", "explain"} == set(VERBS)
    assert all(verb.en and verb.zh for verb in VERBS.values())


def test_a_two_word_verb_is_found_before_its_first_word():
    assert find("labels add bug")[0] is VERBS["labels add"]
    assert find("labels")[0] is VERBS["labels"]
    assert find("/Retrain lora") == (VERBS["retrain"], "lora")
    assert find("dance")[0] is None


def test_a_chat_that_nobody_enabled_is_told_how_to_enable_it_and_nothing_else(fresh: Database):
    room = Chatroom(fresh)
    assert "`here`" in room.says("stats")
    assert "`retrain" in room.says("help")
    with fresh.read() as c:
        assert chats.get(c, CHAT) is None
    room.type("here 中文")
    with fresh.read() as c:
        chat = chats.get(c, CHAT)
    assert chat is not None
    assert chat.enabled
    assert chat.language == "zh"
    assert "观察" in room.says("mode shadow")


def test_an_unknown_verb_points_to_help_and_to_the_nearest_verb(room: Chatroom):
    assert "help" in room.says("dance wildly")
    assert "`retrain`" in room.says("retrian")
    assert "`rollback`" in room.says("help rolback")
    assert "Did you mean" not in room.says("dance")


def test_admin_verbs_ask_the_platform_and_then_refuse_or_run(room: Chatroom):
    (asked,) = room.type("mode shadow", caller=ANA, admin=None)
    assert isinstance(asked, CheckAdmin)
    assert asked.event.caller == ANA  # type: ignore[union-attr]
    assert "admins" in room.says("mode shadow", caller=ANA, admin=False)
    assert "Shadow" in room.says("mode shadow", caller=ANA, admin=True)
    with room.database.read() as c:
        outcomes = [(entry.verb, entry.outcome) for entry in last_audited(c, 2)]
    assert outcomes == [("mode", "done"), ("mode", "refused")]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("labels add", "needs a name"),
        ("labels add " + "x" * 200, "80 characters"),
        ("labels add crash 🐞", "already stands for “bug”"),
        ("labels add crash 🐞️🏽", "already stands for “bug”"),
        ("labels add BUG 🔥", "already a label “bug”"),
        ("labels rename ghost -> spirit", "no label “ghost”"),
        ("labels rename bug -> question", "already a label “question”"),
        ("labels rename bug", "labels rename"),
        ("labels emoji bug dog", "not an emoji"),
        ("labels emoji bug ❓", "already stands for “question”"),
        ("label bug", "reply"),
        ("mode loud", "mode shadow"),
        ("ask 99", "1 to 10"),
        ("ask many", "1 to 10"),
        ("retrain everything", "retrain"),
        ("retrain", "nobody has labelled"),
        ("promote 99", "no version “99”"),
        ("promote the best", "no version “the best”"),
        ("promote 1", "active already"),
        ("rollback", "no version before"),
        ("cancel", "No job is running"),
        ("jobs", "no jobs"),
        ("export", "nothing to export"),
        ("forget nobody", "Nobody in this chat"),
        ("forget @nobody", "A username is known to me only"),
        ("forget", "forget"),
        ("labels remove ghost", "no label “ghost”"),
        ("labels remove", "`labels remove <name>`"),
        ("labels merge bug", "labels merge"),
        ("labels merge bug -> bug", "one and the same"),
        ("labels dance", "no verb “labels dance”"),
        ("help dance", "no verb “dance”"),
        ("mode", "`mode shadow|suggest`"),
        ("promote", "`promote <version>`"),
        ("ask", "nothing to ask"),
    ],
)
def test_what_is_wrong_gets_one_sentence_and_changes_nothing(room: Chatroom, typed: str, said: str):
    with room.database.read() as c:
        before = labels.living(c)
    replies = room.type(typed)
    assert len(replies) == 1
    assert said in replies[0].text  # type: ignore[union-attr]
    assert not replies[0].choices  # type: ignore[union-attr]  # nobody is asked to confirm what cannot be done
    with room.database.read() as c:
        assert labels.living(c) == before
        assert jobs.running(c) is None


def test_a_label_may_have_spaces_and_gets_a_free_emoji_when_it_names_none(room: Chatroom):
    room.type("labels add feature request 💡 wants something new")
    room.type("labels add praise")
    with room.database.read() as c:
        found = labels.find(c, "Feature Request")
        praise = labels.find(c, "praise")
    assert found is not None
    assert (found.emoji, found.description) == ("💡", "wants something new")
    assert praise is not None
    assert praise.emoji not in ("🐞", "❓", "💡", "")


def test_labels_are_renamed_merged_and_removed_after_a_yes(room: Chatroom):
    room.write("1", "the page is blank")
    room.react("1", "🐞")
    room.type("labels rename bug -> defect")
    room.type("labels add crash 💥")
    question = room.type("labels merge defect -> crash")[0]
    assert isinstance(question, Post)
    yes, no = question.choices
    assert "Left as it was" in room.press(no.value)[0].text  # type: ignore[union-attr]
    yes, _ = room.type("labels merge defect -> crash")[0].choices  # type: ignore[union-attr]
    assert "only Root" in room.press(yes.value, who=BO)[0].text  # type: ignore[union-attr]
    assert "merged" in room.press(yes.value)[0].text  # type: ignore[union-attr]
    with room.database.read() as c:
        names = {label.id: label.name for label in labels.living(c)}
        assert sorted(names.values()) == ["crash", "question"]
        assert [names[label] for _, label in training_set.labelled(c)] == ["crash"]
    assert "expired" in room.press(yes.value)[0].text  # type: ignore[union-attr]


def test_a_yes_edits_the_question_in_place(room: Chatroom):
    room.type("labels remove bug")
    (outcome,) = room.press("y:1", message_id=question_id(room))
    assert isinstance(outcome, EditPost)
    assert "removed" in outcome.text


def question_id(room: Chatroom) -> str:
    """The id of the latest post."""
    latest = text("select message_id from outbox where kind = 'post' order by id desc limit 1")
    with room.database.read() as c:
        return str(c.execute(latest).scalar_one())


def test_label_as_a_reply_is_an_annotation_like_any_other(room: Chatroom):
    room.write("1", "the page is blank")
    assert "🐞 bug" in room.says("label bug", caller=ANA, admin=None, reply_to="1")
    with room.database.read() as c:
        assert len(training_set.labelled(c)) == 1
    assert "none of the labels" in room.says("label none", caller=ANA, admin=None, reply_to="1")
    with room.database.read() as c:
        assert training_set.labelled(c) == []


def test_ask_posts_a_question_and_an_answer_becomes_a_label_and_closes_it(room: Chatroom):
    room.write("1", "how do I log in?")
    room.write("2", "it crashed again")
    questions = room.type("ask 5", caller=ANA, admin=None)
    assert [len(question.choices) for question in questions] == [4, 4]  # type: ignore[union-attr]
    assert isinstance(questions[0], Post)
    wanted = next(c for c in questions[0].choices if c.text == "❓ question")
    (outcome,) = room.press(wanted.value, who=BO)
    assert isinstance(outcome, EditPost)
    assert "❓ question" in outcome.text
    assert not outcome.choices
    with room.database.read() as c:
        assert [label for _, label in training_set.labelled(c)] == [labels.find(c, "question").id]  # type: ignore[union-attr]
    assert "answered already" in room.press(wanted.value, who=ANA)[0].text  # type: ignore[union-attr]
    none = questions[1].choices[-2]  # type: ignore[union-attr]
    assert "none of the labels" in room.press(none.value)[0].text  # type: ignore[union-attr]
    assert "nothing to ask" in room.says("ask")


@pytest.mark.parametrize("value", ["a:1", "a:x:1", "y:", "y:abc", "z:1", "💥", "j:999", "a:1:2:3"])
def test_a_button_that_is_not_ours_does_no_harm(room: Chatroom, value: str):
    room.press(value)
    assert "bug" in room.says("labels")


def test_label_without_a_name_offers_the_labels_as_buttons(room: Chatroom):
    room.write("1", "the page is blank")
    (question,) = room.type("label", caller=ANA, admin=None, reply_to="1")
    assert [choice.text for choice in question.choices][:2] == ["🐞 bug", "❓ question"]  # type: ignore[union-attr]
    room.press(question.choices[0].value, who=ANA)  # type: ignore[union-attr]
    with room.database.read() as c:
        assert len(training_set.labelled(c)) == 1


def test_a_message_that_still_waits_for_its_worker_can_be_labelled(room: Chatroom):
    with room.database.write() as c:
        inbox.add(c, [Message(key="m", at=1.0, ref=ref("1"), author=BO, text="the page is blank")], 1.0)
    assert "🐞 bug" in room.says("label bug", caller=ANA, reply_to="1")
    with room.database.read() as c:
        assert len(training_set.labelled(c)) == 1


def test_a_message_that_was_never_seen_or_is_deleted_is_not_labelled(room: Chatroom):
    assert "never saw" in room.says("label bug", reply_to="9")
    assert "never saw" in room.says("label", reply_to="9")
    room.write("1", "the page is blank")
    (question,) = room.type("label", reply_to="1")
    with room.database.write() as c:
        messages.delete(c, Delete(key="d", at=2.0, ref=ref("1")))
    assert "deleted" in room.says("label bug", reply_to="1")
    (outcome,) = room.press(question.choices[0].value)  # type: ignore[union-attr]
    assert isinstance(outcome, EditPost)
    assert "deleted" in outcome.text
    assert not outcome.choices
    with room.database.read() as c:
        assert training_set.labelled(c) == []


def test_a_button_of_a_removed_label_brings_the_labels_that_there_are_now(room: Chatroom):
    room.write("1", "the page is blank")
    (question,) = room.type("ask")
    assert isinstance(question, Post)
    bug = question.choices[0].value
    (sure,) = room.type("labels remove bug")
    room.press(sure.choices[0].value)  # type: ignore[union-attr]
    (outcome,) = room.press(bug)
    assert isinstance(outcome, EditPost)
    assert "removed" in outcome.text
    assert "the page is blank" in outcome.text
    assert bug not in [choice.value for choice in outcome.choices]
    room.press(outcome.choices[0].value)
    with room.database.read() as c:
        assert len(training_set.labelled(c)) == 1


def shown(room: Chatroom, message_id: str, label: str) -> str:
    """The bot has shown a label in words, as a platform does that lacks the emoji; the id of what it posted."""
    with room.database.write() as c:
        known = labels.find(c, label)
        assert known is not None
        react = React(ref=ref(message_id), emoji=known.emoji, label=known.name, label_id=known.id)
        outbox.add(c, [(f"react:{ref(message_id).key}:1", react)], 1.0)
        [outgoing] = outbox.claim(c, CHAT.platform, 1, 30.0, "test", 1.0)
        outbox.sent(c, outgoing, f"words-{message_id}", 1.0)
        assert known.id == int(Agree(known.id).value.removeprefix("l:"))
    return f"words-{message_id}"


def test_agreeing_with_a_label_shown_in_words_is_a_label(room: Chatroom):
    room.write("1", "the page is blank")
    post = shown(room, "1", "bug")
    bug = labels_by_name(room)["bug"]
    (outcome,) = room.press(Agree(bug).value, who=ANA, message_id=post)
    assert isinstance(outcome, EditPost)
    assert (outcome.post, outcome.text) == (f"react:{ref('1').key}:1", "🐞 bug, says Ana.")
    with room.database.read() as c:
        assert [label for _, label in training_set.labelled(c)] == [bug]


def test_other_than_the_label_shown_in_words_is_asked_for(room: Chatroom):
    room.write("1", "the page is blank")
    (question,) = room.press(More().value, who=ANA, message_id=shown(room, "1", "bug"))
    assert isinstance(question, Post)
    assert (question.to, "the page is blank" in question.text) == (ANA.id, True)
    room.press(question.choices[1].value, who=ANA)
    with room.database.read() as c:
        assert [label for _, label in training_set.labelled(c)] == [labels_by_name(room)["question"]]


def test_pressing_words_of_which_nothing_is_known_is_answered(room: Chatroom):
    assert "never saw" in room.press(Agree(1).value, message_id="who knows")[0].text  # type: ignore[union-attr]
    assert "never saw" in room.press(More().value, message_id="who knows")[0].text  # type: ignore[union-attr]


def labels_by_name(room: Chatroom) -> dict[str, int]:
    with room.database.read() as c:
        return {label.name: label.id for label in labels.living(c)}


def test_answers_stay_in_the_thread_in_which_somebody_asked(room: Chatroom):
    asked = Command(key="t", at=1.0, chat=CHAT, caller=ANA, text="labels", thread="77")
    assert [reply.reply_to for reply in room.happen(asked)] == ["77"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("why", "said"), [("anonymous", "Remain anonymous"), ("guest", "guest"), ("named_only", "`web:ana`")]
)
def test_who_is_refused_is_told_why(room: Chatroom, why: Why, said: str):
    asked = Command(key=why, at=1.0, chat=CHAT, caller=ANA, text="retrain", admin=False, why=why)
    assert said in room.happen(asked)[0].text  # type: ignore[union-attr]


def test_the_bot_says_whether_it_is_on_whenever_it_comes_and_leaves_quietly(fresh: Database):
    room = Chatroom(fresh)
    (hello,) = room.happen(Presence(key="1", at=1.0, chat=CHAT, state="joined", sees_reactions=False))
    assert isinstance(hello, Post)
    assert "`here`" in hello.text
    assert "administrator" in hello.text
    (again,) = room.happen(Presence(key="2", at=2.0, chat=CHAT, state="joined"))
    assert "I am back, and off" in again.text  # type: ignore[union-attr]
    assert room.happen(Presence(key="3", at=3.0, chat=CHAT, state="changed")) == [], "nobody enabled it"
    room.type("here")
    (now,) = room.happen(Presence(key="4", at=4.0, chat=CHAT, state="changed", sees_reactions=False))
    assert "can't see reactions" in now.text  # type: ignore[union-attr]
    assert room.happen(Presence(key="5", at=5.0, chat=CHAT, state="left")) == []
    with fresh.read() as c:
        assert not chats.get(c, CHAT).enabled  # type: ignore[union-attr]


def test_in_a_private_chat_verbs_work_though_nobody_enabled_it(fresh: Database):
    asked = Command(key="p", at=1.0, chat=CHAT, caller=ANA, text="models", private=True)
    assert "Version 1" in Chatroom(fresh).happen(asked)[0].text  # type: ignore[union-attr]


def test_other_programs_are_read_when_an_admin_says_so(room: Chatroom):
    assert "other programs" in room.says("bots on")
    with room.database.read() as c:
        assert chats.get(c, CHAT).bots  # type: ignore[union-attr]
    assert "on|off" in room.says("bots maybe")


def test_retrain_says_what_is_missing_then_queues_one_job_at_a_time(room: Chatroom):
    for number, emoji in enumerate(("🐞", "🐞", "❓")):
        room.write(str(number), f"message {number}")
        room.react(str(number), emoji)
        said = room.says("retrain")
        assert ("two labels" if number == 2 else "“bug”") in said
    room.write("9", "and how?")
    room.react("9", "❓")
    (queued,) = room.type("retrain")
    assert isinstance(queued, Post)
    assert queued.progress == 0.0
    assert "already queued" in room.says("retrain lora")
    assert "queued" in room.says("jobs")
    replies = room.press(queued.choices[0].value, admin=True)
    assert any("was cancelled" in reply.text for reply in replies)  # type: ignore[union-attr]
    assert "cancelled" in room.says("jobs")


def test_export_gives_texts_and_labels_as_json_lines(room: Chatroom):
    room.write("1", "第一行\nsecond line")
    room.react("1", "🐞")
    (file,) = room.type("export")
    assert isinstance(file, Document)
    assert json.loads(file.content)["text"] == "第一行\nsecond line"
    assert json.loads(file.content)["label"] == "bug"


def test_people_may_have_themselves_forgotten_and_nobody_else(room: Chatroom):
    room.write("1", "my secret", author=ANA)
    room.write("2", "their secret", author=BO)
    assert isinstance(room.type("forget @bo", caller=ANA, admin=None)[0], CheckAdmin)
    sure = room.type("forget me", caller=ANA, admin=None)[0]
    assert "messages: 1" in room.press(sure.choices[0].value, who=ANA)[0].text  # type: ignore[union-attr]
    with room.database.read() as c:
        assert messages.find(c, ref("1")) is None or messages.find(c, ref("1")).text is None  # type: ignore[union-attr]
        assert messages.find(c, ref("2")).text == "their secret"  # type: ignore[union-attr]


def test_a_failing_verb_leaves_nothing_behind(room: Chatroom, monkeypatch: pytest.MonkeyPatch):
    def half_way(c: Connection) -> list[Post]:
        labels.add(c, "half", "", "🔥", 1.0)
        raise BackchannelError("That did not work: try again.")

    monkeypatch.setitem(dispatch.RUN, "stats", lambda call: context.Plan(half_way))
    assert room.says("stats") == "That did not work: try again."
    with room.database.read() as c:
        assert labels.find(c, "half") is None


def test_chinese_is_spoken_where_it_was_asked_for(room: Chatroom):
    room.type("here zh")
    assert room.says("labels add 故障 🐞") == say("zh", "label_emoji_taken", emoji="🐞", name="bug")
    assert "标签" in room.says("help")


def test_promote_of_a_broken_bundle_keeps_the_active_version(room: Chatroom):
    with room.database.write() as c:
        versions.add_candidate(c, "/nowhere/at/all", "minilm", "", "lora", {}, 1, None, 1.0)
    assert "can't be used" in room.says("promote 2")
    with room.database.read() as c:
        assert versions.active(c).id == 1
    assert "Version 2" in room.says("models")
    room.type("here zh")
    assert "/nowhere/at/all 处没有模型包" in room.says("promote 2")


def test_a_backbone_that_an_upgrade_brought_is_offered_until_it_is_taken(room: Chatroom):
    room.write("1", "the page is blank")
    room.react("1", "🐞")
    with room.database.write() as c:
        brought = versions.ensure_base(c, "multilingual", "", 1.0, chosen=False)
    assert f"`promote {brought.id}` takes it" in room.says("models")
    room.type("here zh")
    assert f"输入 `promote {brought.id}` 即可启用" in room.says("models")
    room.type("here en")
    assert room.says(f"promote {brought.id}").startswith(
        f"Version {brought.id} takes over as soon as it has read the 1 labelled messages; until then version 1 answers"
    )
    with room.database.write() as c:
        versions.write_reader(c, brought.id, "f", "int8")
    told = room.says("models")
    assert f"Version {brought.id} is reading the labelled messages before it takes over: 0%." in told
    assert "nobody has taken" not in told
    with room.database.write() as c:
        head_fits.record(c, HeadFit(brought.id, 1, 1, 1, 1.0))
    assert "is reading" not in room.says("models")


def test_stats_and_labels_count(room: Chatroom):
    room.write("1", "the page is blank")
    room.react("1", "🐞")
    assert "🐞 bug · 1" in room.says("labels")
    assert "1 messages, 1 labelled" in room.says("stats")


def test_stats_draws_a_picture_once_there_is_a_line_to_draw_or_else_says_it(
    room: Chatroom, monkeypatch: pytest.MonkeyPatch
):
    for number in range(3):
        id = room.write(str(number), f"the page is blank {number}")
        with room.database.write() as c:
            predictions.record_predictions(c, [foreseen(id, labels_by_name(room)["bug"])])
        room.react(str(number), "🐞" if number else "❓")
    with rc_context({"text.usetex": True}):  # a settings file of matplotlib's may say that
        said, picture = room.type("stats")
    assert isinstance(picture, Picture)
    assert picture.content.startswith(b"\x89PNG")
    assert "from 0.0% to 66.7%" in picture.alt
    assert isinstance(said, Post)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the fonts are gone")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    counted, instead = room.type("stats")
    assert counted == said
    assert isinstance(instead, Post)
    assert "from 0.0% to 66.7%. There is no picture (RuntimeError" in instead.text


@pytest.mark.parametrize(
    ("language", "unknown", "spoken"),
    [
        (
            "en",
            "How often it speaks is not known yet. Active",
            "Speaks about 100% of messages, right 90% of the time. Active: version 1",
        ),
        ("中文", "给出标签的比例尚不清楚。当前版本", "对 100% 的消息给出标签，其中 90% 正确。当前版本：1"),
    ],
)
def test_stats_say_how_often_the_bot_speaks_and_is_right(room: Chatroom, language: str, unknown: str, spoken: str):
    room.type(f"here {language}")
    assert unknown in room.says("stats")
    for number in range(10):
        id = room.write(str(number), f"the page is blank {number}")
        with room.database.write() as c:
            predictions.record_predictions(c, [foreseen(id, labels_by_name(room)["bug"])])
        room.react(str(number), "🐞" if number else "❓")
    assert spoken in room.says("stats")


def foreseen(message: int, label: int) -> predictions.Prediction:
    where = {"message": message, "revision": 1, "version": 1, "head_revision": 0, "label": label}
    return predictions.Prediction(**where, probability=0.9, margin=0.8, guess=False, shown=True, at=1.0)


def test_only_the_admin_of_the_chat_may_switch_it_off(room: Chatroom):
    assert isinstance(room.type("leave", caller=BO, admin=None)[0], CheckAdmin)
    (sure,) = room.type("leave", caller=ADMIN)
    room.press(sure.choices[0].value)  # type: ignore[union-attr]
    with room.database.read() as c:
        assert not chats.get(c, CHAT).enabled  # type: ignore[union-attr]


def test_a_button_works_only_in_the_chat_where_it_was_asked(room: Chatroom):
    room.write("1", "how do I log in?")
    (question,) = room.type("ask 1")
    elsewhere = ChatRef(platform="web", workspace="local", chat_id="other")
    target = MessageRef(**elsewhere.model_dump(), message_id="x")
    assert isinstance(question, Post)
    value = question.choices[0].value
    pressed = Button(key="b", at=1.0, ref=target, presser=ANA, value=value)
    with room.database.write() as c:
        dispatch.press(c, pressed, "en", 1.0).write(c)
        assert training_set.labelled(c) == []
    (sure,) = room.type("leave")
    with room.database.write() as c:
        yes = pressed.model_copy(update={"value": sure.choices[0].value, "presser": ADMIN})  # type: ignore[union-attr]
        dispatch.press(c, yes, "en", room.clock.__next__()).write(c)
        assert chats.get(c, CHAT).enabled  # type: ignore[union-attr]


def test_a_slash_before_any_verb_is_fine(room: Chatroom):
    assert "🐞 bug" in room.says("/labels")
    assert "Added" in room.says("/labels add crash 💥")
    assert Command(key="c", at=1.0, chat=CHAT, caller=ANA, text="/classify it broke").queue == "classify"


def test_no_number_is_too_long_to_be_refused(room: Chatroom):
    assert "1 to 10" in room.says("ask 0010999")
    assert "expired" in room.press("y:" + "9" * 40)[0].text  # type: ignore[union-attr]

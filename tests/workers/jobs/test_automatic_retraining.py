"""Training that nobody asks for: when it begins and when not, that it does so once, and what the chat reads."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting import until
from tests.workers.at_work import TRAINED, job, programs, told
from tests.workers.chatroom import ADMIN, ANA, CHAT, Chatroom, ref
from workers import tasks
from workers.core.events import ChatRef, Message
from workers.core.replies import Post
from workers.core.settings import Settings
from workers.jobs import automatic_retraining as automatic
from workers.jobs import modeling_process, runner
from workers.jobs.runner import run_job
from workers.store import chats, jobs, labels, ledger, messages
from workers.store.jobs import Job, JobRequest, Outcome
from workers.store.ledger import LedgerRow
from workers.store.tables import jobs as jobs_table
from workers.store.tables import outbox as outbox_table

NOW = 2e9
HOUR = 3600.0
FIRST_OF_60 = "60 labels now: I am training by myself for the first time.\n"
PIPE = subprocess.PIPE


def vote(key: str, message: str, label: int, chat: ChatRef = CHAT) -> LedgerRow:
    return LedgerRow(key, ref(message, chat), ANA, "", label, True, 1.0, 0, "command")


def label_messages(room: Chatroom, count: int, *names: str, at: float = NOW) -> None:
    """Label further messages until there are `count`, with these labels in turn, or with all of the chat's."""
    with room.database.write() as c:
        ids = [label.id for label in labels.living(c) if not names or label.name in names]
        for number in range(len(ledger.numbers(c)), count):
            name, text = f"n{number}", f"message {number}"
            messages.record(c, [Message(key=name, at=1.0, ref=ref(name), author=ANA, text=text)])
            ledger.append(c, [vote(f"v{number}", name, ids[number % len(ids)])], at)


def train(room: Chatroom, labelled: int | None, began: float, outcome: Outcome = "done") -> Job:
    """A training that somebody asked for, which came to an end; a cancelled one before it began."""
    with room.database.write() as c:
        job = jobs.add(c, JobRequest(chat=CHAT, requested_by=ADMIN, post="p", labelled=labelled), began)
        if outcome == "cancelled":
            jobs.request_cancel(c, job.id, began)
            return job
    finish(room, began, outcome)
    return job


def finish(room: Chatroom, now: float, outcome: Outcome, result: dict[str, object] | None = None) -> None:
    with room.database.write() as c:
        claimed = jobs.claim(c, "test", 30.0, now)
        assert claimed is not None
        jobs.finish(c, claimed, outcome, result, None, now + 1)


def due(room: Chatroom, now: float = NOW, by_default: bool = True) -> JobRequest | None:
    with room.database.read() as c:
        return automatic.due(c, by_default, now)


def posted(room: Chatroom) -> list[Post]:
    """The progress messages of trainings that nobody asked for."""
    with room.database.read() as c:
        rows = c.execute(outbox_table.select().where(outbox_table.c.key.startswith("retrain:")))
        return [Post.model_validate_json(row.reply) for row in rows]


@pytest.mark.parametrize(
    ("labelled", "before", "begins"),
    [(59, 0, False), (60, 0, True), (60, 30, True), (60, 31, False), (119, 60, False), (120, 60, True), (60, 5, True)],
)
def test_it_takes_60_labels_and_twice_as_many_as_at_the_last_training(
    room: Chatroom, labelled: int, before: int, begins: bool
):
    label_messages(room, labelled)
    if before:
        train(room, before, NOW - HOUR)
    request = due(room)
    assert (request is not None) is begins
    if request:
        assert (request.kind, request.labelled, request.grown_from) == ("train", labelled, before)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_training_is_never_followed_by_one_for_the_same_labels(labelled: int, before: int):
    if automatic.enough(labelled, before):
        assert not automatic.enough(2 * labelled - 1, labelled)
        assert automatic.enough(2 * labelled, labelled)


@pytest.mark.parametrize("outcome", ["done", "failed", "cancelled"])
def test_it_waits_for_an_hour_from_the_beginning_of_the_last_one_whatever_became_of_that(
    room: Chatroom, outcome: Outcome
):
    label_messages(room, 60)
    train(room, 10, NOW, outcome)
    assert due(room, NOW + HOUR - 1) is None
    assert due(room, NOW + HOUR) is not None


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_one_that_brought_nothing_is_not_begun_again_for_the_same_labels(room: Chatroom, outcome: Outcome):
    label_messages(room, 60)
    train(room, 60, NOW, outcome)
    assert due(room, NOW + 1000 * HOUR) is None


def test_it_waits_for_every_job_that_runs(room: Chatroom):
    label_messages(room, 60)
    with room.database.write() as c:
        other = jobs.add(c, JobRequest(kind="tune", chat=CHAT, requested_by=ADMIN, post="p"), NOW - 2 * HOUR)
    assert due(room) is None
    with room.database.write() as c:
        jobs.request_cancel(c, other.id, NOW)
    assert due(room) is not None


def test_one_label_alone_is_nothing_to_learn(room: Chatroom):
    label_messages(room, 60, "bug")
    assert due(room) is None
    label_messages(room, 61, "question")
    assert due(room) is None, "`retrain` asks for two messages of each"
    label_messages(room, 62, "question")
    assert due(room) is not None


def test_the_labels_at_a_training_by_an_earlier_version_are_counted_by_their_time(room: Chatroom):
    label_messages(room, 40, at=NOW - 3 * HOUR)
    before = train(room, None, NOW - 2 * HOUR)
    with room.database.write() as c:
        stored = before.request.model_dump(mode="json", exclude={"labelled", "grown_from"})
        c.execute(jobs_table.update().values(request=json.dumps(stored)))
    label_messages(room, 79)
    assert due(room) is None
    label_messages(room, 80)
    request = due(room)
    assert request is not None
    assert request.grown_from == 40


def test_the_command_goes_before_the_setting_and_speaks_both_languages(room: Chatroom):
    label_messages(room, 60)
    assert due(room, by_default=True) is not None
    assert due(room, by_default=False) is None
    assert "only train when somebody types `retrain`" in room.says("retrain auto off")
    assert due(room, by_default=True) is None
    assert "first at 60" in room.says("retrain auto ON")
    assert due(room, by_default=False) is not None
    room.type("here zh")
    assert "标注数量翻倍时" in room.says("retrain auto on")
    assert "只有输入 `retrain` 时" in room.says("retrain auto off")
    assert "标注翻倍时自动训练" in room.says("help retrain auto")


def test_auto_alone_is_the_method_that_retrain_takes_anyway(labelled: Chatroom):
    assert "70 labelled messages" in labelled.says("retrain auto")
    assert (job(labelled).request.method, job(labelled).request.by_itself) == ("auto", False)


def test_only_an_admin_chooses(room: Chatroom):
    label_messages(room, 60)
    assert "admins" in room.says("retrain auto off", caller=ANA, admin=False)
    assert due(room) is not None


def test_nothing_begins_where_no_chat_can_be_told(room: Chatroom):
    label_messages(room, 60)
    room.type("mode shadow")
    assert due(room) is None
    room.type("mode suggest")
    assert due(room) is not None
    with room.database.write() as c:
        chats.disable(c, CHAT, NOW)
    assert due(room) is None


def test_the_chat_in_which_somebody_labelled_last_is_told_in_its_language(room: Chatroom):
    label_messages(room, 60)
    design, watched, left = (CHAT.model_copy(update={"chat_id": name}) for name in ("design", "watched", "left"))
    with room.database.write() as c:
        bug = labels.living(c)[0].id
        for chat in (design, watched, left):
            chats.enable(c, chat, ADMIN, "zh", NOW)
            ledger.append(c, [vote(chat.chat_id, "1", bug, chat)], NOW)
        chats.set_mode(c, watched, "shadow")
        chats.disable(c, left, NOW)
    assert automatic.retrain_if_due(room.database, True, NOW) is not None
    (post,) = posted(room)
    assert post.chat == design
    assert post.text.startswith("现在有 60 条标注：我开始自行训练（首次）。\n")


def test_it_takes_the_tuned_recipe_as_retrain_does(room: Chatroom):
    label_messages(room, 60)
    with room.database.write() as c:
        jobs.add(c, JobRequest(kind="tune", chat=CHAT, requested_by=ADMIN, post="p"), NOW)
    finish(room, NOW, "done", {"recipe": "epochs = 3", "best": {"method": "lora"}})
    request = due(room)
    assert request is not None
    assert (request.recipe, request.method) == ("epochs = 3", "lora")


# ── once ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_sweep_queues_one_training_and_tells_the_chat_why(room: Chatroom, monkeypatch: pytest.MonkeyPatch):
    hinted: list[str] = []

    def hint(*queues: str) -> None:
        hinted.extend(queues)

    label_messages(room, 60)
    monkeypatch.setattr(tasks, "database", lambda: room.database)
    monkeypatch.setattr(tasks, "hints", lambda: hint)
    tasks.sweep()
    assert posted(room) == [], "the tests' settings switch it off"
    monkeypatch.setattr(tasks, "settings", lambda: Settings(retrain_auto=True))
    tasks.sweep()
    tasks.sweep()
    assert hinted.count("training") == 2, "the second time for the job that still waits"
    (post,) = posted(room)
    assert post.text.startswith(FIRST_OF_60)
    assert "`retrain auto off`" in post.text
    assert (post.chat, post.progress) == (CHAT, 0.0)
    room.press(post.choices[0].value, admin=True)
    assert job(room).state == "cancelled", "its button stops it"
    assert job(room).request.requested_by.id == ""


def test_after_a_restart_the_next_one_waits_until_the_labels_have_doubled_again(room: Chatroom):
    label_messages(room, 61)
    assert automatic.retrain_if_due(room.database, True, NOW) is not None
    finish(room, NOW, "failed")
    room.database.dispose()
    label_messages(room, 121)
    assert automatic.retrain_if_due(room.database, True, NOW + 2 * HOUR) is None
    label_messages(room, 122)
    assert automatic.retrain_if_due(room.database, True, NOW + 2 * HOUR) is not None
    assert [post.text.split(":")[0] for post in posted(room)] == [
        "61 labels now",
        "122 labels now, at least twice as many as at the last training (61)",
    ]


KILLED = """
import os, signal, sys
from workers.jobs import automatic_retraining as automatic
from workers.store.database import Database

def die(when):
    if sys.argv[2] == when:
        os.kill(os.getpid(), signal.SIGKILL)

database = Database(sys.argv[1])
with database.read() as c:
    request = automatic.due(c, True, 2e9)
die("before the write")
with database.write() as c:
    automatic.queue(c, request, True, 2e9)
    die("in the write")
die("after the write")
"""


@pytest.mark.parametrize(("when", "left"), [("before the write", 0), ("in the write", 0), ("after the write", 1)])
def test_a_kill_leaves_the_job_with_its_message_or_neither_and_the_next_sweep_makes_it_one(
    room: Chatroom, tmp_path: Path, when: str, left: int
):
    label_messages(room, 60)
    address = f"sqlite:///{tmp_path / 'backchannel.sqlite3'}"
    killed = subprocess.run([sys.executable, "-c", KILLED, address, when], cwd=Path.cwd(), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(posted(room)) == left
    assert (automatic.retrain_if_due(room.database, True, NOW) is None) == bool(left)
    with room.database.read() as c:
        assert len(jobs.latest(c, 9)) == len(posted(room)) == 1


@pytest.mark.parametrize("typed", ["retrain", "retrain auto off", "mode shadow"])
def test_what_people_do_between_the_reading_and_the_writing_counts(room: Chatroom, typed: str):
    label_messages(room, 60)
    request = due(room)
    assert request is not None
    room.type(typed)
    with room.database.write() as c:
        assert automatic.queue(c, request, True, NOW) is None
    assert posted(room) == []


# ── as it runs ──────────────────────────────────────────────────────────────────────────────────────


def test_the_one_message_says_why_from_the_beginning_to_the_end(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The program says how far it is, and ends once the chat has been told."""
    lines = [json.dumps({"event": "progress", "stage": "encoding", "fraction": 0.1}), json.dumps(TRAINED)]
    script = f"print({lines[0]!r}, flush=True)\ninput()\nprint({lines[1]!r})"

    def start(*_: object) -> subprocess.Popen[str]:
        program = subprocess.Popen([sys.executable, "-c", script], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        threading.Thread(target=go_on, args=(program,)).start()
        return program

    def go_on(program: subprocess.Popen[str]) -> None:
        until(lambda: told(labelled))
        assert program.stdin is not None
        print(file=program.stdin, flush=True)

    monkeypatch.setattr(runner, "start", start)
    assert automatic.retrain_if_due(labelled.database, True, NOW) is not None
    run_job(labelled.database, settings, "test")
    with labelled.database.read() as c:
        edits = c.execute(outbox_table.select().where(outbox_table.c.kind == "edit_post")).all()
    assert {edit.subject for edit in edits} == {"retrain:0"}
    reason = "70 labels now: I am training by myself for the first time.\n"
    assert all(text.startswith(reason) for text in told(labelled))
    assert "is ready" in told(labelled)[-1]


def test_a_cancel_keeps_the_reason(labelled: Chatroom):
    automatic.retrain_if_due(labelled.database, True, NOW)
    labelled.type("cancel")
    assert told(labelled)[-1].startswith("70 labels now")
    assert "cancelled" in told(labelled)[-1]


@pytest.mark.parametrize(("by_itself", "steps_back"), [(True, modeling_process.NICENESS), (False, 0)])
def test_its_program_gives_way_to_others_and_one_that_somebody_waits_for_does_not(
    labelled: Chatroom, settings: Settings, by_itself: bool, steps_back: int
):
    if by_itself:
        automatic.retrain_if_due(labelled.database, True, NOW)
    else:
        labelled.type("retrain")
    thread = threading.Thread(target=run_job, args=(labelled.database, settings, "test"))
    thread.start()
    wanted = min(19, psutil.Process().nice() + steps_back)  # the system knows no lower priority
    until(lambda: [program.nice() for program in programs(settings)], lambda nice: nice == [wanted])
    labelled.type("cancel")
    thread.join()
    assert job(labelled).state == "cancelled"


def test_jobs_says_whether_and_when_it_trains_by_itself(room: Chatroom) -> None:
    label_messages(room, 70, "bug", "question")
    assert room.says("jobs").endswith(
        "I train by myself at 60 labels; there are 70 now. `retrain auto off` switches that off."
    )
    train(room, 70, NOW)
    assert "at 140 labels; there are 70 now" in room.says("jobs")
    automatic.keep_setting(room.database, False)
    assert room.says("jobs").endswith("I only train when somebody types `retrain`; `retrain auto on` changes that.")
    room.type("retrain auto on")  # a choice goes before the setting
    assert "at 140 labels" in room.says("jobs")
    with room.database.write() as c:
        chats.enable(c, CHAT, ADMIN, "zh", NOW)
    assert "标注达到 140 条时我会自行训练；现在有 70 条。" in room.says("jobs")

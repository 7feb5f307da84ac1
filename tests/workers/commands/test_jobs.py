"""The verbs that start jobs: what may be written behind them, what is asked of the job, and the order of jobs."""

from __future__ import annotations

import time

import pytest

from tests.workers.at_work import job
from tests.workers.chatroom import ANA, Chatroom
from workers.core.replies import CheckAdmin
from workers.store import jobs
from workers.store.jobs import JobRequest


def request(room: Chatroom) -> JobRequest:
    return job(room).request


def give(room: Chatroom, result: dict[str, object]) -> int:
    """End the job that waits with this result, as a worker would."""
    with room.database.write() as c:
        taken = jobs.claim(c, "test", 30.0, time.time())
        assert taken is not None
        jobs.finish(c, taken, "done", result, None, time.time())
    return taken.id


ASKED: list[tuple[str, dict[str, object]]] = [
    ("retrain", {"method": "auto", "backbone": "", "epochs": None}),
    ("retrain", {"labelled": 70, "grown_from": None}),
    ("retrain auto", {"method": "auto", "grown_from": None}),
    ("retrain auto epochs=2", {"method": "auto", "epochs": 2.0}),
    ("retrain LoRA", {"method": "lora"}),
    ("retrain qlora epochs=3", {"method": "qlora", "epochs": 3.0}),
    ("retrain method=int8", {"method": "int8"}),
    ("retrain backbone=intfloat/multilingual-e5-small", {"backbone": "intfloat/multilingual-e5-small"}),
    ("retrain frozen backbone=lstm epochs=2.5", {"method": "frozen", "backbone": "lstm", "epochs": 2.5}),
    ("distill static", {"kind": "distil", "student": "static"}),
    ("evaluate", {"kind": "evaluate", "version": 1}),
    ("evaluate v1", {"kind": "evaluate", "version": 1}),
    ("tune 30", {"kind": "tune", "minutes": 30}),
    ("pretrain", {"kind": "pretrain", "minutes": 10}),
    ("pretrain 5", {"kind": "pretrain", "minutes": 5}),
]
NONSENSE = [
    ("retrain everything", "does not know “everything”"),
    ("retrain lora full", "does not know “full”"),
    ("retrain auto maybe", "does not know “maybe”"),
    ("retrain colour=red", "does not know “colour=red”"),
    ("retrain epochs=many", "not a number of epochs"),
    ("retrain epochs=1000", "1 to 100"),
    ("retrain epochs=0.5", "1 to 100"),
    ("retrain backbone=../../etc", "no backbone “../../etc”"),
    ("retrain backbone=/home", "no backbone “/home”"),
    ("retrain backbone=chat-9", "no backbone “chat-9”"),
    ("retrain recipe=tuned", "no tuned recipe yet"),
    ("distill", "`distill <static"),
    ("distill elephants", "no backbone “elephants”"),
    ("evaluate 9", "no version “9”"),
    ("evaluate yesterday", "no version “yesterday”"),
    ("tune", "`tune <minutes>`"),
    ("tune 0", "1 to 1440"),
    ("pretrain ten", "1 to 1440"),
    ("cancel 7", "No job is running"),
]


def test_a_verb_asks_for_its_job(labelled: Chatroom):
    for typed, asked in ASKED:
        assert "queued" in labelled.says(typed), typed
        assert request(labelled).model_dump().items() >= asked.items()
        labelled.type("cancel")


def test_what_makes_no_sense_gets_a_sentence_and_no_job(labelled: Chatroom):
    for typed, said in NONSENSE:
        assert said in labelled.says(typed), typed
    with labelled.database.read() as c:
        assert jobs.latest(c, 1) == []


@pytest.mark.parametrize("verb", ["distill static", "evaluate", "tune 5", "retrain"])
def test_without_labels_there_is_nothing_to_do(room: Chatroom, verb: str):
    assert "nobody has labelled" in room.says(verb)


def test_pretraining_says_how_many_messages_are_missing(room: Chatroom):
    room.write("1", "only this one")
    assert "at least 50" in room.says("pretrain")


@pytest.mark.parametrize("verb", ["distill static", "evaluate", "tune 5", "pretrain"])
def test_jobs_are_for_admins(room: Chatroom, verb: str):
    assert isinstance(room.type(verb, caller=ANA, admin=None)[0], CheckAdmin)
    assert "admins" in room.says(verb, caller=ANA, admin=False)


def test_jobs_of_several_kinds_wait_for_each_other_and_one_of_them_can_be_cancelled(labelled: Chatroom):
    labelled.type("retrain")
    assert "begins when job 1 is over" in labelled.says("evaluate")
    assert "Job 2 is already queued" in labelled.says("evaluate")
    assert "Job 2 · Measuring · queued" in labelled.says("jobs")
    labelled.type("cancel 2")
    with labelled.database.read() as c:
        assert [one.state for one in jobs.latest(c, 2)] == ["cancelled", "queued"]


def test_a_base_can_be_named_once_it_was_made(labelled: Chatroom):
    labelled.type("pretrain 1")
    gain = {"metric": "macro_f1", "before": 0.8, "after": 0.83, "low": 0.01, "high": 0.05}
    made = give(labelled, {"folder": "/bases/here", "objective": "tsdae", "texts": 60, "gain": gain})
    assert f"Base chat-{made} · tsdae · macro-F1 +3.0" in labelled.says("models")
    assert "queued" in labelled.says(f"retrain backbone=chat-{made}")
    assert request(labelled).backbone == f"chat-{made}"


def test_the_tuned_recipe_is_taken_unless_something_else_is_asked_for(labelled: Chatroom):
    labelled.type("tune 1")
    made = give(labelled, {"recipe": "method = 'lora'", "best": {"method": "lora", "score": 0.9}, "default": {}})
    assert f"recipe that job {made} found" in labelled.says("retrain")
    assert (request(labelled).recipe, request(labelled).method) == ("method = 'lora'", "lora")
    for typed in ("retrain recipe=default", "retrain full"):
        labelled.type("cancel")
        labelled.type(typed)
        assert request(labelled).recipe == ""

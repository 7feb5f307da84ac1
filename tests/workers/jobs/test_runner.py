"""A training job from /retrain to its last word, with the real program: done, cancelled, killed, taken over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from modeling.text.cleaning import is_held_out
from tests.waiting import HANG, until
from tests.workers.at_work import PIPES, TRAINED, expired, job, programs, told
from tests.workers.chatroom import Chatroom
from workers.core.settings import Settings
from workers.jobs import runner
from workers.jobs.runner import run_job
from workers.store import jobs, versions
from workers.store.database import DatabaseAway


def test_a_job_trains_and_decides_by_the_gate_and_an_altered_bundle_is_refused(labelled: Chatroom, settings: Settings):
    labelled.type("retrain frozen")
    states: list[Mapping[str, object]] = []
    run_job(labelled.database, settings, "test", states.append)
    done = job(labelled)
    assert done.state == "done", done.error
    assert done.result is not None
    assert until(lambda: {state["job"] for state in states}) == {done.id}
    with labelled.database.read() as c:
        candidate = versions.find(c, int(done.result["version"]))
        active = versions.active(c)
    assert candidate is not None
    assert candidate.metrics["accuracy"] > 0.5
    assert candidate.metrics["against"]["accuracy"] > 0.5
    assert (active.id == candidate.id) == done.result["promoted"]
    assert f"Version {candidate.id}" in told(labelled)[-1]
    assert not list(settings.versions_dir.rglob("train.csv")), "people's messages stay in the database alone"
    assert not done.result["promoted"], "an untuned candidate would change nothing"
    assert "takes over" in labelled.says(f"promote {candidate.id}")
    with labelled.database.read() as c:
        assert versions.active(c).id == candidate.id
    labelled.says("rollback")
    head = next(Path(str(candidate.folder)).glob("head.safetensors"))
    head.write_bytes(head.read_bytes()[:-4] + b"\x00\x01\x02\x03")
    assert "altered" in labelled.says(f"promote {candidate.id}")
    head.unlink()
    assert "head.safetensors" in labelled.says(f"promote {candidate.id}")
    with labelled.database.read() as c:
        assert versions.active(c).id == active.id


def test_a_cancelled_job_ends_its_program_and_changes_nothing(labelled: Chatroom, settings: Settings):
    import threading

    labelled.type("retrain full")
    thread = threading.Thread(target=run_job, args=(labelled.database, settings, "test"))
    thread.start()
    until(lambda: job(labelled).state == "running" and programs(settings))
    assert "Cancelling" in labelled.says("cancel")
    thread.join(HANG)
    assert not thread.is_alive()
    assert job(labelled).state == "cancelled"
    assert "cancelled" in told(labelled)[-1]
    assert not programs(settings)
    assert not list(settings.versions_dir.glob("job-*"))
    with labelled.database.read() as c:
        assert len(versions.every(c)) == 1


def test_a_job_that_is_stopped_with_the_machine_has_not_failed(labelled: Chatroom, settings: Settings):
    import threading

    labelled.type("retrain full")
    thread = threading.Thread(target=run_job, args=(labelled.database, settings, "test"))
    thread.start()
    until(lambda: programs(settings))
    until(lambda: job(labelled).stage != "starting")  # it knows by now what to do when it is asked to stop
    programs(settings)[0].terminate()
    thread.join(HANG)
    assert job(labelled).state == "running", "whoever comes next takes it up again"
    assert list(settings.versions_dir.glob("job-*/train.csv"))
    assert not any("failed" in text for text in told(labelled))


WORKER = """
import sys
from pathlib import Path
from workers.core.settings import Settings
from workers.jobs.runner import run_job
from workers.store.database import Database
settings = Settings(data_dir=Path(sys.argv[1]), progress_seconds=0.2, job_lease_seconds=4.0)
run_job(Database(sys.argv[2]), settings, "first")
"""


def test_a_killed_worker_takes_its_program_along_and_the_next_one_finishes_the_job_once(
    labelled: Chatroom, settings: Settings, tmp_path: Path
):
    labelled.type("retrain frozen")
    database = f"sqlite:///{tmp_path / 'backchannel.sqlite3'}"
    first = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), database], cwd=Path.cwd())
    until(lambda: programs(settings))
    first.kill()
    first.wait()
    until(lambda: not programs(settings))
    until(lambda: expired(labelled))
    run_job(labelled.database, settings, "second")
    done = job(labelled)
    assert (done.state, done.token) == ("done", 2), done.error
    with labelled.database.read() as c:
        assert [version.method for version in versions.every(c)] == ["base", "frozen"]


def test_who_lost_the_lease_writes_nothing(labelled: Chatroom, settings: Settings):
    labelled.type("retrain frozen")
    with labelled.database.write() as c:
        mine = jobs.claim(c, "slow", 0.0, time.time())
    assert mine is not None
    with labelled.database.write() as c:
        assert jobs.claim(c, "fast", 60.0, time.time() + 1) is not None
    with pytest.raises(jobs.LostLease):
        runner.see_through(labelled.database, settings, mine)
    assert job(labelled).state == "running"
    assert told(labelled) == []


def print_instead(monkeypatch: pytest.MonkeyPatch, line: dict[str, object]) -> None:
    """Let a job's program do nothing but print this line."""
    argv = [sys.executable, "-c", f"print({json.dumps(line)!r})"]
    monkeypatch.setattr(runner, "start", lambda *_: subprocess.Popen(argv, **PIPES))


def test_a_program_that_fails_ends_the_job_with_its_sentence(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    print_instead(monkeypatch, {"event": "error", "message": "The disk is full: free some space."})
    labelled.type("retrain")
    run_job(labelled.database, settings, "test")
    assert job(labelled).state == "failed"
    assert "The disk is full: free some space." in told(labelled)[-1]


def test_a_chat_in_chinese_reads_in_chinese_what_a_program_says(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    labelled.type("here zh")
    line = {"event": "error", "message": "The disk is full.", "code": "disk_full", "params": {"folder": "/v"}}
    print_instead(monkeypatch, line)
    labelled.type("retrain")
    run_job(labelled.database, settings, "test")
    assert "/v 所在磁盘已满" in told(labelled)[-1]
    assert "/v 所在磁盘已满" in labelled.says("jobs")
    labelled.type("here en")
    assert "The disk of /v is full" in labelled.says("jobs")


def test_a_program_that_dies_without_a_word_still_gets_a_sentence(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    dying = "import sys; sys.stderr.write('Killed by the kernel'); sys.exit(9)"
    monkeypatch.setattr(runner, "start", lambda *_: subprocess.Popen([sys.executable, "-c", dying], **PIPES))
    labelled.type("retrain")
    run_job(labelled.database, settings, "test")
    assert "status 9: Killed by the kernel" in told(labelled)[-1]


def test_a_folder_that_cannot_be_written_ends_the_job_with_what_to_do(labelled: Chatroom, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    labelled.type("retrain")
    run_job(labelled.database, Settings(data_dir=tmp_path / "file"), "test")
    assert job(labelled).state == "failed"
    assert "free some space" in told(labelled)[-1]


def test_too_few_to_hold_any_out_is_said_so(room: Chatroom, settings: Settings):
    learnt = [text for text in (f"word{number}" for number in range(30)) if not is_held_out(text)]
    for number, emoji in enumerate("🐞🐞❓❓"):
        room.write(str(number), learnt[number])
        room.react(str(number), emoji)
    room.type("retrain")
    run_job(room.database, settings, "test")
    assert job(room).state == "failed"
    assert "too few labelled messages" in told(room)[-1]


def test_a_program_that_complains_without_end_is_read_all_the_time(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    said = '{"event": "error", "message": "It came to its end."}'
    noisy = f"import sys; sys.stderr.write('warning\\n' * 100_000); print('''{said}''')"
    monkeypatch.setattr(runner, "start", lambda *_: subprocess.Popen([sys.executable, "-c", noisy], **PIPES))
    labelled.type("retrain")
    run_job(labelled.database, settings, "test")
    assert "It came to its end." in told(labelled)[-1]


def test_a_mistake_of_ours_ends_the_job_instead_of_trying_for_ever(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    print_instead(monkeypatch, {"event": "done"})
    labelled.type("retrain")
    run_job(labelled.database, settings, "test")
    assert job(labelled).state == "failed"
    assert "log" in told(labelled)[-1]


def test_a_database_that_is_away_for_a_moment_costs_the_job_nothing(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    real, away = jobs.heartbeat, iter([True, True])

    def heartbeat(*arguments: object) -> bool:
        if next(away, False):
            raise DatabaseAway("Nothing answers: check the server.")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "heartbeat", heartbeat)
    labelled.type("retrain frozen")
    run_job(labelled.database, settings, "test")
    assert job(labelled).state == "done"


def test_a_candidate_is_not_promoted_over_a_version_it_was_not_compared_with(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with labelled.database.write() as c:
        other = versions.add_candidate(c, None, "minilm", "", "base", {}, None, None, 1.0)
    figures = {"difference": 0.1, "low": 0.05, "high": 0.2, "messages": 9}
    done = json.dumps({**TRAINED, "gate": {"promote": True, "reason": "Better.", **figures}})

    def start(*_: object) -> subprocess.Popen[str]:
        with labelled.database.write() as c:
            versions.promote(c, other.id, 2.0)
        return subprocess.Popen([sys.executable, "-c", f"print({done!r})"], **PIPES)  # type: ignore[call-overload]

    monkeypatch.setattr(runner, "start", start)
    labelled.type("retrain")
    run_job(labelled.database, settings, "test")
    with labelled.database.read() as c:
        assert versions.active(c).id == other.id
    assert "Another version took over" in told(labelled)[-1]


def test_a_job_whose_worker_dies_again_and_again_is_given_up(labelled: Chatroom, settings: Settings):
    labelled.type("retrain frozen")
    for _ in range(runner.MOST_TRIES):
        with labelled.database.write() as c:
            assert jobs.claim(c, "dies", -1.0, time.time()) is not None
    run_job(labelled.database, settings, "test")
    assert job(labelled).state == "failed"
    assert "died 5 times" in told(labelled)[-1]

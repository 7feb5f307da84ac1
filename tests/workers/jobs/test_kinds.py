"""What each kind of job is given, which programs it runs, and what people read at its end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from modeling.sentences.catalogue import sentence
from modeling.text.cleaning import is_held_out
from tests.workers.at_work import PIPES, TRAINED, job, told
from tests.workers.busy_store import watched
from tests.workers.chatroom import Chatroom
from tests.workers.commands.test_short_writes import forbidding
from workers.core.replies import REPLY, Picture
from workers.core.settings import Settings
from workers.jobs import runner
from workers.jobs.runner import run_job
from workers.store import jobs, labels, versions

PNG = b"\x89PNG\r\n\x1a\n and so on"


class Programs:
    """Stands in for the programs: keeps their arguments, and prints what the test wants as their last lines."""

    def __init__(
        self, patch: pytest.MonkeyPatch, settings: Settings, *lines: dict[str, Any], files: Sequence[str] = ()
    ) -> None:
        self.argv: list[list[str]] = []
        self._jobs = settings.versions_dir
        self.files: dict[str, list[str]] = {}
        self._lines, self._writes = list(lines), files
        patch.setattr(runner, "start", self.start)

    def start(self, argv: list[str]) -> subprocess.Popen[str]:
        self.argv.append(argv)
        folder = max(self._jobs.glob("job-*"), key=lambda path: int(path.name.removeprefix("job-")))
        self.files = {path.name: path.read_text("utf-8").splitlines()[1:] for path in folder.glob("*.csv")}
        for name in self._writes:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b'method = "lora"' if name.endswith(".toml") else PNG)
        said = json.dumps(self._lines[len(self.argv) - 1]).replace("FOLDER", str(folder))
        return subprocess.Popen([sys.executable, "-c", f"print({said!r})"], **PIPES)  # type: ignore[call-overload]


def run(room: Chatroom, settings: Settings) -> None:
    assert run_job(room.database, settings, "test")
    assert job(room).state == "done", job(room).error


def pictures(room: Chatroom) -> list[Picture]:
    with room.database.read() as c:
        rows = c.execute(text("select reply from outbox where kind = 'picture' order by id"))
        return [REPLY.validate_json(row[0]) for row in rows]  # type: ignore[misc]


def test_a_version_is_measured_on_messages_that_it_never_learned_from(labelled: Chatroom, settings: Settings):
    labelled.type("evaluate")
    run(labelled, settings)
    assert "Version 1 (base) on " in told(labelled)[-1]
    assert "macro-F1" in told(labelled)[-1]
    (picture,) = pictures(labelled)
    assert picture.content.startswith(PNG[:8])
    assert "1 bug" in picture.alt
    assert job(labelled).result["accuracy"] > 0.5  # type: ignore[index]
    assert not list(settings.versions_dir.rglob("*")), "nothing of it stays on the disk"
    with labelled.database.read() as c:
        assert len(versions.every(c)) == 1, "measuring makes no version"


SHARE = [0.5, 0.4, 0.6]
EVALUATED = {
    **dict.fromkeys(("accuracy", "macro_f1", "ece"), 0.5),
    "event": "evaluated",
    "bundle": "/b",
    "messages": 9,
    "intervals": {
        "method": "bootstrap",
        **dict.fromkeys(("accuracy", "macro_f1", "ece", "macro_precision", "macro_recall"), SHARE),
    },
    "per_label": {
        "bug": {"precision": SHARE, "recall": SHARE, "f1": [0.25, 0.1, 0.4], "support": 4},
        "question": {"precision": SHARE, "recall": SHARE, "f1": [1, 1, 1], "support": 5},
    },
    "confusion": [],
    "reliability": [],
    "coverage": [],
    "at_thresholds": {"threshold": 0.5, "coverage": 0.5, "precision": 0.5},
    "out_of_scope": None,
    "speed": {"messages_per_second": 1234.5, "p50_ms": 1.0, "p95_ms": 2.0},
    "bytes": 1000,
    "against": None,
    "numbered": {"1": "bug"},
    "notes": [],
}


def test_what_was_measured_is_said_where_its_picture_could_not_be_drawn(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    note = sentence("picture_not_drawn", reason="the fonts are gone").model_dump(mode="json")
    Programs(monkeypatch, settings, TRAINED, {**EVALUATED, "notes": [note]})
    labelled.type("evaluate")
    run(labelled, settings)
    assert "50.0% (40.0%–60.0%)" in told(labelled)[-1]
    assert "There is no picture (the fonts are gone)" in told(labelled)[-1]
    assert not pictures(labelled)


def test_a_saved_version_is_measured_as_it_is_while_the_labels_are_its_own(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    labelled.type("retrain frozen")
    run(labelled, settings)
    programs = Programs(monkeypatch, settings, EVALUATED, files=["evaluation.png"])
    labelled.type("evaluate 2")
    run(labelled, settings)
    assert [argv[0] for argv in programs.argv] == ["evaluate"]
    assert "50.0% (40.0%–60.0%)" in told(labelled)[-1]
    assert "bug 25.0%" in told(labelled)[-1]
    assert "question" not in told(labelled)[-1]
    with labelled.database.write() as c:
        labels.rename(c, labels.find(c, "bug"), "fault")  # type: ignore[arg-type]
    programs = Programs(monkeypatch, settings, TRAINED, EVALUATED, files=["evaluation.png", "fresh/x"])
    labelled.type("evaluate 2")
    run(labelled, settings)
    assert [argv[0] for argv in programs.argv] == ["train", "evaluate"]
    assert programs.argv[0][programs.argv[0].index("--backbone") + 1].endswith("bundle/backbone")
    assert "fitted anew" in told(labelled)[-1]


GATE = {"difference": -0.06, "low": -0.1, "high": -0.02, "messages": 14}
WORSE = sentence("gate_may_be_worse", difference=-6.0, low=-10.0, high=-2.0, messages=14)
DISTILLED = {
    "event": "done",
    "method": "distilled",
    "student": "static",
    "accuracy": 0.9,
    "macro_f1": 0.88,
    "ece": 0.02,
    "messages": 14,
    "labels": 2,
    "messages_per_second": 21034.2,
    "p50_ms": 0.1,
    "megabytes": 8.13,
    "kept": 0.947,
    "times_as_fast": 41.1,
    "agreement": 0.9,
    "notes": [],
    "seconds": 9.0,
    "bundle": "FOLDER/out/bundle",
    "fingerprint": "f",
    "teacher": {"accuracy": 0.95, "macro_f1": 0.941, "messages_per_second": 512.0, "megabytes": 91.2},
    "against": {"name": "/t", "accuracy": 0.95, "macro_f1": 0.941, "ece": 0.02, "messages": 14},
    "gate": {"promote": False, "reason": WORSE.model_dump(mode="json"), **GATE},
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_student_stands_beside_its_teacher_in_one_table(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch, language: str
):
    labelled.type(f"here {language}")
    programs = Programs(monkeypatch, settings, TRAINED, DISTILLED, files=["out/bundle/meta.json"])
    labelled.type("distill static")
    run(labelled, settings)
    assert [argv[0] for argv in programs.argv] == ["train", "distill"], "a bare backbone gets a head first"
    said = told(labelled)[-1].splitlines()
    assert len(said) == 5, said
    assert WORSE.render(language) in said[0]
    assert all(share in said[1] for share in ("94.7%", "41.1", "8.9%"))
    assert all(line.startswith("`") and line.endswith("`") for line in said[2:]), "letters of one width"
    assert said[3].split()[1:] == ["95.0%", "94.1%", "512", "91.2`"]
    assert said[4].split()[1:] == ["90.0%", "88.0%", "21,034", "8.1`"]
    assert not any(is_held_out(text.strip('"')) for text in programs.files["pool.csv"])
    assert len(programs.files["pool.csv"]) > 40
    assert "distilled static" in labelled.says("models")
    assert "21,034" in labelled.says("models")
    with labelled.database.read() as c:
        assert versions.active(c).id == 1
        assert versions.every(c)[-1].backbone == "minilm"
    kept = [path.name for path in settings.versions_dir.rglob("*") if path.is_file()]
    assert kept == ["meta.json"], "people's messages stay in the database alone"


PRETRAINED = {
    "event": "pretrained",
    "objective": "tsdae",
    "base": "minilm",
    "texts": 56,
    "held_out": 10,
    "steps": 40,
    "loss_first": 6.1,
    "loss_last": 2.25,
    "curve": [[1, 6.1], [40, 2.25]],
    "held_out_before": 6.0,
    "held_out_after": 3.0,
    "gain": None,
    "backbone": "FOLDER/out/backbone",
    "fingerprint": "f",
    "notes": [],
    "seconds": 3.0,
}
GAIN = {"metric": "macro_f1", "before": 0.80, "after": 0.83, "low": 0.01, "high": 0.05, "folds": 3, "method": "m"}


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (GAIN, "it gained +3.0 points"),
        ({**GAIN, "low": -0.01}, "no gain that could be told from chance"),
        ({**GAIN, "after": 0.7, "low": -0.2, "high": -0.05}, "it is worse: -10.0 points"),
        (None, "too few labelled messages"),
    ],
)
def test_a_base_is_named_and_what_it_gained_is_said_plainly(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch, gain: dict[str, Any] | None, said: str
):
    made = ["out/backbone/model.safetensors", "out/curve.png"]
    programs = Programs(monkeypatch, settings, {**PRETRAINED, "gain": gain}, files=made)
    labelled.type("pretrain 2")
    run(labelled, settings)
    assert said in told(labelled)[-1]
    assert "from 6.10 to 2.25" in told(labelled)[-1]
    assert f"`retrain backbone=chat-{job(labelled).id}`" in told(labelled)[-1]
    assert programs.argv[0][:2] == ["pretrain", str(settings.versions_dir / f"job-{job(labelled).id}" / "pool.csv")]
    assert pictures(labelled)[0].content == PNG
    assert [path.name for path in settings.versions_dir.rglob("*") if path.is_file()] == ["model.safetensors"]
    Programs(monkeypatch, settings, DISTILLED)
    name = f"chat-{job(labelled).id}"
    labelled.type(f"retrain backbone={name}")
    programs = Programs(monkeypatch, settings, TRAINED)
    run(labelled, settings)
    folder = str(settings.versions_dir / f"job-{job(labelled).id - 1}" / "out" / "backbone")
    assert folder in programs.argv[0]


def test_a_base_whose_files_are_gone_is_said_to_be(labelled: Chatroom, settings: Settings):
    labelled.type("pretrain 1")
    with labelled.database.write() as c:
        made = jobs.claim(c, "test", 30.0, time.time())
        assert made is not None
        jobs.finish(c, made, "done", {"folder": "/nowhere"}, None, 2.0)
    labelled.type(f"retrain backbone=chat-{made.id}")
    run_job(labelled.database, settings, "test")
    assert "gone from /nowhere" in told(labelled)[-1]


METRIC = "cross_validated_macro_f1"
TUNED: dict[str, Any] = {
    "event": "tuned",
    "trials": 12,
    "pruned": 5,
    "recipe": "FOLDER/out/recipe.toml",
    "best": {"score": 0.9, "metric": METRIC, "method": "lora", "rank": 8, "rate": 0.00031},
    "default": {"score": 0.8, "metric": METRIC},
    "gain": None,
    "messages": 50,
    "folds": 5,
    "notes": [],
    "seconds": 9,
}


@pytest.mark.parametrize(("best", "said"), [(0.9, "The next `retrain` takes it"), (0.8, "goes on with the default")])
def test_the_best_recipe_stays_with_the_job(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch, best: float, said: str
):
    line = {**TUNED, "notes": ["By chance."], "best": {**TUNED["best"], "score": best}}
    programs = Programs(monkeypatch, settings, line, files=["out/recipe.toml"])
    labelled.type("tune 1")
    run(labelled, settings)
    assert said in told(labelled)[-1]
    assert "method lora, rank 8, rate 0.00031" in told(labelled)[-1]
    assert "By chance." in told(labelled)[-1]
    assert set(programs.files) == {"train.csv"}, "what is held out is not for choosing"
    assert bool(job(labelled).result["recipe"]) == (best > 0.8)  # type: ignore[index]


def test_what_a_killed_worker_left_behind_is_cleaned_up_by_the_next_job(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    labelled.type("tune 1")
    labelled.type("cancel")
    left = settings.versions_dir / f"job-{job(labelled).id}"
    left.mkdir(parents=True)
    (left / "train.csv").write_text("text,label\nwhat somebody said,bug\n")
    Programs(monkeypatch, settings, TRAINED)
    labelled.type("retrain")
    run(labelled, settings)
    assert not left.exists()


ENDS = {
    "retrain": ([TRAINED], []),
    "distill static": ([TRAINED, DISTILLED], []),
    "evaluate": ([TRAINED, EVALUATED], ["evaluation.png"]),
    "pretrain 2": ([{**PRETRAINED, "gain": GAIN}], ["out/curve.png"]),
    "tune 1": ([TUNED], ["out/recipe.toml"]),
}


@pytest.mark.parametrize("typed", ENDS)
def test_what_came_of_a_job_is_written_in_a_few_statements_and_no_file_is_read_meanwhile(
    labelled: Chatroom, settings: Settings, monkeypatch: pytest.MonkeyPatch, typed: str
):
    lines, files = ENDS[typed]
    Programs(monkeypatch, settings, *lines, files=files)
    labelled.type(typed)
    with watched(labelled.database, forbidding(monkeypatch)) as writes:
        run(labelled, settings)
    assert max(write.statements for write in writes) <= 20

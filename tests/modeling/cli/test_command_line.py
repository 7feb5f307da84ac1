"""The program as a training worker or a data scientist runs it."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from modeling.classifier import bundle as bundles
from modeling.cli.app import app
from modeling.training import run_directory
from tests.fakes import tiny
from tests.fakes.killed import killed_after_checkpoint
from tests.fakes.messages import write_csv

Files = tuple[Path, Path]
QUICK = {"learning_rate": 3e-4, "epochs": 1, "batch": 8, "checkpoint_seconds": 0.0}


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe for a tuning of seconds."""
    path = tmp_path_factory.mktemp("recipe") / "quick.json"
    path.write_text(json.dumps({"folds": 2, "full": QUICK, "lora": QUICK}))
    return path


def arguments(files: Files, out: Path, *more: object) -> list[str]:
    return ["train", str(files[0]), "--test", str(files[1]), "--out", str(out), "--progress", "json", *map(str, more)]


def run(*words: object) -> tuple[int, list[dict[str, Any]], str]:
    """Run a command in this process: exit status, lines of standard output, standard error."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, lines, result.stderr


def start(*words: object) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-m", "modeling", *map(str, words)], stdin=pipe, stdout=pipe, text=True)


def until(process: subprocess.Popen[str], stage: str) -> list[dict[str, Any]]:
    """Read progress until a stage is reached."""
    seen: list[dict[str, Any]] = []
    assert process.stdout is not None
    for line in process.stdout:
        seen.append(json.loads(line))
        if seen[-1].get("stage", "").startswith(stage):
            return seen
    raise AssertionError(f"never reached {stage}: {seen[-3:]}")


def close(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


@pytest.fixture(scope="module")
def trained(
    files: Files, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    out = tmp_path_factory.mktemp("out") / "run"
    status, lines, _ = run(*arguments(files, out, "--method", "frozen", "--against", "minilm"))
    assert status == 0, lines
    return out, lines[-1], lines


def test_training_ends_with_what_is_promised(trained: tuple[Path, dict[str, Any], list[dict[str, Any]]]) -> None:
    out, done, lines = trained
    assert done["event"] == "done"
    assert done["method"] == "frozen"
    assert done["accuracy"] > 0.9
    assert done["macro_f1"] > 0.9
    assert 0 <= done["ece"] < 0.5
    assert done["labels"] == 3
    assert done["against"]["macro_f1"] == done["macro_f1"]
    assert done["gate"]["promote"] is True
    assert done["cross_validation"]["frozen"]["macro_f1"] > 0.8
    assert done["why"]["text"] == "The frozen backbone was asked for."
    assert 5 < done["tokens"]["median"] <= done["tokens"]["p95"] <= done["tokens"]["most"] < done["tokens"]["limit"]
    assert done["tuning"] is None
    assert done["megabytes"] > 1
    assert bundles.load(Path(done["bundle"])).meta["metrics"]["accuracy"] == done["accuracy"]
    fractions = [line["fraction"] for line in lines[:-1]]
    assert fractions == sorted(fractions)
    assert not (out / "work").exists()


def test_a_finished_folder_says_done_again_without_training(
    trained: tuple[Path, dict[str, Any], list[dict[str, Any]]], files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, done, _ = trained
    monkeypatch.setattr("modeling.training.train._Training", None)  # so nothing is loaded, encoded or fitted
    status, lines, _ = run(*arguments(files, out, "--method", "frozen", "--against", "minilm"))
    assert (status, lines[-1]) == (0, done)


def test_a_finished_folder_is_never_overwritten_by_another_order(
    trained: tuple[Path, dict[str, Any], list[dict[str, Any]]], files: Files
) -> None:
    status, lines, _ = run(*arguments(files, trained[0], "--method", "frozen", "--seed", 5))
    assert status == 2
    assert "choose another --out" in lines[-1]["message"]


def test_a_second_process_on_the_same_folder_gets_a_sentence(files: Files, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        status, lines, _ = run(*arguments(files, tmp_path, "--method", "frozen"))
    assert status == 2
    assert lines[-1]["event"] == "error"
    assert "Another process" in lines[-1]["message"]


def test_evaluate_and_predict_use_the_bundle(
    trained: tuple[Path, dict[str, Any], list[dict[str, Any]]], files: Files, tmp_path: Path
) -> None:
    _, done, _ = trained
    status, lines, _ = run("evaluate", done["bundle"], files[1])
    assert status == 0
    assert lines[-1]["accuracy"] == pytest.approx(done["accuracy"], abs=0.02)
    (tmp_path / "texts").write_text("thank you so much\n\u200b\nthe app crashes, an error\n", "utf-8")
    status, lines, _ = run("predict", done["bundle"], tmp_path / "texts")
    assert [line["label"] for line in lines] == ["thanks", None, "bug_report"]
    assert lines[0]["probability"] > 0.5
    piped = CliRunner().invoke(app, ["predict", done["bundle"], "-"], input="many thanks\n")
    assert json.loads(piped.stdout)["label"] == "thanks"


def test_evaluate_measures_everything_and_writes_what_is_asked_for(
    trained: tuple[Path, dict[str, Any], list[dict[str, Any]]], files: Files, tmp_path: Path
) -> None:
    bundle, outside = trained[1]["bundle"], tmp_path / "outside.csv"
    outside.write_text("text\nwhat is the capital of France\nhow tall is the tower\n", "utf-8")
    more = [
        "--against",
        bundle,
        "--out-of-scope",
        outside,
        "--json",
        tmp_path / "e.json",
        "--picture",
        tmp_path / "e.png",
    ]
    status, lines, _ = run("evaluate", bundle, files[1], *more, "--progress", "json")
    assert status == 0, lines[-1]
    assert [line["event"] for line in lines[:-1]] == ["progress"] * (len(lines) - 1)
    assert lines[-1] == json.loads((tmp_path / "e.json").read_text("utf-8"))
    assert lines[-1]["out_of_scope"]["messages"] == 2
    assert lines[-1]["out_of_scope"]["auroc"][0] > 0.5
    assert lines[-1]["against"]["mcnemar"] == {"ours": 0, "theirs": 0, "p": 1.0, "method": "exact binomial"}
    assert lines[-1]["speed"]["messages_per_second"] > 0
    assert lines[-1]["bytes"] > 1_000_000
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")
    shown = CliRunner().invoke(app, ["evaluate", bundle, str(files[1]), "--progress", "rich"])
    assert shown.exit_code == 0
    assert "macro-F1" in shown.stdout
    assert "{" not in shown.stdout


def test_evaluating_what_was_learned_from_is_said(
    trained: tuple[Path, dict[str, Any], list[dict[str, Any]]], files: Files, tmp_path: Path
) -> None:
    bundle = trained[1]["bundle"]
    status, lines, _ = run("evaluate", bundle, files[0], "--progress", "json")
    assert status == 0
    assert [note["code"] for note in lines[-1]["notes"]] == ["tested_on_training"]
    assert lines[-1]["notes"][0]["params"] == {"count": 72, "total": 72}
    other = write_csv(
        tmp_path / "other.csv", [("which room is the review in", "THANKS"), ("no coffee is left", "THANKS")]
    )
    status, lines, _ = run("evaluate", bundle, other, "--against", bundle, "--progress", "json")
    assert (status, lines[-1]["notes"]) == (0, [])
    assert {cell["true"] for cell in lines[-1]["confusion"]} == {"thanks"}  # spelled as the bundle does


def test_evaluating_labels_of_another_kind_gets_a_sentence(
    trained: tuple[Path, dict[str, Any], list[dict[str, Any]]], tmp_path: Path
) -> None:
    other = write_csv(tmp_path / "other.csv", [("hello there", "greeting")])
    status, lines, _ = run("evaluate", trained[1]["bundle"], other)
    assert status == 2
    assert 'such as "greeting"' in lines[-1]["message"]


def test_auto_tunes_races_and_decides_by_cross_validation(files: Files, quick: Path, tmp_path: Path) -> None:
    base = tiny.bert(tmp_path / "base")
    order = arguments(files, tmp_path / "out", "--recipe", quick, "--against", base, "--backbone", base)
    status, lines, _ = run(*order)
    assert status == 0, lines[-1]
    assert set(lines[-1]["cross_validation"]) == {"frozen", "full"}
    assert lines[-1]["method"] in {"frozen", "full"}
    assert lines[-1]["why"]["params"]["figures"]["params"]["tuned"] == pytest.approx(
        lines[-1]["cross_validation"]["full"]["macro_f1"], abs=1e-4
    )


def test_a_killed_run_is_continued_by_the_same_command(files: Files, quick: Path, tmp_path: Path) -> None:
    base = tiny.bert(tmp_path / "base")
    command = arguments(files, tmp_path / "run", "--method", "full", "--recipe", quick, "--against", base)
    command += ["--backbone", str(base)]
    second_fold = '(Path(args.output_dir).parent / "full-0.safetensors").is_file()'
    killed_after_checkpoint(command, second_fold)
    first_fold = next((tmp_path / "run" / "work").rglob("full-0.safetensors"))
    written = first_fold.stat().st_mtime_ns
    assert not (tmp_path / "run" / "bundle").exists()
    seen: list[int] = []

    def note(*_: object) -> None:
        seen.append(first_fold.stat().st_mtime_ns)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_directory.shutil, "rmtree", lambda path, **_: note(path))
        status, lines, _ = run(*command)
    assert status == 0, lines[-1]
    assert seen
    assert seen[-1] == written  # the fold that was done was not done again
    assert lines[-1]["method"] == "full"
    assert lines[-1]["gate"]["messages"] > 100  # held-out and out-of-fold messages together
    assert bundles.load(Path(lines[-1]["bundle"])).meta["base_fingerprint"] != lines[-1]["fingerprint"]


def test_the_program_ends_in_the_middle_on_sigterm_and_with_its_parent(files: Files, tmp_path: Path) -> None:
    terminated = start(*arguments(files, tmp_path / "told", "--method", "full"))
    orphan = start(*arguments(files, tmp_path / "orphan", "--method", "full", "--stop-with-parent"))
    try:
        until(terminated, "cross-validation")
        terminated.terminate()
        assert terminated.wait() == 143  # it would be 0 at the end of training
        until(orphan, "cross-validation")
        assert orphan.stdin is not None
        orphan.stdin.close()
        assert orphan.wait() == 143
    finally:
        close(terminated)
        close(orphan)


def test_a_full_disk_gets_a_sentence_and_leaves_no_half_bundle(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(bundles, "save_file", full)
        status, lines, _ = run(*arguments(files, tmp_path, "--method", "frozen"))
    assert status == 2
    assert "full: free some space" in lines[-1]["message"]
    assert not (tmp_path / "bundle").exists()
    assert not (tmp_path / "done.json").exists()
    status, lines, _ = run(*arguments(files, tmp_path, "--method", "frozen"))
    assert status == 0


def test_a_bundle_that_reloads_otherwise_is_an_error(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = bundles.load

    def otherwise(folder: Path) -> bundles.Bundle:
        found = load(folder)
        found.head.bias[0] += 5
        return found

    monkeypatch.setattr(bundles, "load", otherwise)
    status, lines, _ = run(*arguments(files, tmp_path, "--method", "frozen"))
    assert status == 2
    assert "predicts otherwise" in lines[-1]["message"]
    assert not (tmp_path / "done.json").exists()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "has no rows"),
        ([("hello there", "x"), ("good day", "x")], "at least two labels"),
        ([("hello there", "x"), ("good day", "y")], "one example per label"),
    ],
)
def test_too_little_to_train_on_gets_a_sentence(
    files: Files, tmp_path: Path, rows: list[tuple[str, str]], words: str
) -> None:
    train = write_csv(tmp_path / "train.csv", rows)
    status, lines, _ = run(*arguments((train, files[1]), tmp_path / "out", "--method", "frozen"))
    assert status == 2
    assert words in lines[-1]["message"]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--backbone", "/no/such/folder", "does not exist"),
        ("--against", "/no/such/folder", "does not exist"),
        ("--recipe", "/no/such/recipe.json", "cannot be read"),
        ("--test", "/no/such/test.csv", "cannot be read"),
        ("--out", "/dev/null/x", "cannot be written to"),
    ],
)
def test_a_wrong_argument_gets_a_sentence(files: Files, tmp_path: Path, option: str, value: str, words: str) -> None:
    status, lines, _ = run(*arguments(files, tmp_path / "out", "--method", "frozen", option, value))
    assert status == 2
    assert words in lines[-1]["message"]
    assert "Traceback" not in lines[-1]["message"]


def test_a_wrong_recipe_is_shown_where_it_is_wrong(files: Files, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"full": {"learning_rate": "fast"}}')
    status, lines, _ = run(*arguments(files, tmp_path / "out", "--recipe", recipe))
    assert status == 2
    assert "full.learning_rate" in lines[-1]["message"]


def test_for_people_errors_go_to_standard_error(tmp_path: Path) -> None:
    test = write_csv(tmp_path / "x.csv", [("hello there", "greeting")])
    for words in (["evaluate", tmp_path / "none", test, "--progress", "rich"], ["predict", tmp_path / "none"]):
        status, lines, said = run(*words)
        assert status == 2
        assert lines == []
        assert "bundle" in said
        assert "Traceback" not in said

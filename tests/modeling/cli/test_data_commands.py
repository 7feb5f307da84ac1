"""Commands on one file of labelled messages: what is in it, other formats, and both sides held apart."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from modeling.classifier import bundle as bundles
from modeling.cli.app import app
from modeling.text.cleaning import is_held_out
from tests.fakes.messages import messages, write_csv
from tests.modeling.cli.test_command_line import Files, run


def test_without_a_test_file_a_fifth_is_held_out_and_cross_validation_joins_in(files: Files, tmp_path: Path) -> None:
    command = ["train", files[0], "--out", tmp_path, "--method", "frozen", "--against", "minilm", "--progress", "json"]
    status, lines, _ = run(*command)
    assert status == 0, lines[-1]
    done = lines[-1]
    meta = bundles.load(Path(done["bundle"])).meta
    assert meta["data"]["messages"] + meta["held_out"]["messages"] == 72  # copies stay: a label here has nothing else
    assert meta["held_out"]["messages"] < 30
    assert done["messages"] == 72
    assert "cross-validation on the others joins in" in done["notes"][-1]["text"]
    assert done["against"]["macro_f1"] == done["macro_f1"]


def test_without_any_held_out_message_cross_validation_speaks_alone(tmp_path: Path) -> None:
    rows = [(text, label) for text, label in messages(("so", "well", "again")) if not is_held_out(text)]
    train = write_csv(tmp_path / "train.csv", rows)
    command = ["train", train, "--out", tmp_path / "run", "--method", "frozen", "--against", "minilm"]
    status, lines, _ = run(*command, "--progress", "json")
    assert status == 0, lines[-1]
    assert lines[-1]["messages"] == len(rows)
    assert lines[-1]["gate"] is None
    assert lines[-1]["against"]["messages"] == len(rows)


def test_data_is_described_converted_and_split(files: Files, tmp_path: Path) -> None:
    status, lines, _ = run("data", "describe", files[0])
    assert status == 0, lines[-1]
    assert (lines[-1]["messages"], lines[-1]["labels"]) == (72, 3)
    assert lines[-1]["near_copies"] > 10
    assert lines[-1]["tokens"]["cut"] == 0
    status, lines, _ = run("data", "convert", files[0], tmp_path / "a.jsonl")
    assert (status, lines[-1]["messages"]) == (0, 72)
    out = ["--train", tmp_path / "t.csv", "--held-out", tmp_path / "h.csv"]
    status, lines, _ = run("data", "split", tmp_path / "a.jsonl", *out)
    assert status == 0, lines[-1]
    assert lines[-1]["train"] + lines[-1]["held_out"] + lines[-1]["set_aside"] == 72
    status, lines, _ = run("data", "split", files[0], *out)
    assert (status, "exists already" in lines[-1]["message"]) == (2, True)
    shown = CliRunner().invoke(app, ["data", "describe", str(files[0]), "--progress", "rich"])
    assert "near copies" in shown.stdout

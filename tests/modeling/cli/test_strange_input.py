"""Input that is no text, and names that look like commands to a terminal: printed as written, or said with the line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from modeling.cli.app import app
from modeling.data import lines
from modeling.errors import ModelingError
from modeling.events import Prediction
from modeling.progress import print_line
from tests.fakes.messages import messages, write_csv
from tests.modeling.cli.test_command_line import run

NAMES = {"bug_report": "[/bug]", "praise": "[red]praise[/]", "feature_request": ":bug: idea"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose labels are markup to Rich."""
    renamed = dict(zip(sorted({label for _, label in messages()}), NAMES.values(), strict=True))
    return write_csv(
        tmp_path_factory.mktemp("strange") / "[-rows].csv",
        [(text, renamed[label]) for text, label in messages()],
    )


@pytest.fixture(scope="module")
def bundle(rows: Path) -> Path:
    out = rows.parent / "[bold] run [x]"
    status, lines_, _ = run(
        "train", rows, "--out", out, "--method", "frozen", "--backbone", "minilm", "--progress", "json"
    )
    assert status == 0, lines_
    return out / "bundle"


def shown(*words: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=given, env={"COLUMNS": "200"})


def test_names_and_texts_are_printed_as_they_are_written(rows: Path, bundle: Path, tmp_path: Path) -> None:
    few = write_csv(
        tmp_path / "few.csv", [(f"{word} of {name}", name) for name in NAMES.values() for word in ("one", "two")]
    )
    described = shown("data", "describe", few, "--backbone", "minilm", "--progress", "rich")
    assert described.exit_code == 0, described.stderr
    assert all(name in described.stdout for name in NAMES.values()), described.stdout
    evaluated = shown("evaluate", bundle, rows, "--progress", "rich")
    assert evaluated.exit_code == 0, evaluated.stderr
    assert all(name in evaluated.stdout for name in (*NAMES.values(), "[bold]")), evaluated.stdout
    text = "It [/] crashes :bug: [/bug] again"
    explained = shown("explain", bundle, text, "--neighbours", rows, "--progress", "rich")
    assert explained.exit_code == 0, explained.stderr
    assert "[/] crashes" in explained.stdout
    assert any(name in explained.stdout for name in NAMES.values())


def test_bytes_that_are_no_text_are_said_with_their_line(bundle: Path, tmp_path: Path) -> None:
    broken = b"It crashes\n\xff\xfe broken bytes\nthanks\n"
    (tmp_path / "a.txt").write_bytes(broken)
    for words, given, name in (
        (["-"], broken, "standard input"),
        ([str(tmp_path / "a.txt")], None, str(tmp_path / "a.txt")),
    ):
        status = shown("predict", bundle, *words, given=given)
        assert (status.exit_code, status.stdout) == (2, "")
        assert status.stderr == f"{name} is not UTF-8 in line 2 (byte 0xff): save all of it as UTF-8.\n"
    explained = shown("explain", bundle, "-", "--progress", "json", given=b"one\ntwo \xe9\n")
    assert (
        "standard input is not UTF-8 in line 2 (byte 0xe9)" in json.loads(explained.stdout.splitlines()[-1])["message"]
    )
    pretrained = shown("pretrain", tmp_path / "a.txt", "--out", tmp_path / "out", "--progress", "json")
    assert "a.txt is not UTF-8 in line 2 (byte 0xff)" in json.loads(pretrained.stdout.splitlines()[-1])["message"]


@pytest.mark.parametrize("content", ["It crashes\r\nthanks\r\n", "\ufeffIt crashes\nthanks", "It crashes\rthanks\r"])
def test_lines_of_standard_input_end_as_in_a_file(bundle: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "a.txt").write_bytes(content.encode())
    by_file, by_input = shown("predict", bundle, tmp_path / "a.txt"), shown("predict", bundle, given=content.encode())
    assert [json.loads(line)["text"] for line in by_input.stdout.splitlines()] == ["It crashes", "thanks"]
    assert by_input.stdout == by_file.stdout


@pytest.mark.parametrize(("most", "text"), [(100, "a é"), (4, "a é"), (3, "a "), (2, "a ")])
def test_a_text_that_is_too_long_is_cut_between_characters(
    monkeypatch: pytest.MonkeyPatch, most: int, text: str
) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO("a é".encode())))
    assert lines.text_of_standard_input(most) == text


def test_a_standard_input_that_is_closed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    for reading in (lines.of_standard_input, lambda: iter([lines.text_of_standard_input(9)])):
        with pytest.raises(ModelingError, match="Standard input cannot be read"):
            list(reading())


def test_half_a_character_and_letters_that_an_output_lacks_are_printed_as_escapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for encoding, text in (("utf-8", "half \ud83d"), ("latin-1", "é 中 😀"), ("ascii", "é")):
        out = BytesIO()
        monkeypatch.setattr("sys.stdout", TextIOWrapper(out, encoding=encoding, write_through=True))
        print_line(Prediction(text=text, label=None, probability=0.0))
        assert json.loads(out.getvalue().decode(encoding))["text"] == text


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_path_that_is_no_text_gets_a_sentence(tmp_path: Path, encoding: str) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9 \xe4\xb8\xad.csv"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for show in ("json", "rich"):
        command = [sys.executable, "-m", "modeling", "data", "convert", path, tmp_path / "a.jsonl", "--progress", show]
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        assert done.returncode == 2
        assert b"cannot be read (No such file" in done.stdout + done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["deep.json", "deep.toml"])
def test_brackets_nested_without_end_are_said(rows: Path, tmp_path: Path, name: str) -> None:
    recipe = tmp_path / name
    recipe.write_text(("x = " if name.endswith("toml") else "") + "[" * 3000 + "]" * 3000)
    status, lines_, _ = run("train", rows, "--out", tmp_path / "out", "--recipe", recipe, "--progress", "json")
    assert status == 2
    assert f"{recipe} " in lines_[-1]["message"]
    assert lines_[-1]["code"] == "recipe_unparsable"
    deep = tmp_path / "bundle"
    deep.mkdir()
    (deep / "meta.json").write_text("[" * 3000 + "]" * 3000)
    status, lines_, said = run("predict", deep, rows)
    assert (status, "was altered" in said or "meta.json" in said) == (2, True)

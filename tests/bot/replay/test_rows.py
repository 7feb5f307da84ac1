"""What a replay reads of a file: what modeling reads, said where something was left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.replay.rows import read, read_rows
from bot.replay.runner import of_files
from workers.core.errors import BackchannelError


def test_texts_stay_as_people_wrote_them_and_labels_of_two_files_agree(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('Text;Label\n" See <@U1>:\n  it CRASHES ";bug\nthanks;Praise\n')
    (tmp_path / "b.jsonl").write_text('{"text": "half \\ud83d", "label": ["BUG"]}\n{"text": "new", "label": "idea"}\n')
    assert read_rows(tmp_path / "a.csv") == [(" See <@U1>:\n  it CRASHES ", "bug"), ("thanks", "Praise")]
    assert read_rows(tmp_path / "b.jsonl", tmp_path / "a.csv") == [("half \ufffd", "bug"), ("new", "idea")]


def test_rows_that_cannot_be_played_are_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n,bug\nit crashes,bug\n\u200b,praise\ntext,label\nthanks,praise\n")
    reading = read(path)
    assert reading.rows == [("it crashes", "bug"), ("thanks", "praise")]
    assert reading.left_out == 2
    assert of_files([reading, reading])["left_out"] == 4
    assert of_files([reading])["notes"][1] == f"{path}: 2 rows without text or label were left out."
    assert capsys.readouterr().err.splitlines() == [
        f"{path}: 1 rows that repeat the names of the columns were left out, the first in line 5.",
        f"{path}: 2 rows without text or label were left out.",
    ]


def test_an_export_is_played_by_its_answers(tmp_path: Path) -> None:
    rows = [{"text": f"it crashes {answer}", "label": "bug", "answer": answer} for answer in ("accept", "reject")]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_rows(tmp_path / "a.jsonl") == [("it crashes accept", "bug")]


def test_a_reader_that_breaks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'No module named modeling' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    with pytest.raises(BackchannelError, match=r"a\.csv can't be read: No module named modeling"):
        read_rows(tmp_path / "a.csv")

"""The command line: whatever is wrong is one sentence on standard error and exit status 78, never a stack trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.cli import DATABASE_AWAY, main
from tests.databases import migrated
from workers.core.errors import WRONG_SETTINGS

ROWS = "text,label\nit crashes,bug\n"


@pytest.fixture(autouse=True)
def _nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mistake is found before a process is started or becomes another one; only modeling reads the file."""
    start = subprocess.Popen

    def reads(command: list[str], **options: Any) -> subprocess.Popen[str]:
        assert command[1:5] == ["-m", "modeling", "data", "convert"], "a process was started"
        return start(command, **options)

    def started(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.Popen", reads)
    monkeypatch.setattr(os, "execve", started)
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text(ROWS)


def sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str, status: int = WRONG_SETTINGS
) -> str:
    """What `backchannel` with these words says before it gives up."""
    monkeypatch.setattr(sys, "argv", ["backchannel", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (status, "", 1)
    return err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "rows.csv has no column label and no column text"),
        ("text,label\n", "rows.csv has no rows"),
        ("words,kind\nit crashes,bug\n", "rows.csv has no column label and no column text"),
        ("text,label\nit crashes\nthanks, \n", "rows.csv has no rows with a text and a label"),
        ("label,text\nbug\nbug,\u200b\n", "rows.csv has no rows with a text and a label"),
        ("text,label\nit is slow, it hangs,bug\n", "rows.csv has 3 fields in line 2, but 2 columns"),
        ('text,label\nfine,praise\n"it crashes,bug\n', "rows.csv opens a quote in line 3 that nothing closes"),
        ("text,label\nit crashes,none\n", 'rows.csv calls a label "none" in line 2'),
    ],
)
def test_a_file_that_cannot_be_replayed_is_said(
    rows: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rows.csv").write_text(rows)
    assert said in sentence(monkeypatch, capsys, "replay", "rows.csv")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["missing.csv"], "missing.csv cannot be read"),
        (["rows.csv", "--test", "missing.csv"], "missing.csv cannot be read"),
        (["--", "--rows.csv"], "--rows.csv cannot be read"),
        (["rows.csv", "--annotate", "some"], "--annotate some is neither all, none, asked nor a share"),
        (["rows.csv", "--annotate", "1.5"], "--annotate 1.5 is neither"),
        (["rows.csv", "--report", "no/such/r.json"], "The report can't be written to no/such/r.json (No such file"),
        (["rows.csv", "--report", "."], "The report can't be written to . (Is a directory)"),
        (["rows.csv", "--data", "rows.csv"], "The data folder rows.csv can't be made (File exists)"),
        (["rows.csv", "--data", "rows.csv/data"], "can't be made (Not a directory)"),
        (["rows.csv", "--data", "x" * 300], "can't be made (File name too long)"),
    ],
)
def test_options_that_a_replay_cannot_follow_are_said(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in sentence(monkeypatch, capsys, "replay", *options)


def test_a_replay_does_not_mix_with_what_is_in_its_data_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with migrated(Path()):
        pass
    assert "The data folder . has been used already" in sentence(
        monkeypatch, capsys, "replay", "rows.csv", "--data", "."
    )


@pytest.mark.parametrize("command", [["worker", "classify"], ["bot", "web"], ["up"]])
def test_wrong_settings_are_said_before_anything_starts(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKCHANNEL_BATCH_SIZE", "many")
    assert "BACKCHANNEL_BATCH_SIZE is wrong" in sentence(monkeypatch, capsys, *command)


@pytest.mark.parametrize(
    ("url", "said", "status"),
    [
        (
            "sqlite:////no/such/folder/b.sqlite3",
            "cannot open or write the SQLite file /no/such/folder/b.sqlite3",
            DATABASE_AWAY,
        ),
        (
            "postgresql://me:secret@127.0.0.1:9/b",
            "Nothing answers as the Postgres database b at 127.0.0.1:9",
            DATABASE_AWAY,
        ),
        ("sqlite:///empty.sqlite3", "There are no tables yet", WRONG_SETTINGS),
    ],
)
def test_a_worker_that_cannot_reach_its_data_says_so(
    url: str, said: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKCHANNEL_DATABASE__URL", url)
    assert said in sentence(monkeypatch, capsys, "worker", "labels", status=status)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["worker", "ghost"], "There is no worker 'ghost'"),
        (["bot", "ghost"], "There is no platform 'ghost'"),
        (["up"], "No platform is set up"),
    ],
)
def test_what_there_is_not_is_said(
    command: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKCHANNEL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BACKCHANNEL_WEB__ENABLED", "false")
    with migrated(tmp_path):
        pass
    assert said in sentence(monkeypatch, capsys, *command)

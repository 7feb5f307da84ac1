"""An installation in which all is well, until a test breaks something."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.cli import main
from bot.doctor import checks
from bot.doctor.health import BEATING
from tests.databases import with_packaged_model
from workers.store import heartbeats
from workers.store.database import Database

Set = Callable[..., None]
Red = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with with_packaged_model(tmp_path) as database:
        with database.write() as c:
            for role in (*BEATING.values(), "sweep"):
                heartbeats.beat(c, f"test:{role}", role, time.time())
        yield database


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """Set settings by their names without the prefix. Torch counts as missing, unless a test says otherwise."""
    monkeypatch.chdir(tmp_path)

    def setting(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"BACKCHANNEL_{name}", str(value))

    setting(DATA_DIR=tmp_path, WEB__ENABLED="false")
    monkeypatch.setattr(checks, "has_torch", lambda: False)
    return setting


def asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit status and output of `backchannel doctor` with these words."""
    monkeypatch.setattr(sys, "argv", ["backchannel", "doctor", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.fixture
def red(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database: Database, setting: Set) -> Red:
    """The red lines, each with what to do; that the exit status fits is seen to here."""

    def red(*words: str) -> list[tuple[str, str]]:
        status, out = asked(monkeypatch, capsys, *words)
        lines = out.splitlines()
        found = [(line[2:], lines[number + 1]) for number, line in enumerate(lines) if line.startswith("✗ ")]
        assert status == bool(found)
        assert all(todo.startswith("  → ") for _, todo in found), found
        assert lines[-1] == ("All is well." if not found else f"{len(found)} of {counted(lines)} checks failed.")
        return [(what, todo[4:]) for what, todo in found]

    return red


def counted(lines: list[str]) -> int:
    return sum(line[0] in "✓✗" for line in lines)

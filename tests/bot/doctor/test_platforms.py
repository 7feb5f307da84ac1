"""`backchannel doctor` about platforms, without secrets, in colour where there is a terminal, and all green."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args
from urllib.parse import quote

import pytest
from pydantic import BaseModel, SecretStr
from rich.console import Console

from bot.doctor import doctor
from bot.doctor.findings import Finding
from bot.settings import BotSettings
from tests.bot.doctor.conftest import Red, Set
from tests.databases import migrated
from tests.e2e.demo import running_demo
from tests.waiting import until
from tests.workers.queries import last_beats
from workers.core.settings import Settings
from workers.store.database import Database


def test_a_platform_says_how_it_is_where_it_is_asked_to(
    red: Red, setting: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    async def examine(own: BotSettings, _: Database | None, chat: str | None) -> list[Finding]:
        token = own.slack.bot_token
        assert token
        seen.append(chat)
        return [
            Finding(True, "Slack knows us."),
            Finding(False, f"It misses a scope, {token.get_secret_value()}.", "Go."),
        ]

    monkeypatch.setitem(doctor.PLATFORMS, "slack", examine)
    monkeypatch.setattr("bot.doctor.health.health_status", lambda served, seconds: (200, "ok"))
    setting(SLACK__BOT_TOKEN="xoxb-canary", SLACK__APP_TOKEN="xapp-canary")
    assert red() == red("--chat", "slack:T1/C1") == [("It misses a scope, ….", "Go.")]
    assert seen == [None, "T1/C1"]
    for wrong in ("telegram:1", "slack", "slack:", "T1/C1"):
        assert red("--chat", wrong)[0][0] == f"There is no chat {wrong} to try anything in."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("https://api/bot1:canary/x"), "slack could not be examined (RuntimeError)."),
        (None, "slack did not"),
    ],
)
def test_a_platform_that_cannot_be_examined(
    red: Red, setting: Set, monkeypatch: pytest.MonkeyPatch, error: Exception | None, said: str
) -> None:
    async def examine(*_: object) -> list[Finding]:
        if error:
            raise error
        await asyncio.sleep(60)
        return []

    monkeypatch.setitem(doctor.PLATFORMS, "slack", examine)
    monkeypatch.setattr("bot.doctor.health.health_status", lambda served, seconds: (200, "ok"))
    monkeypatch.setattr(doctor, "PLATFORM_TIMEOUT", 0.05)
    setting(SLACK__BOT_TOKEN="xoxb-canary", SLACK__APP_TOKEN="xapp-canary")
    ((what, _),) = red()
    assert what.startswith(said)


def secret_names(cls: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The variables that hold secrets, without BACKCHANNEL_."""
    for name, field in cls.model_fields.items():
        kinds = {field.annotation, *get_args(field.annotation)}
        if SecretStr in kinds:
            yield (prefix + name).upper()
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from secret_names(kind, f"{prefix}{name}__")


def test_no_secret_is_ever_printed(tmp_path: Path) -> None:
    names = [*secret_names(Settings), *secret_names(BotSettings)]
    assert len(names) >= 9
    nowhere = "http://127.0.0.1:9"
    canaries = {name: f"canary-{number}@/:é" for number, name in enumerate(names)}
    values = canaries | {
        "DATABASE__URL": f"postgresql://u:{quote(canaries['DATABASE__URL'], safe='')}@127.0.0.1:9/d",
        "BROKER__URL": f"redis://u:{quote(canaries['BROKER__URL'], safe='')}@127.0.0.1:9/0",
        "DATA_DIR": str(tmp_path),
        "SLACK__CLIENT_ID": "1.2",
        "SLACK__API_URL": f"{nowhere}/api/",
        "TELEGRAM__MODE": "webhook",
        "TELEGRAM__PUBLIC_URL": nowhere,
        "TELEGRAM__API_URL": nowhere,
        "BACKBONE": "/no/such/folder",
    }
    settings = {f"BACKCHANNEL_{name}": value for name, value in values.items()}
    for more in ({}, {"BACKCHANNEL_WEB__PORT": "none"}):
        done = run("doctor", settings | more)
        assert done.returncode == 1, done.stderr
        assert done.stdout.count("✗") >= (1 if more else 8), done.stdout
        assert "canary" not in done.stdout + done.stderr


def run(command: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "bot", command]
    return subprocess.run(words, env=os.environ | settings, capture_output=True, text=True, check=False)


def latest(data_dir: Path) -> dict[str, float]:
    with migrated(data_dir) as database, database.read() as c:
        return last_beats(c)


def test_colours_are_for_terminals_only() -> None:
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, color_system="standard" if terminal else None)
        doctor.show(Finding(False, "[bold]no markup[/bold] " * 9, "Do it."), console)
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert ("\x1b[" in text) is terminal
        assert "[bold]no markup[/bold]" in text
        assert text.count("\n") == 2


def test_a_running_installation_is_green_all_over(tmp_path: Path) -> None:
    with running_demo(tmp_path / "data") as demo:
        settings = {"BACKCHANNEL_DATA_DIR": str(tmp_path / "data"), "BACKCHANNEL_WEB__PORT": str(demo.port)}
        until(lambda: "sweep" in latest(tmp_path / "data") and run("health", settings).returncode == 0)
        assert len(run("health", settings).stdout.splitlines()) == 5
        done = run("doctor", settings)
        assert done.returncode == 0, done.stdout
        assert "✗" not in done.stdout
        assert "It reads English" in done.stdout
        assert done.stdout.splitlines()[-1] == "All is well."

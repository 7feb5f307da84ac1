"""Which settings each process gets, and who may read what they write."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import BotSettings
from bot.supervisor.stack import process_specs
from workers.core.environment import without_settings
from workers.core.settings import Settings
from workers.jobs import modeling_process

TOKENS = {
    "BACKCHANNEL_SLACK__BOT_TOKEN": "xoxb-1",
    "backchannel_slack__app_token": "xapp-1",
    "BACKCHANNEL_TELEGRAM__TOKEN": "1:a",
    "BACKCHANNEL_WEB__PASSWORD": "open sesame",
}


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BACKCHANNEL_DATABASE__URL", "sqlite:////tmp/x.sqlite3")


@pytest.mark.usefixtures("tokens")
def test_each_bot_gets_its_own_tokens_and_workers_none(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    specs = process_specs(settings, BotSettings(), [["web"], ["slack"], ["telegram"]])
    given = {spec.name: set(without_settings(*spec.hidden)) for spec in specs}
    assert {name: sorted(TOKENS.keys() & variables) for name, variables in given.items()} == {
        "valkey": [],
        "bot-web": ["BACKCHANNEL_WEB__PASSWORD"],
        "bot-slack": ["BACKCHANNEL_SLACK__BOT_TOKEN", "backchannel_slack__app_token"],
        "bot-telegram": ["BACKCHANNEL_TELEGRAM__TOKEN"],
        "worker-classify": [],
        "worker-labels": [],
        "worker-training": [],
        "beat": [],
    }
    assert all(("BACKCHANNEL_DATABASE__URL" in variables) == (name != "valkey") for name, variables in given.items())


@pytest.mark.usefixtures("tokens")
def test_a_program_of_modeling_gets_no_setting_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELING_CACHE", "/somewhere")
    started = dict[str, str]()

    def popen(_argv: object, *, env: dict[str, str], **_: object) -> None:
        started.update(env)

    monkeypatch.setattr(subprocess, "Popen", popen)
    modeling_process.start(["train"])
    assert "MODELING_CACHE" in started
    assert not [name for name in started if name.upper().startswith("BACKCHANNEL_")]


def test_what_is_written_is_for_this_account_alone(tmp_path: Path) -> None:
    data = tmp_path / "new"
    environment = {**os.environ, "BACKCHANNEL_DATA_DIR": str(data)}
    subprocess.run([sys.executable, "-m", "bot", "migrate"], env=environment, check=True, cwd=tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.rglob("*"))}
    assert modes["new"] == 0o700
    assert not [name for name, mode in modes.items() if mode & 0o077], modes

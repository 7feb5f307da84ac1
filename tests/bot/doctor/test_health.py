"""`backchannel health`: with real worker and clock processes, and with what else may answer on a bot's port."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.doctor.health import examine, expected
from bot.settings import BotSettings, SlackSettings, TelegramSettings, WebSettings
from bot.supervisor.stack import beat_argv, worker_argv
from tests import valkey
from tests.databases import migrated
from tests.waiting import HANG, until
from tests.workers.queries import last_beats
from workers.core.errors import BackchannelError
from workers.queue import embedded_valkey
from workers.store import heartbeats
from workers.store.database import Database

OFF = WebSettings(enabled=False)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with migrated(tmp_path) as database:
        yield database


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that gives every request this status; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"the database can't be written")

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def slack(port: int) -> BotSettings:
    token = SecretStr("xapp-1")
    return BotSettings(web=OFF, slack=SlackSettings(bot_token=SecretStr("xoxb-1"), app_token=token, port=port))


@pytest.mark.parametrize(
    ("status", "ok", "said"),
    [
        (200, True, "is connected"),
        (503, False, "is not well: the database can't be written."),
        (404, False, "Something other than bot-slack"),
    ],
)
def test_a_bot_says_how_it_is(status: int, ok: bool, said: str, database: Database) -> None:
    with answering(status) as port:
        (finding,) = examine(["bot-slack"], slack(port), database)
    assert finding.ok is ok
    assert said in finding.what
    assert ok or finding.todo


def test_a_bot_that_does_not_answer_or_has_no_port_of_its_own_is_said(database: Database) -> None:
    with answering(200) as port:
        pass
    (gone,) = examine(["bot-slack"], slack(port), database)
    assert (gone.ok, gone.what) == (False, f"bot-slack does not answer on port {port}.")
    (hidden,) = examine(["bot-slack"], slack(0), database)
    assert (hidden.ok, hidden.todo) == (False, "Give it one by BACKCHANNEL_SLACK__PORT.")


def test_a_worker_lives_by_a_recent_sign_of_life_of_its_own_role(database: Database) -> None:
    now = time.time()
    with database.write() as c:
        heartbeats.beat(c, "here:1", "classify", now - 5)
        heartbeats.beat(c, "here:2", "labels", now - heartbeats.ALIVE - 1)
    names = ["worker-classify", "worker-labels", "worker-training", "beat"]
    assert [finding.ok for finding in examine(names, BotSettings(), database)] == [True, False, False, False]
    assert [finding.ok for finding in examine(names[:1], BotSettings(), database, "elsewhere")] == [False]


def test_a_database_that_is_away_is_the_finding(tmp_path: Path) -> None:
    away = Database("postgresql://me:hunter2@127.0.0.1:9/b")
    (finding,) = examine(["worker-labels"], BotSettings(), away)
    assert not finding.ok
    assert "Nothing answers as the Postgres database b" in finding.todo
    assert "hunter2" not in finding.todo


def test_a_name_that_no_process_has_is_said(database: Database) -> None:
    with pytest.raises(BackchannelError, match="There is no process 'worker-ghost': choose from bot-web, "):
        examine(["worker-ghost"], BotSettings(), database)


def test_without_names_it_is_about_what_up_would_run() -> None:
    token = TelegramSettings(token=SecretStr("1:a"))
    running = ["worker-classify", "worker-labels", "worker-training", "beat"]
    assert expected(BotSettings(web=OFF, telegram=token)) == ["bot-telegram", *running]
    assert expected(BotSettings()) == ["bot-web", *running]


def health(data_dir: Path, *words: str) -> tuple[int, str]:
    """Exit status and words of the real command."""
    command = [sys.executable, "-m", "bot", "health", *words]
    settings = {"BACKCHANNEL_DATA_DIR": str(data_dir), "BACKCHANNEL_WEB__ENABLED": "false"}
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_real_processes_show_that_they_live_and_that_they_have_ended(database: Database, tmp_path: Path) -> None:
    valkey.start(tmp_path)
    settings = os.environ | {"BACKCHANNEL_DATA_DIR": str(tmp_path), "BACKCHANNEL_SWEEP_SECONDS": "0.5"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": settings}
    processes = [subprocess.Popen(argv, **quiet) for argv in (worker_argv("labels"), beat_argv(tmp_path))]
    try:
        names = ("worker-labels", "beat")
        _, spoken = until(lambda: health(tmp_path, "--here", *names), lambda answer: answer[0] == 0)
        assert len(spoken.splitlines()) == 2
        until(lambda: latest(database), lambda roles: set(roles) == {"labels", "beat", "sweep"})
        assert health(tmp_path, "worker-classify")[0] == 1
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(HANG)
        embedded_valkey.stop(tmp_path)
    assert "labels" not in latest(database)


def latest(database: Database) -> dict[str, float]:
    with database.read() as c:
        return last_beats(c)


@pytest.mark.parametrize(
    ("words", "said"),
    [(["worker-ghost"], "There is no process 'worker-ghost'"), (["beat"], "beat gave no sign of life")],
)
def test_whatever_is_wrong_the_exit_status_is_one(words: list[str], said: str, tmp_path: Path) -> None:
    with migrated(tmp_path):
        status, spoken = health(tmp_path, *words)
    assert (status, spoken.count("\n")) == (1, 1)
    assert said in spoken


def test_health_and_migrate_load_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['backchannel', 'migrate']; import bot.cli; bot.cli.app(standalone_mode=False); "
        "import bot.doctor.health; sys.exit('torch' in sys.modules or 'celery' in sys.modules)"
    )
    settings = os.environ | {"BACKCHANNEL_DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The tables in the SQLite file")

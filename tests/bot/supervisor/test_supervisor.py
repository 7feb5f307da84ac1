"""The supervisor, with real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bot.supervisor.child import ProcessSpec, RestartPolicy
from bot.supervisor.orphans import alive
from bot.supervisor.supervisor import Supervisor
from tests import valkey
from tests.waiting import HANG, kill, until
from workers.core.errors import WRONG_SETTINGS, BackchannelError
from workers.queue import embedded_valkey

SLEEP = [sys.executable, "-c", "import time; print('here'); time.sleep(600)"]
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); "
FAST = RestartPolicy(first=0.1, longest=0.4, healthy=60, grace=1.5)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def log_of(data_dir: Path) -> str:
    return (data_dir / "logs" / "backchannel.log").read_text()


def test_a_child_that_dies_is_started_again_and_people_are_told_in_one_line(tmp_path: Path) -> None:
    said: list[str] = []
    with Supervisor([ProcessSpec("one", SLEEP), ProcessSpec("two", SLEEP)], tmp_path, said.append, FAST) as supervisor:
        before = supervisor.pids()
        until(lambda: "one | here" in log_of(tmp_path))
        kill(before["one"])
        until(lambda: supervisor.pids().get("one", before["one"]) != before["one"])
        assert supervisor.pids()["two"] == before["two"]
    assert said == ["one was ended by SIGKILL (here); starting it again in 0.1 s"]
    assert "starting it again" in log_of(tmp_path)


def test_the_waits_between_restarts_double_up_to_the_longest(tmp_path: Path) -> None:
    said: list[str] = []
    child = ProcessSpec("brief", python("print('no luck'); raise SystemExit(3)"))
    with Supervisor([child], tmp_path, said.append, FAST):
        until(lambda: len(said) >= 4)
    assert "brief ended with exit code 3 (no luck)" in said[0]
    assert [re.findall(r"in ([\d.]+) s$", line)[0] for line in said[:4]] == ["0.1", "0.2", "0.4", "0.4"]


def ours(before: list[psutil.Process]) -> list[psutil.Process]:
    """What was started since then; another test may have left something that serves all, as multiprocessing does."""
    return [process for process in psutil.Process().children(recursive=True) if process not in before]


def test_a_minute_of_health_makes_up_for_earlier_deaths(tmp_path: Path) -> None:
    said: list[str] = []
    child = ProcessSpec("brief", python("import time; time.sleep(0.3)"))
    with Supervisor([child], tmp_path, said.append, RestartPolicy(first=0.05, longest=5, healthy=0.2)):
        until(lambda: len(said) >= 3)
    assert all(line.endswith("in 0.05 s") for line in said)


def test_stopping_leaves_nothing_even_of_those_that_ignore_sigterm_and_of_what_they_started(tmp_path: Path) -> None:
    before = psutil.Process().children(recursive=True)
    grandchild = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    deaf = ProcessSpec("deaf", python(STUBBORN + grandchild + "time.sleep(600)"))
    with Supervisor([deaf, ProcessSpec("one", SLEEP)], tmp_path, policy=FAST) as supervisor:
        top = psutil.Process(supervisor.pids()["deaf"])
        until(lambda: "deaf | deaf" in log_of(tmp_path) and top.children())
        family = ours(before)
    assert len(family) == 4  # deaf, its child, one, the guard
    assert not any(map(alive, family))


def test_a_dead_child_takes_what_it_started_with_it(tmp_path: Path) -> None:
    parent = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    with Supervisor([ProcessSpec("one", python(parent + "time.sleep(600)"))], tmp_path, policy=FAST) as supervisor:
        top = psutil.Process(supervisor.pids()["one"])
        until(top.children)
        orphan = top.children()[0]
        top.kill()
        until(lambda: not alive(orphan))


def test_children_are_started_in_order_and_stopped_in_reverse(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    code = f"""
import signal, sys, time
def note(what):
    with open({str(diary)!r}, "a") as file:
        file.write(f"{{sys.argv[1]}} {{what}}\\n")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(note("stopped")))
note("started")
time.sleep(0.3)
note("ready")
time.sleep(600)
"""

    def noted(line: str) -> bool:
        return diary.exists() and line in diary.read_text().splitlines()

    gate = ProcessSpec("gate", [*python(code), "gate"], ready=lambda: noted("gate ready"))
    with Supervisor([gate, ProcessSpec("after", [*python(code), "after"])], tmp_path, policy=FAST) as supervisor:
        assert noted("gate ready")
        assert set(supervisor.pids()) == {"gate", "after"}
        until(lambda: noted("after ready"))
    lines = ["gate started", "gate ready", "after started", "after ready", "after stopped", "gate stopped"]
    assert diary.read_text().splitlines() == lines


def test_a_child_that_ends_before_it_was_ready_is_said_with_its_last_line(tmp_path: Path) -> None:
    before = psutil.Process().children(recursive=True)
    failing = ProcessSpec("web", python("print('Port 8090 is taken.')"), ready=lambda: False)
    with pytest.raises(BackchannelError, match=r"web did not start: Port 8090 is taken\."):
        Supervisor([ProcessSpec("one", SLEEP), failing], tmp_path, policy=FAST).run()
    assert not any(map(alive, ours(before)))


def test_a_hopeless_child_stops_everything_with_its_sentence(tmp_path: Path) -> None:
    hopeless = ProcessSpec("web", python(f"print('The token is wrong.'); raise SystemExit({WRONG_SETTINGS})"))
    with pytest.raises(BackchannelError, match=r"^The token is wrong\.$"):
        Supervisor([ProcessSpec("one", SLEEP), hopeless], tmp_path, policy=FAST).run()


def test_the_others_go_on_without_a_child_that_they_do_not_need(tmp_path: Path) -> None:
    said: list[str] = []
    code = python(f"print('backchannel: The token is wrong.'); raise SystemExit({WRONG_SETTINGS})")
    with Supervisor(
        [ProcessSpec("slack", code, needed=False), ProcessSpec("one", SLEEP)], tmp_path, said.append, FAST
    ) as supervisor:
        until(lambda: said)
        for _ in range(3):  # by then, whatever is to be started again has been
            before = until(lambda: supervisor.pids().get("one"))
            kill(before)
            until(lambda before=before: supervisor.pids().get("one", before) != before)
        assert set(supervisor.pids()) == {"one"}
    assert said[0] == "slack cannot run, and the others go on without it: The token is wrong."
    assert not any(line.startswith("slack") for line in said[1:])


def test_a_program_that_is_not_there_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BackchannelError, match="ghost cannot be started: No such file"):
        Supervisor([ProcessSpec("ghost", [str(tmp_path / "ghost")])], tmp_path, policy=FAST).run()


def test_warnings_reach_the_terminal_and_other_lines_only_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    code = "print('[INFO] fine'); print('[WARNING/Main] hot'); import time; time.sleep(600)"
    with Supervisor([ProcessSpec("one", python(code))], tmp_path, said.append, FAST):
        until(lambda: "hot" in log_of(tmp_path))
    assert said == ["one: [WARNING/Main] hot"]
    assert "one | [INFO] fine" in log_of(tmp_path)


def test_one_data_folder_has_one_supervisor(tmp_path: Path) -> None:
    with (
        Supervisor([ProcessSpec("one", SLEEP)], tmp_path, policy=FAST) as supervisor,
        pytest.raises(BackchannelError, match=rf"already running .*process {os.getpid()}"),
    ):
        Supervisor([ProcessSpec("one", SLEEP)], tmp_path, policy=FAST).run()
    assert supervisor.pids() == {}


# A supervisor in a process of its own, so that it can be killed. Its second child moves to a session of its own.
ALONE = """
import sys
from pathlib import Path
from bot.supervisor.child import ProcessSpec
from bot.supervisor.supervisor import Supervisor
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
moved = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:], start_new_session=True)", *sleep]
supervisor = Supervisor([ProcessSpec("one", sleep), ProcessSpec("two", moved)], Path(sys.argv[1]))
supervisor.run(on_ready=lambda: print("ready", flush=True), stop_with_parent="parent" in sys.argv)
print("stopped", flush=True)
"""


@pytest.fixture
def alone(tmp_path: Path):
    process = subprocess.Popen([sys.executable, "-c", ALONE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    until(lambda: len(psutil.Process(process.pid).children(recursive=True)) == 4)  # one, two, two's child, the guard
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_ends_well(alone: subprocess.Popen[str], number: signal.Signals) -> None:
    family = psutil.Process(alone.pid).children(recursive=True)
    alone.send_signal(number)
    output, _ = alone.communicate(timeout=HANG)
    assert (alone.returncode, output) == (0, "stopped\n")
    assert not any(map(alive, family))


def test_a_supervisor_that_is_killed_leaves_nothing(alone: subprocess.Popen[str]) -> None:
    family = psutil.Process(alone.pid).children(recursive=True)
    alone.kill()
    until(lambda: not any(map(alive, family)))


def test_it_ends_when_the_pipe_of_its_parent_closes_and_not_before(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", ALONE, str(tmp_path), "parent"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        print("a word", file=process.stdin, flush=True)
        family = until(lambda: psutil.Process(process.pid).children(recursive=True), lambda some: len(some) == 4)
        assert process.poll() is None
        process.stdin.close()
        assert process.stdout.read() == "stopped\n"
    assert process.returncode == 0
    assert not any(map(alive, family))


def test_when_its_guard_is_killed_too_the_next_start_ends_what_is_left(
    alone: subprocess.Popen[str], tmp_path: Path
) -> None:
    family = psutil.Process(alone.pid).children(recursive=True)
    for process in family:
        if "bot.supervisor.orphans" in process.cmdline():
            alone.send_signal(signal.SIGSTOP)  # or it would start another guard
            until(lambda: psutil.Process(alone.pid).status() == psutil.STATUS_STOPPED)
            kill(process.pid)
    kill(alone.pid)
    assert sum(map(alive, family)) == 3
    with Supervisor([ProcessSpec("one", SLEEP)], tmp_path, policy=FAST):
        assert not any(map(alive, family))


def test_the_embedded_valkey_is_supervised_like_any_other_child(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "workers.queue.embedded_valkey", str(tmp_path)]
    left_over = valkey.start(tmp_path)
    spec = ProcessSpec("valkey", argv, ready=lambda: embedded_valkey.running_pid(tmp_path) not in (None, left_over))
    with Supervisor([spec, ProcessSpec("one", SLEEP)], tmp_path, lambda _: None, FAST) as supervisor:
        first = supervisor.pids()["valkey"]
        assert embedded_valkey.running_pid(tmp_path) == first
        kill(first)
        until(lambda: embedded_valkey.running_pid(tmp_path) not in (None, first))
        assert embedded_valkey.running_pid(tmp_path) == supervisor.pids()["valkey"]
    assert embedded_valkey.running_pid(tmp_path) is None

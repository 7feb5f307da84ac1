"""`backchannel demo` as a newcomer starts it: a process of its own, a data folder of its own, a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.waiting import HANG, kill, until


class Demo:
    """A running demo; `said` is all that its terminal shows."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.port, self._terminal = port, data_dir / "terminal"
        data_dir.mkdir(mode=0o700, exist_ok=True)
        settings = {"DATA_DIR": str(data_dir), "WEB__PORT": str(port), "PROGRESS_SECONDS": "0.3", "SWEEP_SECONDS": "1"}
        settings["LEASE_SECONDS"] = "3"
        with self._terminal.open("w") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot", "demo"],
                env=os.environ | {f"BACKCHANNEL_{name}": value for name, value in settings.items()},
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._terminal.read_text()

    def family(self) -> list[psutil.Process]:
        """All its processes, itself included."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def pid_of(self, *words: str) -> int | None:
        """The supervised process whose command line has all of these words."""
        for process in self.family()[1:]:
            try:
                if set(words) <= set(process.cmdline()):
                    return process.pid
            except psutil.Error:
                continue
        return None

    def kill(self, *words: str) -> None:
        """`kill -9` a supervised process and wait until another has taken its place."""
        pid = self.pid_of(*words)
        assert pid is not None, words
        kill(pid)
        until(lambda: self.pid_of(*words) not in (None, pid))

    @contextmanager
    def standing_still(self, *words: str) -> Iterator[None]:
        """A supervised process that does nothing until the block ends."""
        pid = until(lambda: self.pid_of(*words))
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=HANG)


@contextmanager
def running_demo(data_dir: Path) -> Iterator[Demo]:
    """A demo whose page can be opened; nothing of it is left at the end."""
    demo = Demo(data_dir, free_port())
    try:
        until(lambda: "open it in a browser" in demo.said or demo.process.poll() is not None)
        assert demo.process.poll() is None, demo.said
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.interrupt()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])

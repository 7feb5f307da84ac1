"""The embedded Valkey as a child of the tests, and a client of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import redis

from tests.waiting import until
from workers.core.errors import BackchannelError
from workers.queue.embedded_valkey import running_pid, socket_path


def start(data_dir: Path) -> int:
    """Start this data folder's server if there is none, as the supervisor does; returns its process id once it answers.

    Raises BackchannelError with the last line of a server that ends instead.
    """
    if pid := running_pid(data_dir):
        return pid
    argv = [sys.executable, "-m", "workers.queue.embedded_valkey", str(data_dir)]
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        server = subprocess.Popen(argv, stdout=output, stderr=output)
        threading.Thread(target=server.wait, daemon=True).start()  # whoever stops it leaves no zombie behind
        until(lambda: running_pid(data_dir) == server.pid or server.poll() is not None)
        if server.poll() is not None:
            output.seek(0)
            raise BackchannelError(output.read().strip().rpartition("\n")[2])
    return server.pid


def client(data_dir: Path) -> redis.Redis:
    """A client of the server of this data folder."""
    return redis.Redis(unix_socket_path=str(socket_path(data_dir)))

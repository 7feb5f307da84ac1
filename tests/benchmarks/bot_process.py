"""How light a bot process is: seconds until it is ready, resident memory, and what it imported.

python -m tests.benchmarks.bot_process
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from bot.cli import open_database
from workers.core.settings import Settings

HEAVY = ("torch", "transformers", "sentence_transformers", "sklearn", "scipy", "numpy", "peft")
IMPORTS = (
    "import json, sys, bot.cli, bot.wiring.process, bot.wiring.web, bot.platforms.replay;"
    f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def one_start(data: Path) -> tuple[float, float]:
    """Seconds until the page answers, and MiB resident a second later."""
    port = free_port()
    env = os.environ | {"BACKCHANNEL_DATA_DIR": str(data), "BACKCHANNEL_WEB__PORT": str(port)}
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "bot", "bot", "web"], env=env)
    try:
        while not answers(port):
            time.sleep(0.01)
        ready = time.monotonic() - began
        time.sleep(1.0)
        return ready, psutil.Process(process.pid).memory_info().rss / 2**20
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        open_database(Settings(data_dir=Path(folder))).dispose()
        starts = [one_start(Path(folder)) for _ in range(5)]
    heavy = json.loads(subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, check=True).stdout)
    ready = sorted(seconds for seconds, _ in starts)
    print(f"ready after {ready[2]:.2f} s (median of 5; slowest {ready[-1]:.2f})")
    print(f"resident {max(size for _, size in starts):.0f} MiB")
    print(f"heavy modules imported: {heavy or 'none'}")


if __name__ == "__main__":
    main()

"""How light each bot process is: seconds until it is ready, resident memory, and what it imported.

python -m tests.benchmarks.bot_process
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from bot.cli import open_database
from tests.fakes.slack.server import TOKEN, FarSlack
from tests.fakes.telegram.server import FarSide
from workers.core.settings import Settings

STARTS = 5
HEAVY = ("torch", "transformers", "sentence_transformers", "sklearn", "scipy", "numpy", "peft")
IMPORTS = (
    "import json, sys, bot.cli, bot.wiring.process, bot.wiring.{}, bot.platforms.replay;"
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
        connection.getresponse()
        return True
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def one_start(platform: str, settings: Mapping[str, str]) -> tuple[float, float]:
    """Seconds until it answers, be it that it is not connected yet, and MiB resident a second later."""
    port = free_port()
    env = {**os.environ, **settings, f"BACKCHANNEL_{platform.upper()}__PORT": str(port)}
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "bot", "bot", platform], env=env, stderr=subprocess.DEVNULL)
    try:
        while not answers(port):
            time.sleep(0.01)
        ready = time.monotonic() - began
        time.sleep(1.0)
        return ready, psutil.Process(process.pid).memory_info().rss / 2**20
    finally:
        process.terminate()
        process.wait()


def heavy_imports(platform: str) -> list[str]:
    code = [sys.executable, "-c", IMPORTS.format(platform)]
    return json.loads(subprocess.run(code, capture_output=True, check=True).stdout)


async def slack(stack: AsyncExitStack) -> dict[str, str]:
    far = await stack.enter_async_context(FarSlack().serving())
    told = {"API_URL": far.api_url, "BOT_TOKEN": TOKEN, "APP_TOKEN": far.socket.app_token}
    return {f"BACKCHANNEL_SLACK__{name}": value for name, value in told.items()}


async def telegram(stack: AsyncExitStack) -> dict[str, str]:
    far = await stack.enter_async_context(FarSide().running())
    return {"BACKCHANNEL_TELEGRAM__API_URL": far.url, "BACKCHANNEL_TELEGRAM__TOKEN": far.token}


async def web(stack: AsyncExitStack) -> dict[str, str]:
    return {}


async def measure(folder: Path) -> None:
    data = {"BACKCHANNEL_DATA_DIR": str(folder)}
    for far_side in (slack, telegram, web):
        name = far_side.__name__
        async with AsyncExitStack() as stack:
            settings = data | await far_side(stack)
            starts = [await asyncio.to_thread(one_start, name, settings) for _ in range(STARTS)]
        ready = sorted(seconds for seconds, _ in starts)
        heavy = await asyncio.to_thread(heavy_imports, name)
        print(
            f"{name}: ready after {ready[STARTS // 2]:.2f} s (median of {STARTS}; slowest {ready[-1]:.2f}), "
            f"resident {max(size for _, size in starts):.0f} MiB, heavy modules imported: {heavy or 'none'}",
            flush=True,
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        open_database(Settings(data_dir=Path(folder))).dispose()
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()

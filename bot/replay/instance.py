"""The Backchannel on which a replay runs: all its processes, in a data folder of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from workers.core.errors import BackchannelError
from workers.core.settings import BACKBONES

Result = TypeVar("Result")

DATABASE = "backchannel.sqlite3"
POLL = 0.2  # seconds between two looks at the process


@dataclass(frozen=True, slots=True)
class Instance:
    """A running Backchannel. The replay's server listens on `socket`; `stderr` is what the process writes."""

    data: Path
    socket: Path
    process: subprocess.Popen[bytes]
    stderr: IO[bytes]

    @property
    def database_url(self) -> str:
        """The database's address."""
        return f"sqlite:///{self.data / DATABASE}"

    async def run(self, work: Coroutine[object, object, Result]) -> Result:
        """Await `work`. Raises BackchannelError as soon as the process has ended, with the sentence it ended with."""
        working = asyncio.ensure_future(work)
        while not (await asyncio.wait([working], timeout=POLL))[0]:
            if self.process.poll() is not None:
                working.cancel()
                await asyncio.wait([working])
                raise BackchannelError(self.last_line())
        return working.result()

    def last_line(self) -> str:
        """Why the process has ended, in one sentence."""
        self.stderr.seek(0)
        last = ["it said nothing", *self.stderr.read().decode(errors="replace").strip().splitlines()][-1]
        sentence = last.removeprefix("backchannel: ")
        if sentence != last:
            return sentence
        return f"Backchannel ended in the middle of the replay, with exit code {self.process.returncode}: {last}"


@contextmanager
def data_folder(data: Path | None) -> Generator[Path]:
    """The data folder that was named, or a temporary one. Raises BackchannelError when it can't be used."""
    if data is None:
        with tempfile.TemporaryDirectory(prefix="backchannel-replay-", ignore_cleanup_errors=True) as temporary:
            yield Path(temporary)
        return
    try:
        data.mkdir(parents=True, exist_ok=True)
        used = (data / DATABASE).exists()
    except OSError as error:
        raise BackchannelError(
            f"The data folder {data} can't be made ({error.strerror}): give --data a folder that can be written."
        ) from error
    if used:
        raise BackchannelError(f"The data folder {data} has been used already: give --data a new one.")
    yield data.absolute()


@contextmanager
def running_instance(data: Path, retrain_auto: bool = False) -> Generator[Instance]:
    """Start a whole Backchannel on this data folder, away from the settings that are around; stop it at the end."""
    # A unix socket's path must be short, which a data folder's need not be.
    with tempfile.TemporaryDirectory(prefix="backchannel-", dir="/tmp") as short, tempfile.TemporaryFile() as log:
        socket = Path(short) / "far.sock"
        argv = [sys.executable, "-m", "bot", "up", "--far-side", str(socket)]
        # In the data folder: settings are read from a .env in the current one. Into a file: nobody empties a pipe.
        process = subprocess.Popen(
            argv,
            env=environment(data, retrain_auto),
            cwd=data,
            # Nothing is written into this pipe: it closes with this process, even a killed one, and all of them end.
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            stderr=log,
        )
        try:
            yield Instance(data, socket, process, log)
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop, and wait."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()


def environment(data: Path, retrain_auto: bool = False) -> dict[str, str]:
    """Ours without the settings of another Backchannel, except for the backbone; it trains unasked if told so."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKCHANNEL_")}
    backbone = os.environ.get("BACKCHANNEL_BACKBONE", "")
    if backbone and Path(backbone).is_dir():  # the process runs in its data folder
        backbone = str(Path(backbone).absolute())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "backchannel"
    ours = {"DATA_DIR": str(data), "BACKBONE": backbone, "RETRAIN_AUTO": str(retrain_auto).lower()}
    return {BACKBONES: str(cache)} | kept | {f"BACKCHANNEL_{name}": value for name, value in ours.items()}

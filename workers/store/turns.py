"""The queue in which the writers of an SQLite file wait for their turn, and never for ever.

SQLite itself lets whoever looks at the right moment go first, and looks ever more rarely: of five writers the unlucky
one was seen to wait for seconds where each held the lock for a hundredth. The kernel's queue (flock) is fair, and
whoever dies has left it; the library filelock polls, as SQLite does. But flock has no time limit, so where there is
somebody to wait for, a thread of its own waits. A place in the queue that was given up is the next one's who asks, so
that a process has never more of them than it has writers.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from platform import node


class TurnTaken(Exception):
    """Somebody else has been writing all the time: `holder` is their "process on host", empty where nobody knows."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@dataclass(slots=True)
class _Place:
    """A place in the queue: `file` is open once it is ours; `wanted` says whether anybody waits for that."""

    wanted: bool = True
    file: int | None = None
    error: OSError | None = None


@dataclass(slots=True)
class Turns:
    """The queue of one file, as this process sees it. Thread-safe."""

    path: Path
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _given_up: deque[_Place] = field(default_factory=deque[_Place])

    @contextmanager
    def turn(self, seconds: float) -> Generator[None]:
        """Wait until nobody else writes, and let the next one in at the exit. Raises TurnTaken after so many seconds.

        Nothing depends on the queue: where there can be no such file, SQLite's own lock is enough.
        """
        file = self._take(seconds)
        try:
            yield
        finally:
            if file is not None:
                os.close(file)

    def _take(self, seconds: float) -> int | None:
        try:
            file = self._free()
            file = self._in_line(seconds) if file is None else file
            os.pwrite(file, f"{os.getpid()} on {node()}\n".encode(), 0)
        except OSError:
            return None
        return file

    def _holder(self) -> str:
        try:
            return self.path.read_text("utf-8", "replace").partition("\n")[0]
        except OSError:
            return ""

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)

    def _free(self) -> int | None:
        """The turn, if nobody has it: most writers are alone."""
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file

    def _in_line(self, seconds: float) -> int:
        with self._changed:
            place = self._place()
            try:
                self._changed.wait_for(lambda: place.file is not None or place.error is not None, seconds)
            finally:
                # Also where the waiting was interrupted.
                if place.file is None and place.error is None:
                    place.wanted = False
                    self._given_up.append(place)
        if place.error is not None:
            raise place.error
        if place.file is None:
            raise TurnTaken(self._holder())
        return place.file

    def _place(self) -> _Place:
        """One that was given up, and so is further ahead, or a new one at the end."""
        if self._given_up:
            place = self._given_up.popleft()
            place.wanted = True
            return place
        place = _Place()
        # A daemon: a process that ends does not wait for a turn that may never come.
        threading.Thread(target=self._wait, args=(place,), name="writer's turn", daemon=True).start()
        return place

    def _wait(self, place: _Place) -> None:
        file, error = None, None
        try:
            file = self._open()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as failure:
            error = failure
        with self._changed:
            if place.wanted:
                place.file, place.error = file, error
                self._changed.notify_all()
                return
            self._given_up.remove(place)
        if file is not None:
            os.close(file)

"""Shows the progress of a long run: as JSON lines for programs, as a bar for people, at least every two seconds."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from pydantic_core import PydanticSerializationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from modeling import events

OnProgress = Callable[[float], None]  # gets the share that is done, 0 to 1

REPEAT_SECONDS = 2.0  # between two lines while nothing changes, at most
LEAST_SECONDS = 0.2  # between two lines of one stage


class Display(Protocol):
    """Where progress is shown."""

    def show(self, progress: events.Progress) -> None:
        """Show how far the run is."""
        ...

    def finish(self, done: events.Outcome) -> None:
        """Show the outcome."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was, whatever happened."""
        ...


class JsonLines:
    """One JSON object a line on standard output."""

    def show(self, progress: events.Progress) -> None:
        print_line(progress)

    def finish(self, done: events.Outcome) -> None:
        print_line(done)

    def close(self) -> None:
        pass


def print_line(line: events.Event) -> None:
    """Print one JSON line; the time that is left only where there is a limit."""
    left_out = {"left"} if isinstance(line, events.Progress) and line.left is None else None
    try:
        written = line.model_dump_json(exclude=left_out)
        written.encode(sys.stdout.encoding or "utf-8")
    # Half a character, as in a path that is no UTF-8, or an output of fewer letters: then as JSON's escapes.
    except (PydanticSerializationError, UnicodeEncodeError):
        written = json.dumps(line.model_dump(exclude=left_out))
    sys.stdout.write(written + "\n")
    sys.stdout.flush()


class RichBar:
    """A bar on standard error; the outcome as one JSON line on standard output."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description:>20}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("starting", total=1.0)
        self._bar.start()

    def show(self, progress: events.Progress) -> None:
        stage, left = progress.stage, progress.left
        description = stage if left is None else f"{stage}, {left // 60 + 1} min left"
        self._bar.update(self._task, completed=progress.fraction, description=description)

    def finish(self, done: events.Outcome) -> None:
        self.close()
        print_line(done)

    def close(self) -> None:
        self._bar.stop()


class Reporter:
    """Turns steps within stages into a fraction of the whole that never falls; a thread repeats the last line."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._lock = threading.Lock()
        self._began = self._shown_at = time.monotonic()
        self._stage, self._low, self._high, self._fraction = "starting", 0.0, 0.0, 0.0
        self.left: float | None = None  # seconds until the end, where there is a limit
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="progress", daemon=True)

    def __enter__(self) -> Reporter:
        self._show()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._display.close()

    def stage(self, name: str, until: float) -> None:
        """Begin a stage that ends when `until` of the whole, 0 to 1, is done."""
        with self._lock:
            self._stage, self._low, self._high = name, max(self._fraction, self._high), max(self._high, until)
            self._fraction = self._low
            self._show()

    def step(self, share: float) -> None:
        """Say which share of the stage, 0 to 1, is done."""
        with self._lock:
            self._fraction = max(self._fraction, self._low + (self._high - self._low) * min(1.0, share))
            if time.monotonic() - self._shown_at >= LEAST_SECONDS:
                self._show()

    def finish(self, done: events.Outcome) -> None:
        """Show the outcome; nothing is shown after it."""
        self._stop.set()
        with self._lock:
            self._display.finish(done)

    def _repeat(self) -> None:
        while not self._stop.wait(REPEAT_SECONDS / 4):
            with self._lock:
                # Looked at every half second, shown after 1.5: so no pause is longer than two.
                if not self._stop.is_set() and time.monotonic() - self._shown_at >= REPEAT_SECONDS * 0.75:
                    self._show()

    def _show(self) -> None:
        self._shown_at = time.monotonic()
        left = None if self.left is None else round(self.left)
        seconds = round(self._shown_at - self._began, 1)
        fraction = round(self._fraction, 4)
        self._display.show(events.Progress(stage=self._stage, fraction=fraction, seconds=seconds, left=left))

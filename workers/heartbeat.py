"""A process's sign of life: a thread that writes it down every few seconds, whatever the process is busy with."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from workers.store import heartbeats
from workers.store.database import Database

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two beats; after `heartbeats.ALIVE` seconds without one a process is taken for dead."""


class Heartbeat:
    """Beats for one role from `start` to `stop`. What fails is tried again; nothing that fails stops the process."""

    def __init__(self, database: Database, role: str, every: float = EVERY) -> None:
        self._database, self._role, self._every = database, role, every
        self._process = heartbeats.process_name()
        self._stopped = threading.Event()
        self._missed = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat. Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop beating, and forget this process where the database allows it. Waits a second at most."""
        self._stopped.set()
        self._thread.join(timeout=1)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._beat()
            self._stopped.wait(self._every)
        # Where the row can't be deleted it grows old, which says the same.
        with contextlib.suppress(Exception), self._database.write() as c:
            heartbeats.end(c, self._process)

    def _beat(self) -> None:
        try:
            with self._database.write() as c:
                heartbeats.beat(c, self._process, self._role, time.time())
            self._missed = False
        except Exception as error:
            if not self._missed:  # said once, not every ten seconds of an outage
                log.warning("The sign of life could not be written (%s); trying again.", error)
            self._missed = True

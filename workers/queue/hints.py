"""Hints: "there is work". Published off the caller's thread; never blocks, never raises, may be lost.

A hint carries nothing. Many of them within a moment become one, since whoever takes it claims all that waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

Publish = Callable[[str], None]
"""Send one hint to a queue, now; may raise and may take as long as the socket's time limits allow."""


class Hints:
    """One thread that publishes what was asked for since it last looked, each queue at most once."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._wanted: set[str] = set()
        self._wake = threading.Condition()
        self._stopped = False
        self._silent_until = 0.0
        # A daemon, so that a broker that hangs keeps no process from ending.
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
        self._thread.start()

    def __call__(self, *queues: str) -> None:
        """Ask for a hint to each of these queues. Returns at once."""
        with self._wake:
            self._wanted.update(queues)
            self._wake.notify()

    def stop(self) -> None:
        """Let the thread end once what it is doing is done."""
        with self._wake:
            self._stopped = True
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted or self._stopped)
                if self._stopped:
                    return
                queues, self._wanted = self._wanted, set()
            for queue in sorted(queues):
                self._try(queue)

    def _try(self, queue: str) -> None:
        try:
            self._publish(queue)
        except Exception as error:
            # Said once a minute: every event of an outage asks for a hint.
            if time.monotonic() >= self._silent_until:
                log.warning("The broker did not take a hint (%s); the sweeper will find the work.", error)
                self._silent_until = time.monotonic() + 60

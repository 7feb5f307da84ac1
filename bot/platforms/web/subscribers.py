"""The open pages, and how one thing is sent to all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress

Wire = dict[str, object]
"""One JSON object on its way to a page; `kind` says what it is."""

QUEUE_LIMIT = 4000
"""Things that may wait for one slow page before it is disconnected, to load afresh."""


class Subscriber:
    """One open page: what it still has to be sent, in order. None in the queue means: disconnect, and come back."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.lost = False

    def send(self, what: Mapping[str, object]) -> None:
        """Queue one thing for this page; never blocks."""
        self.send_text(json.dumps(what))

    def send_text(self, text: str) -> None:
        """Queue what is already JSON."""
        if self.lost:
            return
        if self.queue.qsize() >= QUEUE_LIMIT:
            self.lost = True
            with suppress(asyncio.QueueEmpty):
                while True:
                    self.queue.get_nowait()
            self.queue.put_nowait(None)
            return
        self.queue.put_nowait(text)


class Subscribers:
    """All open pages."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()

    def __len__(self) -> int:
        return len(self._subscribers)

    def add(self) -> Subscriber:
        """A new page; from now on it is sent everything."""
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        return subscriber

    def remove(self, subscriber: Subscriber) -> None:
        """The page is closed."""
        self._subscribers.discard(subscriber)

    def broadcast(self, what: Mapping[str, object], without: Subscriber | None = None) -> None:
        """Queue one thing for every page, or all but one; never blocks, whatever the pages do."""
        if not self._subscribers:
            return
        text = json.dumps(what)
        for subscriber in self._subscribers - {without}:
            subscriber.send_text(text)

"""Everybody who has the page open, and how one thing is said to all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress

Wire = dict[str, object]
"""One JSON object on its way to a page; `kind` says what it is."""

SEAT_LIMIT = 4000
"""Things that may wait for one slow page before it is sent away to load afresh."""


class Seat:
    """One open page: what it still has to be told, in order. None in the queue means: go, and come back."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self.lost = False

    def tell(self, what: Mapping[str, object]) -> None:
        """Queue one thing for this page; never blocks."""
        self.tell_text(json.dumps(what))

    def tell_text(self, text: str) -> None:
        """Queue what is already JSON."""
        if self.lost:
            return
        if self.waiting.qsize() >= SEAT_LIMIT:
            self.lost = True
            with suppress(asyncio.QueueEmpty):
                while True:
                    self.waiting.get_nowait()
            self.waiting.put_nowait(None)
            return
        self.waiting.put_nowait(text)


class Audience:
    """All open pages."""

    def __init__(self) -> None:
        self._seats: set[Seat] = set()

    def __len__(self) -> int:
        return len(self._seats)

    def join(self) -> Seat:
        """A new page; from now on it hears everything."""
        seat = Seat()
        self._seats.add(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """The page is closed."""
        self._seats.discard(seat)

    def tell(self, what: Mapping[str, object]) -> None:
        """Queue one thing for every page; never blocks, whatever the pages do."""
        if not self._seats:
            return
        text = json.dumps(what)
        for seat in self._seats:
            seat.tell_text(text)

"""What became of messages, read from the store while the replay runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from workers.store import heads, labels, predictions, versions
from workers.store.database import Database

LOOK = 0.01


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction as it was stored: by which version and head, what, and whether people saw it."""

    version: int
    head_revision: int
    label: str | None
    probability: float
    shown: bool
    guess: bool


class Watch:
    """Reads new predictions every hundredth of a second and wakes those who wait for them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = 0
        self._names: dict[int, str] = {}
        self._outcomes: dict[str, list[Outcome]] = {}
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            for ref, outcome in await asyncio.to_thread(self._read):
                self._outcomes.setdefault(ref, []).append(outcome)
                waiting = self._waiting.pop(ref, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(outcome)
            await asyncio.sleep(LOOK)

    def _read(self) -> list[tuple[str, Outcome]]:
        with self._database.read() as c:
            rows = predictions.after(c, self._last)
            if any(row.label not in self._names for _, _, row in rows if row.label is not None):
                self._names = {label.id: label.name for label in labels.living(c)}
        self._last = max((number for number, _, _ in rows), default=self._last)
        return [(ref, self._outcome(row)) for _, ref, row in rows]

    def _outcome(self, row: predictions.Prediction) -> Outcome:
        name = self._names.get(row.label) if row.label is not None else None
        return Outcome(row.version, row.head_revision, name, row.probability, row.shown, row.guess)

    async def outcome(self, ref: str) -> Outcome:
        """The first prediction of a message, waited for if need be."""
        if ref in self._outcomes:
            return self._outcomes[ref][0]
        return await self._waiting.setdefault(ref, asyncio.get_running_loop().create_future())

    def all(self, ref: str) -> list[Outcome]:
        """Every prediction that was stored for a message."""
        return self._outcomes.get(ref, [])

    async def head_is_current(self) -> None:
        """Wait until the head of the active version is fitted on the labels as they are now."""
        await self._until(self._current)

    def _current(self) -> bool:
        with self._database.read() as c:
            head = heads.latest(c, versions.active(c).id)
            return head is not None and head.revision == labels.revision(c)

    async def _until(self, ready: Callable[[], bool], patience: float = 600.0) -> None:
        async with asyncio.timeout(patience):
            while not await asyncio.to_thread(ready):
                await asyncio.sleep(LOOK)

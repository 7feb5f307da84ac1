"""What became of messages, read from the store while the replay runs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import func, select

from bot.replay.patience import Patience
from workers.store import head_fits, labels, predictions, versions
from workers.store import inbox as inbox_rows
from workers.store.database import Database, DatabaseAway
from workers.store.tables import INBOX_LIVE, inbox, outbox

POLL = 0.01
LOOKS_BETWEEN = 50
"""Looks at predictions between two looks at what is over without one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction as it was stored: by which version and head, what, and whether people saw it."""

    version: int
    head_revision: int
    label: str | None
    probability: float
    shown: bool
    guess: bool


def written(ref: str) -> str:
    """The key of the event that a message was written."""
    return f"{ref}/written"


class Observer:
    """Reads new predictions every hundredth of a second and wakes those who wait for them."""

    def __init__(self, database: Database, patience: Patience | None = None) -> None:
        self._database = database
        self.patience = patience or Patience()
        self._last = 0
        self._names: dict[int, str] = {}
        self._outcomes: dict[str, list[Outcome]] = {}
        self._waiting: dict[str, asyncio.Future[Outcome | None]] = {}
        self._nothing: set[str] = set()

    async def run(self) -> None:
        """Read until cancelled."""
        for look in itertools.count():
            with suppress(DatabaseAway):  # a moment's lock: the next look sees what this one missed
                await self._look(self._waiting_events() if look % LOOKS_BETWEEN == 0 else {})
            await asyncio.sleep(POLL)

    async def _look(self, waiting: dict[str, str]) -> None:
        # In this order: what is over by then has its prediction, if it has one, among those that are read after.
        over = await asyncio.to_thread(self._over, waiting) if waiting else set[str]()
        for ref, outcome in await asyncio.to_thread(self._read):
            self.patience.renew()
            self._outcomes.setdefault(ref, []).append(outcome)
            self._wake(ref, outcome)
        for event in over:
            self.nothing(waiting[event])

    def _waiting_events(self) -> dict[str, str]:
        """The refs that are waited for, by the keys of their events."""
        return {written(ref): ref for ref in self._waiting}

    def _over(self, events: Iterable[str]) -> set[str]:
        with self._database.read() as c:
            return inbox_rows.over(c, events)

    def nothing(self, ref: str) -> None:
        """Nothing comes of this message, as of one without text; who waits for it waits no longer."""
        if ref not in self._outcomes:
            self.patience.renew()
            self._nothing.add(ref)
            self._wake(ref, None)

    def _wake(self, ref: str, outcome: Outcome | None) -> None:
        waiting = self._waiting.pop(ref, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

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

    async def outcome(self, ref: str) -> Outcome | None:
        """The first prediction of a message, waited for if need be; None of one that was handled without any."""
        if ref in self._outcomes:
            return self._outcomes[ref][0]
        if ref in self._nothing:
            return None
        return await self._waiting.setdefault(ref, asyncio.get_running_loop().create_future())

    def all(self, ref: str) -> list[Outcome]:
        """Every prediction that was stored for a message."""
        return self._outcomes.get(ref, [])

    async def head_is_current(self) -> None:
        """Wait until all that was acknowledged is worked on, and the active version's head is fitted on it."""
        self.patience.waiting_for = "the model to learn the labels"
        while not await asyncio.to_thread(self._current):
            await asyncio.sleep(POLL)

    def _current(self) -> bool:
        with self._database.read() as c:
            live = c.execute(select(func.count()).select_from(inbox).where(INBOX_LIVE)).scalar_one()
            self.patience.watch("inbox", live)
            if live:
                return False
            head = head_fits.latest(c, versions.active(c).id)
            self.patience.watch("head", head)
            return head is not None and head.revision == labels.revision(c)

    async def posts(self, command: str) -> list[str]:
        """The outbox keys of the posts that answer a command, in their order."""
        return await asyncio.to_thread(self._posts, command)

    def _posts(self, command: str) -> list[str]:
        answers = outbox.c.key.startswith(f"{command}:", autoescape=True) & (outbox.c.kind == "post")
        with self._database.read() as c:
            return list(c.execute(select(outbox.c.key).where(answers).order_by(outbox.c.id)).scalars())

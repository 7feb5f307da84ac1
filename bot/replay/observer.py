"""What became of messages, read from the store while the replay runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import select

from workers.core.errors import BackchannelError
from workers.store import head_fits, labels, predictions, versions
from workers.store.database import Database, DatabaseAway
from workers.store.tables import INBOX_LIVE, inbox, outbox

POLL = 0.01
TIMEOUT = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction as it was stored: by which version and head, what, and whether people saw it."""

    version: int
    head_revision: int
    label: str | None
    probability: float
    shown: bool
    guess: bool


class Observer:
    """Reads new predictions every hundredth of a second and wakes those who wait for them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = 0
        self._names: dict[int, str] = {}
        self._outcomes: dict[str, list[Outcome]] = {}
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            for ref, outcome in await self._new():
                self._outcomes.setdefault(ref, []).append(outcome)
                waiting = self._waiting.pop(ref, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(outcome)
            await asyncio.sleep(POLL)

    async def _new(self) -> list[tuple[str, Outcome]]:
        try:
            return await asyncio.to_thread(self._read)
        except DatabaseAway:  # a moment's lock: the next look sees what this one missed
            return []

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
        """Wait until all that was acknowledged is worked on, and the active version's head is fitted on it.

        Raises BackchannelError when that takes longer than TIMEOUT.
        """
        try:
            async with asyncio.timeout(TIMEOUT):
                while not await asyncio.to_thread(self._current):
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise BackchannelError(
                f"The model has not learnt the labels within {TIMEOUT:.0f} s: look into the logs in the data folder."
            ) from None

    def _current(self) -> bool:
        with self._database.read() as c:
            if c.execute(select(inbox.c.id).where(INBOX_LIVE).limit(1)).first():
                return False
            head = head_fits.latest(c, versions.active(c).id)
            return head is not None and head.revision == labels.revision(c)

    async def posts(self, command: str) -> list[str]:
        """The outbox keys of the posts that answer a command, in their order."""
        return await asyncio.to_thread(self._posts, command)

    def _posts(self, command: str) -> list[str]:
        answers = outbox.c.key.startswith(f"{command}:", autoescape=True) & (outbox.c.kind == "post")
        with self._database.read() as c:
            return list(c.execute(select(outbox.c.key).where(answers).order_by(outbox.c.id)).scalars())

"""How long a replay waits while nothing happens, so that it ends whatever the Backchannel does that it plays on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TypeVar

from workers.core.errors import BackchannelError

Result = TypeVar("Result")

LONGEST = 600.0
"""Seconds: exporting a large backbone at its first start takes minutes, in which nothing is to be seen."""
LOOKS = 20
"""How often it is looked at in that time."""


class OutOfPatience(BackchannelError):
    """Nothing has happened for too long."""


@dataclass(slots=True)
class Patience:
    """Is renewed whenever something happens: an acknowledgement, a reply, a prediction, another head, a step of a job.

    `waiting_for`: what the replay waits for, in words. `beside`: tasks without which nothing would ever happen.
    """

    seconds: float = LONGEST
    waiting_for: str = "the bot to start"
    beside: tuple[asyncio.Task[None], ...] = ()
    _renewed: float = field(default_factory=time.monotonic)
    _seen: dict[str, object] = field(default_factory=dict[str, object])

    def renew(self) -> None:
        """Something has happened."""
        self._renewed = time.monotonic()

    def watch(self, name: str, state: object) -> None:
        """Something has happened if this state is another one than the last of this name."""
        if self._seen.get(name) != state:
            self._seen[name] = state
            self.renew()

    async def see(self, work: Coroutine[object, object, Result]) -> Result:
        """Await `work`. Raises OutOfPatience as soon as nothing has happened for too long, and cancels it.

        Raises what a task that runs beside it has ended with.
        """
        self.renew()
        working = asyncio.ensure_future(work)
        try:
            while not working.done():
                tasks = (working, *self.beside)
                await asyncio.wait(tasks, timeout=self.seconds / LOOKS, return_when=asyncio.FIRST_COMPLETED)
                for task in self.beside:
                    if task.done():
                        task.result()
                if not working.done() and time.monotonic() - self._renewed > self.seconds:
                    raise OutOfPatience(
                        f"Nothing has happened for {self.seconds:g} s while the replay waited for {self.waiting_for}: "
                        "run it with --data and look into the logs there, or give it more time with --timeout."
                    )
            return working.result()
        finally:
            working.cancel()
            await asyncio.wait([working])

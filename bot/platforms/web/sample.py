"""The sample conversation: a busy channel of an invented product, played through intake as real events."""

from __future__ import annotations

import asyncio
import heapq
import json
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from bot.platforms.web.channel import Clock
from bot.platforms.web.events import ref_of
from bot.platforms.web.subscribers import Wire
from workers.core.errors import BackchannelError
from workers.core.events import ChatRef, Event, Frozen, Message, MessageRef, Person, Reaction

log = logging.getLogger(__name__)

ANNOTATORS = ("Mira", "林小雨", "Tomasz")
ANNOTATED = 1 / 3
SECONDS = 75.0
"""How long the whole conversation takes."""


class SampleLabel(Frozen):
    """One label of the sample's set."""

    name: str
    description: str
    emoji: str


class SampleLine(Frozen):
    """One message and the name of its label."""

    author: str
    text: str
    label: str


@cache
def sample_labels() -> tuple[SampleLabel, ...]:
    """The labels that the sample conversation is about."""
    raw = files("bot.platforms.web").joinpath("sample_labels.json").read_text("utf-8")
    return tuple(SampleLabel.model_validate(row) for row in json.loads(raw))


@cache
def sample_lines() -> tuple[SampleLine, ...]:
    """The conversation, in order."""
    raw = files("bot.platforms.web").joinpath("sample.jsonl").read_text("utf-8")
    return tuple(SampleLine.model_validate_json(row) for row in raw.splitlines() if row.strip())


def base36(number: int) -> str:
    """A number as digits and small letters, as the page's own ids begin."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"


def schedule(
    chat: ChatRef, emoji: Mapping[str, str], clock: Clock, seconds: float, seed: int
) -> Iterator[tuple[float, Callable[[], Event]]]:
    """When (seconds from the start) and what: every message, and for a third of them somebody's reaction.

    `emoji` says which emoji means which label. Events are made when they are due, so that `at` is then.
    """
    # A name for this run: played again, the same lines are other messages.
    chance, run, lines = random.Random(seed), secrets.token_hex(4), sample_lines()
    step, start = seconds / max(1, len(lines)), int(time.time() * 1000)
    due: list[tuple[float, int, Callable[[], Event]]] = []
    for number, line in enumerate(lines):
        message_id = f"{base36(start)}-{run}{number:04d}"
        ref = ref_of(chat, message_id)
        # Less than half a step either way, so that no line overtakes another.
        when = step * (number + chance.uniform(-0.4, 0.4))
        # The number decides between equal times, for functions have no order.
        due.append((max(0.0, when), number, _message(ref, line, clock)))
        if chance.random() < ANNOTATED and line.label in emoji:
            annotator = chance.choice([name for name in ANNOTATORS if name != line.author])
            later = when + chance.uniform(0.8, 2.5)
            due.append((later, len(lines) + number, _reaction(ref, annotator, emoji[line.label], clock)))
    heapq.heapify(due)
    while due:
        when, _, make = heapq.heappop(due)
        yield when, make


def _message(ref: MessageRef, line: SampleLine, clock: Clock) -> Callable[[], Event]:
    author = Person(id=line.author, name=line.author)
    return lambda: Message(key=f"web:{ref.message_id}", at=clock.now(), ref=ref, author=author, text=line.text)


def _reaction(ref: MessageRef, annotator: str, emoji: str, clock: Clock) -> Callable[[], Event]:
    person = Person(id=annotator, name=annotator)
    key = f"web:{ref.message_id}:mark"
    return lambda: Reaction(key=key, at=clock.now(), ref=ref, annotator=person, emoji=emoji, added=True)


class Player:
    """Plays the sample conversation, at most once at a time.

    `emoji` is asked before each start: the emoji of each of the sample's labels, by name.
    """

    def __init__(
        self,
        chat: ChatRef,
        clock: Clock,
        publish: Callable[[Event], Awaitable[bool]],
        broadcast: Callable[[Wire], None],
        emoji: Callable[[], Awaitable[Mapping[str, str]]],
    ) -> None:
        self._chat, self._clock, self._publish, self._broadcast = chat, clock, publish, broadcast
        self._emoji = emoji
        self._task: asyncio.Task[None] | None = None
        self._done = 0

    def state(self) -> Wire:
        """Whether it plays, and how far it is, in messages."""
        playing = self._task is not None and not self._task.done()
        return {"kind": "sample", "playing": playing, "done": self._done, "total": len(sample_lines())}

    async def start(self, seconds: float = SECONDS) -> None:
        """Begin from the first message; does nothing while it already plays. Raises BackchannelError."""
        emoji = await self._emoji()
        if self._task is None or self._task.done():
            self._done = 0
            self._task = asyncio.create_task(self._play(emoji, seconds))
            self._task.add_done_callback(lambda _: self._broadcast(self.state()))

    async def stop(self) -> None:
        """Stop where it is; returns once nothing more is played."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _play(self, emoji: Mapping[str, str], seconds: float) -> None:
        begun = time.monotonic()
        try:
            for when, make in schedule(self._chat, emoji, self._clock, seconds, seed=secrets.randbits(32)):
                await asyncio.sleep(max(0.0, begun + when - time.monotonic()))
                event = make()
                if not await self._publish(event):
                    return  # not enabled: the page has said so beside the message
                self._done += isinstance(event, Message)
                self._broadcast(self.state())
        except BackchannelError as error:
            self._broadcast({"kind": "notice", "why": str(error)})
        except Exception:
            log.exception("the sample conversation stopped")

"""The figures of one chat, for people there: nothing in them is of any other chat."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from workers.core.events import ChatRef
from workers.store.accuracy import AccuracyPoint, points_of_chat
from workers.store.overview import coverage, precision, spoken
from workers.store.tables import messages
from workers.store.tallies import DISPUTED, MESSAGES, Tally, counted


@dataclass(frozen=True, slots=True)
class ChatFigures:
    """`examples`: by the number of a label how many messages it can be learned from; the rest as in `Overview`."""

    messages: int
    disputed: int
    examples: dict[int, int]
    accuracy: list[AccuracyPoint]
    coverage: float | None
    precision: float | None

    @property
    def labelled(self) -> int:
        return sum(self.examples.values())

    def spoken(self, language: str) -> str:
        """How often the bot speaks here, and is right when it does, or that this is not known yet."""
        return spoken(language, self.coverage, self.precision)


def figures(c: Connection, chat: ChatRef) -> ChatFigures:
    """All of them; costs as much as the chat has messages."""
    tally = counted(c, messages.c.chat, [chat.key])
    return ChatFigures(
        messages=tally[MESSAGES],
        disputed=tally[DISPUTED],
        examples=examples_in(tally),
        accuracy=points_of_chat(c, chat),
        coverage=coverage(c, chat),
        precision=precision(c, chat),
    )


def examples(c: Connection, chat: ChatRef) -> dict[int, int]:
    """By the number of a label how many messages of a chat it can be learned from."""
    return examples_in(counted(c, messages.c.chat, [chat.key]))


def examples_in(tally: Tally) -> dict[int, int]:
    """The part of a tally that is about labels."""
    return {label: count for label, count in tally.items() if isinstance(label, int)}

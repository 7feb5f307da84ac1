"""What a platform is: something that hands over events and carries out replies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from workers.core.errors import BackchannelError
from workers.core.events import ChatRef, Event, Person, Why
from workers.core.i18n import both
from workers.core.replies import Reply

Accept = Callable[[Event], Awaitable[bool]]
"""Commit an event to the inbox. Returns once it is stored: True, or False where the chat is not enabled."""


async def not_listening(event: Event) -> bool:
    """Stand in for `accept` until `Platform.listen` is given one. Raises BackchannelError."""
    raise BackchannelError("This platform is not listening yet; try again in a moment.")


Ailment = Callable[[], Awaitable[str]]
"""What is wrong with this process beyond its platform, in a few words for anybody to read; empty if nothing is."""


async def well() -> str:
    """Stand in for an `Ailment` where nobody looks."""
    return ""


class Later(BackchannelError):
    """The platform asks us to wait `seconds` before anything more is sent to this chat."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds


class Refused(BackchannelError):
    """The platform will never take this reply; the sentence says why, and reaches whoever waits for the reply."""


class Unreachable(Refused):
    """The platform takes nothing at all for this chat, so nobody there can be told."""


def post_handle(handle: str | None) -> str:
    """The handle of a post that is to be changed. Raises `Refused` where it was never sent."""
    if handle is None:
        raise Refused(both("refused_never_sent"))
    return handle


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether somebody is an admin of a chat, and why not where that needs explaining."""

    admin: bool
    why: Why = ""


class Platform(Protocol):
    """Translates between one chat system and our events and replies; it decides nothing."""

    name: str
    ailment: Ailment

    async def listen(self, accept: Accept) -> None:
        """Hand every event to `accept` and acknowledge it only afterwards. Runs until it is cancelled."""
        ...

    async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
        """Carry out a reply. `key` is the reply's own name, the same on every try.

        What it returns is the handle of what was made: the id of a new post or, for a `React`, whatever this platform
        needs to change or take away the emoji later. It comes back as `handle` with an `EditPost` of that post, and
        with the next `React` to that message. Raises `Later` when the platform wants a pause (an OSError when the
        network fails), `Refused` when it will never work.
        """
        ...

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        """Whether this person may use this admin verb in this chat, as the platform sees it. Raises like `send`."""
        ...

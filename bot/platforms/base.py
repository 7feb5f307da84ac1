"""What a platform is: something that hands over events and carries out replies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from workers.contracts import BackchannelError, ChatRef, Event, Person, Reply

Accept = Callable[[Event], Awaitable[bool]]
"""Commit an event to the inbox. Returns once it is stored: True, or False where the chat is not enabled."""


class Later(BackchannelError):
    """The platform asks us to wait `seconds` before anything more is sent to this chat."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds


class Refused(BackchannelError):
    """The platform will never take this reply; the sentence says why."""


class Platform(Protocol):
    """Translates between one chat system and our events and replies; it decides nothing."""

    name: str

    async def listen(self, accept: Accept) -> None:
        """Hand every event to `accept` and acknowledge it only afterwards. Runs until it is cancelled."""
        ...

    async def send(self, reply: Reply, key: str, post_id: str | None) -> str | None:
        """Carry out a reply. `key` is the reply's own name, the same on every try.

        `post_id` is the platform's id of the post that an `EditPost` changes. Returns the id of a new post.
        Raises `Later` when the platform wants a pause, `Refused` when it will never work.
        """
        ...

    async def is_admin(self, chat: ChatRef, person: Person) -> bool:
        """Whether this person may use admin verbs in this chat, as the platform sees it."""
        ...

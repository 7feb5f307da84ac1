"""What Telegram does not repeat: in which topic of a forum a message stands, and what the bot itself has said."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from aiogram.types import Update

REMEMBERED = 20_000


class Said:
    """The bot's own latest messages: from a channel they come back as forwards to the group that belongs to it."""

    def __init__(self) -> None:
        self._latest: OrderedDict[tuple[int, int], None] = OrderedDict()

    def add(self, chat: int, message: int) -> None:
        """The bot has said this."""
        self._latest[chat, message] = None
        if len(self._latest) > REMEMBERED:
            self._latest.popitem(last=False)

    def __contains__(self, place: object) -> bool:
        return place in self._latest


class Topics:
    """Remembers the latest messages of forums, and asks `find` (group, message -> topic) about older ones."""

    def __init__(self, find: Callable[[int, int], Awaitable[int | None]]) -> None:
        self._find = find
        self._seen: OrderedDict[tuple[int, int], int | None] = OrderedDict()

    def see(self, update: Update) -> None:
        """Note where a message stands."""
        message = update.message or update.edited_message
        if message is not None and message.chat.is_forum:
            topic = message.message_thread_id if message.is_topic_message else None
            self._seen[message.chat.id, message.message_id] = topic
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)

    async def of_reaction(self, update: Update) -> int | None:
        """The topic of the message that a reaction is on; None outside of topics, or if nobody knows."""
        reaction = update.message_reaction
        if reaction is None or not reaction.chat.is_forum:
            return None
        place = (reaction.chat.id, reaction.message_id)
        return self._seen[place] if place in self._seen else await self._find(*place)

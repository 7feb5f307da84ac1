"""In which topic of a forum a message stands: reactions do not say it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiogram.types import Update
from cachetools import LRUCache

CACHE_SIZE = 20_000


class Topics:
    """Caches the latest messages of forums, and asks `find` (group, message -> topic) about older ones."""

    def __init__(self, find: Callable[[int, int], Awaitable[int | None]]) -> None:
        self._find = find
        self._topics: LRUCache[tuple[int, int], int | None] = LRUCache(CACHE_SIZE)

    def see(self, update: Update) -> None:
        """Note where a message stands."""
        message = update.message or update.edited_message
        if message is not None and message.chat.is_forum:
            topic = message.message_thread_id if message.is_topic_message else None
            self._topics[message.chat.id, message.message_id] = topic

    async def of_reaction(self, update: Update) -> int | None:
        """The topic of the message that a reaction is on; None outside of topics, or if nobody knows."""
        reaction = update.message_reaction
        if reaction is None or not reaction.chat.is_forum:
            return None
        key = (reaction.chat.id, reaction.message_id)
        return self._topics[key] if key in self._topics else await self._find(*key)

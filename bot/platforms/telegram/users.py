"""Who wrote a message. Some accounts stand for many people, or for none, and are never taken for a person."""

from __future__ import annotations

from bot.platforms.telegram.updates import Chat, Quoted, User
from workers.core.events import Person

SHARED_ACCOUNTS = frozenset({1087968824, 136817688, 777000})
"""All anonymous admins; all who write as a channel; Telegram itself, which forwards channels' posts."""
ANONYMOUS_PREFIX = "chat:"
"""Prefix of the id of an author who writes in the name of a chat."""


def author(message: Quoted) -> Person:
    """The person who wrote a message, or the chat in whose name it was written."""
    user = message.sender
    if message.sender_chat is None and user is not None and user.id not in SHARED_ACCOUNTS:
        return person(user)
    return _anonymous(message.sender_chat or message.chat)


def person(user: User) -> Person:
    """Somebody by number and full name."""
    return Person(id=str(user.id), name=user.full_name.strip() or user.username or str(user.id))


def is_program(message: Quoted) -> bool:
    """Whether another bot wrote it; the bots that stand for hidden people don't count."""
    user = message.sender
    return message.sender_chat is None and user is not None and bool(user.is_bot) and user.id not in SHARED_ACCOUNTS


def _anonymous(chat: Chat) -> Person:
    return Person(id=f"{ANONYMOUS_PREFIX}{chat.id}", name=chat.name)

"""How Telegram's chats and messages are named here: a group is a workspace of its own, a forum topic a chat in it."""

from __future__ import annotations

from workers.core.events import ChatRef, MessageRef

NAME = "telegram"
BEFORE_MIGRATION = "before:"
"""Prefix of the id of a message from before its group became a supergroup, where Telegram counts anew."""


def chat_ref(chat: int, topic: int | None = None) -> ChatRef:
    """The workspace is the group, since whoever is an admin of one has no say in another."""
    return ChatRef(platform=NAME, workspace=str(chat), chat_id=f"{chat}:{topic}" if topic else str(chat))


def message_ref(chat: int, topic: int | None, message: int) -> MessageRef:
    """One message."""
    return MessageRef(**chat_ref(chat, topic).model_dump(), message_id=str(message))


def group_of(chat: ChatRef) -> int:
    """Telegram's number of the group, channel or person."""
    return int(chat.workspace)


def topic_of(chat: ChatRef) -> int | None:
    """The forum topic, if the chat is one."""
    _, _, topic = chat.chat_id.partition(":")
    return int(topic) if topic else None

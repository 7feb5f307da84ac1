"""The bot came into a chat, was put out of it, or may do more or less there than before."""

from __future__ import annotations

from sqlalchemy import Connection

from workers.core.events import Presence
from workers.core.i18n import say
from workers.core.replies import Post, Reply
from workers.store import chats


def answer(c: Connection, event: Presence, language: str, now: float) -> list[tuple[str, Reply]]:
    """Introduce the bot once in each chat; put out of it, read it no more; say so when reactions come into sight."""
    chat = chats.get(c, event.chat)
    if event.state == "left":
        chats.disable_all(c, event.chat, now)
        return []
    language = chat.language if chat else language
    if event.state == "changed":
        text = say(language, "sees_reactions" if event.sees_reactions else "blind_to_reactions")
        return [(event.key, Post(chat=event.chat, text=text))] if chat is not None and chat.enabled else []
    blind = "" if event.sees_reactions else say(language, "blind_to_reactions")
    text = say(language, "introduction") + blind
    # The key is the chat's, not the event's: however often the bot comes in, it says this once.
    return [(f"introduction:{event.chat.key}", Post(chat=event.chat, text=text))]

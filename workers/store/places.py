"""In which chat of a workspace a message stands, for platforms that tell only the message's id when somebody reacts."""

from __future__ import annotations

from sqlalchemy import Connection, select

from workers.contracts import EVENT, ChatRef, Message
from workers.store.tables import INBOX_LIVE, chats, inbox, messages


def chat_of_message(c: Connection, platform: str, workspace: str, message_id: str) -> ChatRef | None:
    """The enabled chat that holds the message, whether or not a worker has seen it yet; None if there is none."""
    here = (chats.c.platform == platform) & (chats.c.workspace == workspace) & chats.c.enabled
    rows = c.execute(select(chats.c.key, chats.c.chat_id).where(here)).all()
    known = {row.key: ChatRef(platform=platform, workspace=workspace, chat_id=row.chat_id) for row in rows}
    refs = {f"{key}/{message_id}": chat for key, chat in known.items()}
    if not refs:
        return None
    found = c.execute(select(messages.c.ref).where(messages.c.ref.in_(refs))).scalar()
    return refs[found] if found is not None else _waiting(c, list(known), message_id)


def _waiting(c: Connection, keys: list[str], message_id: str) -> ChatRef | None:
    """The same, among the events that no worker has come to yet."""
    named = inbox.c.event.contains(f'"message_id":"{message_id}"', autoescape=True)
    for event in c.execute(select(inbox.c.event).where(INBOX_LIVE, inbox.c.chat.in_(keys), named)).scalars():
        read = EVENT.validate_json(event)
        if isinstance(read, Message) and read.ref.message_id == message_id:
            return read.ref.chat
    return None

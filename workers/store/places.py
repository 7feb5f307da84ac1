"""In which chat of a workspace a message stands, for platforms that tell only the message's id when somebody reacts."""

from __future__ import annotations

from sqlalchemy import Connection, select

from workers.contracts import ChatRef, MessageRef
from workers.store.inbox import waiting_message
from workers.store.tables import chats, messages


def chat_of_message(c: Connection, platform: str, workspace: str, message_id: str) -> ChatRef | None:
    """The enabled chat that holds the message, whether or not a worker has seen it yet; None if there is none."""
    here = (chats.c.platform == platform) & (chats.c.workspace == workspace) & chats.c.enabled
    ids = c.execute(select(chats.c.chat_id).where(here)).scalars()
    could_be = [MessageRef(platform=platform, workspace=workspace, chat_id=id, message_id=message_id) for id in ids]
    refs = {ref.key: ref for ref in could_be}
    if stored := c.execute(select(messages.c.ref).where(messages.c.ref.in_(refs))).scalar():
        return refs[stored].chat
    return next((ref.chat for ref in could_be if waiting_message(c, ref)), None)

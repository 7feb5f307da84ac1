"""Which chats Backchannel may read, and how it behaves in each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, case, select, update

from workers.core.events import ChatRef, Person
from workers.store.sql import AnyRow, insert
from workers.store.tables import chats, ledger

Mode = Literal["shadow", "suggest"]


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that somebody enabled at some time. In "shadow" mode predictions are kept and not shown.

    `bots`: messages of other programs are read, too. `moved_to`: the key of the chat that goes on in its place.
    """

    ref: ChatRef
    enabled: bool
    mode: Mode
    language: str
    bots: bool = False
    moved_to: str | None = None
    enabled_by: str = ""


def _chat(row: AnyRow) -> Chat:
    ref = ChatRef(platform=row.platform, workspace=row.workspace, chat_id=row.chat_id)
    return Chat(ref, row.enabled, row.mode, row.language, row.bots, row.moved_to, row.enabled_by)


def get(c: Connection, chat: ChatRef) -> Chat | None:
    """The chat, or None if nobody ever enabled it."""
    row = c.execute(select(chats).where(chats.c.key == chat.key)).first()
    return None if row is None else _chat(row)


def language(c: Connection, chat: ChatRef, default: str) -> str:
    """The language of a chat, or this one where nobody chose."""
    row = get(c, chat)
    return row.language if row else default


def by_key(c: Connection, keys: Iterable[str]) -> dict[str, Chat]:
    """Those of these chats that were ever enabled, by key."""
    return {row.key: _chat(row) for row in c.execute(select(chats).where(chats.c.key.in_(set(keys))))}


def last_labelled(c: Connection) -> Chat | None:
    """Of the chats in which the bot speaks unasked, the one in which somebody labelled last."""
    speaks = chats.c.enabled & (chats.c.mode == "suggest")
    statement = select(chats).join(ledger, ledger.c.chat == chats.c.key).where(speaks)
    labelled = statement.where(ledger.c.label.is_not(None), ledger.c.added)
    row = c.execute(labelled.order_by(ledger.c.id.desc()).limit(1)).first()
    return None if row is None else _chat(row)


def enable(c: Connection, chat: ChatRef, by: Person, language: str, now: float) -> None:
    """Start reading a chat. One that was enabled before keeps its mode and takes the new language.

    One that is enabled now keeps the time, too, from which on it is read.
    """
    parts = {"platform": chat.platform, "workspace": chat.workspace, "chat_id": chat.chat_id}
    change = {"enabled": True, "language": language, "enabled_by": by.id, "changed_at": now}
    statement = insert(c, chats).values(key=chat.key, **parts, **change)
    since = case((chats.c.enabled, chats.c.changed_at), else_=now)
    c.execute(statement.on_conflict_do_update(index_elements=["key"], set_=change | {"changed_at": since}))


def disable(c: Connection, chat: ChatRef, now: float) -> None:
    """Stop reading a chat; what is stored of it stays."""
    c.execute(update(chats).where(chats.c.key == chat.key).values(enabled=False, changed_at=now))


def disable_all(c: Connection, chat: ChatRef, now: float) -> None:
    """Stop reading a chat and its topics, whose ids are `<chat_id>:<topic>`."""
    with_topics = (chats.c.key == chat.key) | chats.c.key.startswith(f"{chat.key}:", autoescape=True)
    c.execute(update(chats).where(with_topics, chats.c.enabled).values(enabled=False, changed_at=now))


def set_mode(c: Connection, chat: ChatRef, mode: Mode) -> None:
    """Show predictions in a chat ("suggest") or only keep them ("shadow")."""
    c.execute(update(chats).where(chats.c.key == chat.key).values(mode=mode))


def set_bots(c: Connection, chat: ChatRef, read: bool) -> None:
    """Read what other programs write in a chat, or leave it out."""
    c.execute(update(chats).where(chats.c.key == chat.key).values(bots=read))

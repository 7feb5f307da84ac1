"""Telegram's updates -> our events: pure functions, one for each kind of update."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from aiogram.types import (
    CallbackQuery,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageOriginChannel,
    MessageReactionUpdated,
    ResultChatMemberUnion,
    Update,
)
from aiogram.types import InaccessibleMessage as OldMessage

from bot.platforms.telegram import users
from bot.platforms.telegram.address import NAME, chat_ref, message_ref
from bot.platforms.telegram.commands import command_of
from bot.platforms.telegram.reactions import changes
from workers.core import events as telegram_events
from workers.core.events import Button, Command, Edit, Event, Moved, Presence, Reaction

ASKED_FOR = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "message_reaction",
    "callback_query",
    "my_chat_member",
)
"""The kinds of updates that Telegram is asked for; it keeps reactions to itself where they are not named."""
LATER = ""
"""The key of an event that gets its name from its update."""


@dataclass(frozen=True, slots=True)
class Me:
    """The bot's own account."""

    id: int
    username: str


@dataclass(frozen=True, slots=True)
class Around:
    """What an update does not say itself: who we are, the time (seconds), of a reaction in a forum the topic, and
    what the bot has said lately, as (chat, message).
    """

    me: Me
    now: float
    topic: int | None = None
    said: Container[tuple[int, int]] = frozenset[tuple[int, int]]()


def events(update: Update, around: Around) -> list[Event]:
    """What happened, in order. An update that is of no interest gives nothing."""
    name = f"{NAME}:{around.me.id}:{update.update_id}"
    for kind, translate in KINDS.items():
        if (content := getattr(update, kind)) is not None:
            found = enumerate(translate(content, around))
            return [_named(event, f"{name}:{place}", update.update_id) for place, event in found]
    return []


def _named(event: Event, key: str, number: int) -> Event:
    return event.model_copy(update={"key": event.key or key, "sequence": number})


def _written(message: Message, around: Around) -> list[Event]:
    if message.migrate_to_chat_id or message.migrate_from_chat_id:
        return [_migrated(message, around)]
    text = message.text or message.caption
    if not text or _own(message, around):
        return []
    private = message.chat.type == "private"
    line = command_of(text, around.me.username, plain=private)
    if line is None or users.is_program(message):
        return [] if private else [_message(message, text)]
    if not line:  # a command to another bot
        return []
    about = _replied_to(message)
    said = (about.text or about.caption) if about and not _own(about, around) else None
    quoted: list[Event] = [_message(about, said, _topic(message))] if about and said else []
    return [*quoted, _command(message, about, line, private)]


def _message(message: Message, text: str, topic: int | None = None) -> Event:
    about = _replied_to(message)
    return telegram_events.Message(
        key=LATER,
        at=message.date.timestamp(),
        ref=_ref(message, topic),
        author=users.author(message),
        text=text,
        reply_to=str(about.message_id) if about else None,
        bot=users.is_program(message),
    )


def _command(message: Message, about: Message | None, line: str, private: bool) -> Event:
    return Command(
        key=LATER,
        at=message.date.timestamp(),
        chat=_ref(message).chat,
        caller=users.author(message),
        text=line,
        reply_to=_ref(about, _topic(message)) if about else None,
        thread=str(message.message_id),
        private=private,
    )


def _own(message: Message, around: Around) -> bool:
    if message.from_user is not None and message.from_user.id == around.me.id:
        return True
    origin = message.forward_origin
    if not (message.is_automatic_forward and isinstance(origin, MessageOriginChannel)):
        return False
    return (origin.chat.id, origin.message_id) in around.said


def _replied_to(message: Message) -> Message | None:
    """The message that this one answers. In a topic, what answers nobody "answers" the making of the topic."""
    about = message.reply_to_message
    return None if about is None or about.forum_topic_created else about


def _migrated(message: Message, around: Around) -> Event:
    old = message.migrate_from_chat_id or message.chat.id
    new = message.migrate_to_chat_id or message.chat.id
    return moved(around.me.id, old, new, message.date.timestamp())


def moved(me: int, old: int, new: int, at: float) -> Moved:
    """A group that became a supergroup; however we hear of it, the event is the same."""
    return Moved(key=f"{NAME}:{me}:moved:{old}:{new}", at=at, chat=chat_ref(old), into=chat_ref(new))


def _edited(message: Message, around: Around) -> list[Event]:
    text = message.text or message.caption
    if not text or message.chat.type == "private" or _own(message, around):
        return []
    if command_of(text, around.me.username) is not None:
        return []
    at = float(message.edit_date or around.now)
    return [Edit(key=LATER, at=at, ref=_ref(message), text=text, bot=users.is_program(message))]


def _reacted(update: MessageReactionUpdated, around: Around) -> list[Event]:
    user = update.user
    if user is None or user.id in users.NOBODY or user.is_bot or update.chat.type == "private":
        return []  # nobody can say who it was
    at, annotator = update.date.timestamp(), users.person(user)
    ref = message_ref(update.chat.id, around.topic, update.message_id)
    return [
        Reaction(key=LATER, at=at, ref=ref, annotator=annotator, emoji=emoji, added=added)
        for emoji, added in changes(update.old_reaction, update.new_reaction)
    ]


def _pressed(query: CallbackQuery, around: Around) -> list[Event]:
    message, value = query.message, query.data
    if message is None or not value:
        return []
    ref = message_ref(message.chat.id, None, message.message_id) if isinstance(message, OldMessage) else _ref(message)
    presser, private = users.person(query.from_user), message.chat.type == "private"
    return [Button(key=LATER, at=around.now, ref=ref, presser=presser, value=value, private=private)]


def _own_place(update: ChatMemberUpdated, around: Around) -> list[Event]:
    was, now = _is_in(update.old_chat_member), _is_in(update.new_chat_member)
    if update.chat.type == "private" or not (was or now):
        return []
    # Reactions to a channel's posts have no names, and come to nobody.
    sees = update.new_chat_member.status == "administrator" and update.chat.type != "channel"
    state = "changed" if was and now else "joined" if now else "left"
    at, chat = update.date.timestamp(), chat_ref(update.chat.id)
    return [Presence(key=LATER, at=at, chat=chat, state=state, sees_reactions=sees)]


def _is_in(member: ResultChatMemberUnion) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status in ("creator", "administrator", "member")


def _topic(message: Message) -> int | None:
    """A thread of comments has a number, too, but is no topic."""
    return message.message_thread_id if message.is_topic_message else None


def _ref(message: Message, topic: int | None = None) -> telegram_events.MessageRef:
    return message_ref(message.chat.id, topic or _topic(message), message.message_id)


KINDS: dict[str, Callable[[Any, Around], list[Event]]] = {
    "message": _written,
    "channel_post": _written,
    "edited_message": _edited,
    "edited_channel_post": _edited,
    "message_reaction": _reacted,
    "callback_query": _pressed,
    "my_chat_member": _own_place,
}

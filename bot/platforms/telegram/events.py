"""Telegram's updates to our events: pure functions, one for each kind of update."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.platforms.telegram import users
from bot.platforms.telegram.reactions import changes
from bot.platforms.telegram.reading import text_of
from bot.platforms.telegram.refs import NAME, chat_ref, message_ref
from bot.platforms.telegram.updates import Member, Membership, Message, Query, Quoted, Reactions, Update
from workers.core import events as core_events
from workers.core.events import Button, Command, Edit, Event, Moved, Presence, Reaction
from workers.core.replies import alone_id

UNNAMED = ""
"""The key of an event that gets one from its update."""
FORGET = "forget"
CORRECTION = 60.0
"""Seconds for which a command may be corrected by an edit; later an edit runs nothing."""
COMMAND = re.compile(r"/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]+))?(?=\s|$)")
START = "start"
"""What a client sends when somebody opens a chat with the bot, or adds it to a group, by a link."""


@dataclass(frozen=True, slots=True)
class BotAccount:
    """The bot's own account."""

    id: int
    username: str


@dataclass(frozen=True, slots=True)
class Context:
    """What an update does not say itself: who we are, the time (seconds), of a reaction in a forum the topic, the
    bot's own latest posts, as (chat, message), and whose a username is, by (chat, username in small letters).
    """

    me: BotAccount
    now: float
    topic: int | None = None
    own_posts: Container[tuple[int, int]] = frozenset[tuple[int, int]]()
    usernames: Mapping[tuple[int, str], int] = field(default_factory=dict[tuple[int, str], int])


def events(update: Update, context: Context) -> list[Event]:
    """What happened, in order. An update that is of no interest gives nothing."""
    name = f"{NAME}:{context.me.id}:{update.update_id}"
    for kind, translate in KINDS.items():
        if (content := getattr(update, kind)) is not None:
            translated = enumerate(translate(content, context))
            return [_named(event, f"{name}:{number}", update.update_id) for number, event in translated]
    return []


def _named(event: Event, key: str, number: int) -> Event:
    # Telegram's times are whole seconds: within one, the numbers of updates give the order.
    return event.model_copy(update={"key": event.key or key, "sequence": number})


def _on_message(message: Message, context: Context) -> list[Event]:
    if message.migrate_to_chat_id or message.migrate_from_chat_id:
        return [_migrated(message, context)]
    text, private = text_of(message), message.chat.private
    if not text or _by_bot(message, context):
        return []
    line = _typed(message, context)
    if line is None or users.is_program(message):
        return [] if private else [_message(message, context, text)]
    if not line:  # a command to another bot
        return []
    return _command(message, context, line)


def _typed(message: Message, context: Context) -> str | None:
    """The verb in a message, as `command_of` has it: typed, not in a poll or a quote."""
    typed = message.text or message.caption
    return command_of(typed, context.me.username, plain=message.chat.private) if typed else None


def _message(message: Quoted, context: Context, text: str, topic: int | None = None) -> Event:
    about = _replied_to(message)
    return core_events.Message(
        key=UNNAMED,
        at=_at(message, context),
        ref=_ref(message, topic),
        author=users.author(message),
        text=text,
        reply_to=str(about.message_id) if about else None,
        bot=users.is_program(message),
    )


def _command(message: Message, context: Context, line: str) -> list[Event]:
    """The verb, after the message that it is about.

    That is taken along, for it may never have been stored, and Telegram lets nobody fetch a message.
    """
    about, chat, line = _replied_to(message), _ref(message).chat, _with_number(message, context, line)
    quoted = text_of(about) if about and not _by_bot(about, context) else ""
    # By the line: an edit is told, too, when somebody reacts, and what was run already must not run again.
    digest = hashlib.sha256(f"{chat.key}:{line}".encode("utf-8", "replace")).hexdigest()[:12]
    command = Command(
        key=f"{NAME}:{context.me.id}:command:{message.chat.id}:{message.message_id}:{digest}",
        at=_at(message, context),
        chat=chat,
        caller=users.author(message),
        text=line,
        reply_to=_ref(about, _topic(message)) if about else None,
        thread=str(message.message_id),
        private=message.chat.private,
    )
    return [_message(about, context, quoted, _topic(message)), command] if about and quoted else [command]


def _with_number(message: Message, context: Context, line: str) -> str:
    """`forget` with the number of whoever is mentioned, where it is known: it must mean nobody else."""
    verb, _, whom = line.partition(" ")
    if verb != FORGET:
        return line
    # Somebody without a username is mentioned by a link.
    linked = [entity.user.id for entity in message.entities or () if entity and entity.user]
    number = linked[0] if len(linked) == 1 else None
    if whom.startswith("@") and not linked:
        number = context.usernames.get((message.chat.id, whom[1:].lower()))
    return line if number is None else f"{FORGET} {number}"


def _at(part: Quoted | Reactions | Membership, context: Context) -> float:
    """When it was; where that can't be read, now."""
    return context.now if part.date is None else part.date


def _by_bot(message: Quoted, context: Context) -> bool:
    if message.sender is not None and message.sender.id == context.me.id:
        return True
    origin = message.forward_origin
    if not (message.is_automatic_forward and origin and origin.chat and origin.message_id is not None):
        return False
    # What the bot posts in a channel comes back as a forward in the channel's group.
    return (origin.chat.id, origin.message_id) in context.own_posts


def _replied_to(message: Quoted) -> Quoted | None:
    """The message that this one answers. In a topic, what answers nobody "answers" the making of the topic."""
    about = message.reply_to_message if isinstance(message, Message) else None
    return None if about is None or about.forum_topic_created else about


def _migrated(message: Message, context: Context) -> Event:
    old = message.migrate_from_chat_id or message.chat.id
    new = message.migrate_to_chat_id or message.chat.id
    return moved(context.me.id, old, new, _at(message, context))


def moved(me: int, old: int, new: int, at: float) -> Moved:
    """A group that became a supergroup; however we hear of it, the event is the same."""
    return Moved(key=f"{NAME}:{me}:moved:{old}:{new}", at=at, chat=chat_ref(old), into=chat_ref(new))


def _on_edit(message: Message, context: Context) -> list[Event]:
    """A changed text; one that was taken away, or became a command, is no text any more."""
    if _by_bot(message, context) or message.unreadable:
        return []
    text, private, program = text_of(message), message.chat.private, users.is_program(message)
    line = None if program else _typed(message, context)
    at = context.now if message.edit_date is None else message.edit_date
    about = _replied_to(message)
    changed = Edit(
        key=UNNAMED,
        at=at,
        ref=_ref(message),
        text=text if line is None else "",
        bot=program,
        author=users.author(message),
        written=message.date,
        reply_to=str(about.message_id) if about else None,
    )
    in_time = message.date is not None and at - message.date <= CORRECTION
    command = _command(message, context, line) if line and in_time else []
    return command if private else [changed, *command]


def _on_reaction(update: Reactions, context: Context) -> list[Event]:
    user = update.user
    if user is None or user.id in users.SHARED_ACCOUNTS or user.is_bot or update.chat.private:
        return []  # nobody can say who it was
    at, annotator = _at(update, context), users.person(user)
    ref = message_ref(update.chat.id, context.topic, update.message_id)
    return [
        Reaction(key=UNNAMED, at=at, ref=ref, annotator=annotator, emoji=emoji, added=added)
        for emoji, added in changes(update.old_reaction, update.new_reaction)
    ]


def _on_button(query: Query, context: Context) -> list[Event]:
    message, value = query.message, query.data
    if message is None or query.sender is None or not value:
        return []
    presser, private = users.person(query.sender), message.chat.private
    ref, thread = _ref(message), str(message.message_id)
    if message.ephemeral_message_id is not None:
        shown = alone_id(presser.id, str(message.ephemeral_message_id))
        ref, thread = ref.model_copy(update={"message_id": shown}), None
    # A press has no time of its own.
    at = context.now
    return [Button(key=UNNAMED, at=at, ref=ref, presser=presser, value=value, thread=thread, private=private)]


def _on_membership(update: Membership, context: Context) -> list[Event]:
    was, now = _is_in(update.old_chat_member), _is_in(update.new_chat_member)
    # Of a place that nobody here knows it can't be said whether it is one in the chat.
    if update.chat.private or now is None or not (was or now):
        return []
    # Reactions to a channel's posts have no names, and come to nobody.
    admin = update.new_chat_member is not None and update.new_chat_member.status in ("administrator", "creator")
    state = "changed" if was and now else "joined" if now else "left"
    at, chat, sees = _at(update, context), chat_ref(update.chat.id), admin and update.chat.type != "channel"
    return [Presence(key=UNNAMED, at=at, chat=chat, state=state, sees_reactions=sees)]


def _is_in(member: Member | None) -> bool | None:
    """Whether somebody is in the chat; None where the status is a new one."""
    match member and member.status:
        case "creator" | "administrator" | "member":
            return True
        case "left" | "kicked":
            return False
        case "restricted":
            return member.is_member if member else None
        case _:
            return None


def _topic(message: Quoted) -> int | None:
    """A thread of comments has a number, too, but is no topic."""
    return message.message_thread_id if message.is_topic_message else None


def _ref(message: Quoted, topic: int | None = None) -> core_events.MessageRef:
    return message_ref(message.chat.id, topic or _topic(message), message.message_id)


def command_of(text: str, username: str, plain: bool = False) -> str | None:
    """The verb that is typed at the bot, and its arguments; "" if meant for another bot, None if it is no command.

    With `plain` a text without a slash is one, too.
    """
    match = COMMAND.match(text)
    if match is None:
        return text.strip() if plain else None
    verb, bot = match.groups()
    if bot and bot.lower() != username.lower():
        return ""
    if verb.lower() == START:
        return "help"
    return f"{verb.lower()} {text[match.end() :].strip()}".strip()


KINDS: dict[str, Callable[[Any, Context], list[Event]]] = {
    "message": _on_message,
    "channel_post": _on_message,
    "edited_message": _on_edit,
    "edited_channel_post": _on_edit,
    "message_reaction": _on_reaction,
    "callback_query": _on_button,
    "my_chat_member": _on_membership,
}

"""What Telegram says happened, as far as we look at it: raw JSON to models of ours.

The SDK's models refuse a whole update where any part of it is not as in its own version of the Bot API, and Telegram
adds kinds all the time. Here a part that can't be read is as if it were not there, and the rest is read; parts and
kinds that nobody knows are counted. https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, cast

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from bot.platforms.unknown_kinds import UnknownKinds

T = TypeVar("T")

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
WORDS = ("text", "caption", "poll", "checklist", "venue", "game", "invoice", "giveaway", "rich_message")
"""The parts of a message that may hold words; what is in the longer ones is read by `reading`."""

unknown = UnknownKinds("Telegram")


def _or_nothing(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """The part, or None where it can't be read. Its content is not logged: it may be people's words."""
    try:
        return read(value)
    except ValidationError:
        unknown.count("an unreadable part", info.field_name)
        return None


def _one_of(what: str, *known: str) -> AfterValidator:
    """A name out of a list that may grow: one that is not in it is counted, and kept."""

    def count(name: str) -> str:
        if name not in known:
            unknown.count(what, name)
        return name

    return AfterValidator(count)


Maybe = Annotated[T | None, WrapValidator(_or_nothing)]
Json = dict[str, Any]
Seconds = Annotated[float, AllowInfNan(False)]
ChatType = Annotated[str, _one_of("a type of chat", "private", "group", "supergroup", "channel", "sender")]
ReactionKind = Annotated[str, _one_of("a type of reaction", "emoji", "custom_emoji", "paid")]
OriginKind = Annotated[str, _one_of("an origin of a forward", "user", "hidden_user", "chat", "channel")]
Status = Annotated[
    str, _one_of("a status of a member", "creator", "administrator", "member", "restricted", "left", "kicked")
]


class Part(BaseModel):
    """Something that Telegram says; what we do not look at is not even read."""


class User(Part):
    """A person or a bot."""

    id: int
    is_bot: Maybe[bool] = None
    first_name: Maybe[str] = None
    last_name: Maybe[str] = None
    username: Maybe[str] = None
    language_code: Maybe[str] = None

    @property
    def full_name(self) -> str:
        return " ".join(filter(None, (self.first_name, self.last_name)))


class Chat(Part):
    """A group, a channel, or a person's own chat with the bot."""

    id: int
    type: Maybe[ChatType] = None
    title: Maybe[str] = None
    first_name: Maybe[str] = None
    last_name: Maybe[str] = None
    is_forum: Maybe[bool] = None

    @property
    def private(self) -> bool:
        """Whether it is one person's; where its type can't be read, the number says it, which groups have below 0."""
        return self.type == "private" if self.type else self.id > 0

    @property
    def name(self) -> str:
        return self.title or " ".join(filter(None, (self.first_name, self.last_name)))


class Entity(Part):
    """A part of a text that means more: only of whom it names is looked at."""

    type: Maybe[str] = None
    offset: Maybe[int] = None
    user: Maybe[User] = None


class Origin(Part):
    """Where a forwarded message is from."""

    type: OriginKind
    chat: Maybe[Chat] = None
    message_id: Maybe[int] = None


class Quoted(Part):
    """A message as it stands in another one that answers it."""

    message_id: int
    chat: Chat
    date: Maybe[Seconds] = None
    edit_date: Maybe[Seconds] = None
    sender: Maybe[User] = Field(None, alias="from")
    sender_chat: Maybe[Chat] = None
    message_thread_id: Maybe[int] = None
    is_topic_message: Maybe[bool] = None
    forum_topic_created: Any = None
    is_automatic_forward: Maybe[bool] = None
    forward_origin: Maybe[Origin] = None
    text: Maybe[str] = None
    caption: Maybe[str] = None
    poll: Maybe[Json] = None
    checklist: Maybe[Json] = None
    venue: Maybe[Json] = None
    game: Maybe[Json] = None
    invoice: Maybe[Json] = None
    giveaway: Maybe[Json] = None
    rich_message: Maybe[Json] = None
    quote: Maybe[Json] = None
    external_reply: Any = None
    migrate_to_chat_id: Maybe[int] = None
    migrate_from_chat_id: Maybe[int] = None

    @property
    def unreadable(self) -> bool:
        """Whether there are words that can't be read, which is not the same as none."""
        return any(name in self.model_fields_set and getattr(self, name) is None for name in WORDS)


class Message(Quoted):
    """A message; of an old one, under a button, Telegram tells no more than chat and number."""

    reply_to_message: Maybe[Quoted] = None
    ephemeral_message_id: Maybe[int] = None
    entities: Maybe[list[Maybe[Entity]]] = None


class Reaction(Part):
    """One emoji in a list of reactions."""

    type: ReactionKind
    emoji: Maybe[str] = None
    custom_emoji_id: Maybe[str] = None


class Reactions(Part):
    """All reactions of one person to one message, before and after."""

    chat: Chat
    message_id: int
    user: Maybe[User] = None
    date: Maybe[Seconds] = None
    old_reaction: list[Maybe[Reaction]]
    new_reaction: list[Maybe[Reaction]]


class Query(Part):
    """A button was pressed."""

    id: Maybe[str] = None
    sender: Maybe[User] = Field(None, alias="from")
    message: Maybe[Message] = None
    data: Maybe[str] = None


class Member(Part):
    """What somebody is in a chat."""

    status: Status
    is_member: Maybe[bool] = None


class Membership(Part):
    """The bot's own place in a chat changed."""

    chat: Chat
    date: Maybe[Seconds] = None
    old_chat_member: Maybe[Member] = None
    new_chat_member: Maybe[Member] = None


class Update(Part):
    """One thing that happened; at most one of the kinds is there."""

    update_id: Annotated[int, Field(ge=0, lt=2**63)]
    message: Maybe[Message] = None
    edited_message: Maybe[Message] = None
    channel_post: Maybe[Message] = None
    edited_channel_post: Maybe[Message] = None
    message_reaction: Maybe[Reactions] = None
    callback_query: Maybe[Query] = None
    my_chat_member: Maybe[Membership] = None

    def people(self) -> Iterator[tuple[int, User]]:
        """Who acted or is quoted, each with the number of the chat."""
        for message in (self.message, self.edited_message, self.callback_query and self.callback_query.message):
            for part in (message, message.reply_to_message if message else None):
                if part and part.sender:
                    yield part.chat.id, part.sender
        if self.message_reaction and self.message_reaction.user:
            yield self.message_reaction.chat.id, self.message_reaction.user
        if self.callback_query and self.callback_query.message and self.callback_query.sender:
            yield self.callback_query.message.chat.id, self.callback_query.sender


def read(raw: Any) -> Update | None:
    """The update; None where it has no number, by which it is known when it comes again."""
    try:
        update = Update.model_validate(raw)
    except ValidationError:
        unknown.count("an unreadable part", "update")
        return None
    for name in cast(Mapping[str, Any], raw):
        if name not in ("update_id", *ASKED_FOR):
            unknown.count("an update", name)
    return update

"""Events: what comes in from a platform, and the refs and people that it names.

All of it is frozen and survives a round trip through JSON, so that a row in the inbox is exactly
what a platform said. Identifiers are strings, times are seconds since the epoch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

CLASSIFY, EXPLAIN, LABELS, TRAINING, MAINTENANCE = "classify", "explain", "labels", "training", "maintenance"


def storable_text(text: object) -> object:
    """Make any text safe for UTF-8 and for Postgres: lone surrogates become U+FFFD, NUL bytes go."""
    if not isinstance(text, str):
        return text
    # By way of UTF-16, in which two halves of a pair join again; only a lone one is replaced.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "")


Text = Annotated[str, BeforeValidator(storable_text)]


class Frozen(BaseModel):
    """A value: never changed, compared by content, strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ChatRef(Frozen):
    """Where people talk: one channel, group or topic."""

    platform: Text
    workspace: Text
    chat_id: Text

    @property
    def key(self) -> str:
        """The chat as one string, for indexes and logs."""
        return f"{self.platform}/{self.workspace}/{self.chat_id}"


class MessageRef(Frozen):
    """One message, on any platform."""

    platform: Text
    workspace: Text
    chat_id: Text
    message_id: Text

    @property
    def chat(self) -> ChatRef:
        return ChatRef(platform=self.platform, workspace=self.workspace, chat_id=self.chat_id)

    @property
    def key(self) -> str:
        """The message as one string, for indexes and logs."""
        return f"{self.chat.key}/{self.message_id}"


class Person(Frozen):
    """An author or an annotator: `id` is the platform's, `name` is what people read."""

    id: Text
    name: Text = ""


# ── events: what came in ────────────────────────────────────────────────────────────────────────────


class BaseEvent(Frozen):
    """`key` names the event: delivered twice, it carries the same key. `at`, then `sequence`, order events."""

    key: Text
    at: float
    sequence: int = 0

    @property
    def queue(self) -> str:
        """The Celery queue whose workers handle this event."""
        return LABELS


class TextEvent(BaseEvent):
    """An event that changes what a message says, and so what kind it is."""

    @property
    def queue(self) -> str:
        return CLASSIFY


class Message(TextEvent):
    """Somebody wrote something; `bot`: that somebody is a program, which most chats don't want to be read."""

    kind: Literal["message"] = "message"
    ref: MessageRef
    author: Person
    text: Text
    reply_to: Text | None = None
    bot: bool = False


class Edit(TextEvent):
    """The text of a message changed. `author`, `written` (seconds) and `reply_to` are the message's, where known."""

    kind: Literal["edit"] = "edit"
    ref: MessageRef
    text: Text
    bot: bool = False
    author: Person | None = None
    written: float | None = None
    reply_to: Text | None = None


class Delete(TextEvent):
    """A message is gone, and what we know of its text goes with it."""

    kind: Literal["delete"] = "delete"
    ref: MessageRef


class Reaction(BaseEvent):
    """Somebody put an emoji on a message (`added`) or took it away."""

    kind: Literal["reaction"] = "reaction"
    ref: MessageRef
    annotator: Person
    emoji: Text
    added: bool


Why = Literal["", "anonymous", "guest", "named_only"]
"""Why somebody is no admin, where there is more to say than that: they hide behind a chat, come from another company's
workspace, or want what only people who are named in the settings may do."""


class Button(BaseEvent):
    """Somebody pressed a button under one of our posts; `value` (1 to 64 bytes) is what the button meant.

    `thread`: the message under which an answer belongs.
    """

    kind: Literal["button"] = "button"
    ref: MessageRef
    presser: Person
    value: Text
    thread: Text | None = None
    private: bool = False
    admin: bool | None = None
    operator: bool = False
    why: Why = ""


class Command(BaseEvent):
    """Somebody typed a verb and its arguments. `admin` is None while nobody has asked the platform; an `operator` is
    named in the settings, and may do what concerns all chats.

    `reply_to` is the message that the verb is about, `thread` the one under which the answer belongs. `private`: the
    chat is one person's own with the bot, where verbs work although nobody enabled it. `closes`: what it was chosen in
    closes once it is taken, and says by that that it is done.
    """

    kind: Literal["command"] = "command"
    chat: ChatRef
    caller: Person
    text: Text
    reply_to: MessageRef | None = None
    thread: Text | None = None
    closes: bool = False
    private: bool = False
    admin: bool | None = None
    operator: bool = False
    why: Why = ""

    @property
    def queue(self) -> str:
        """`classify` and `explain` need the model, so they go where the model is; `explain` holds up no message."""
        return {"classify": CLASSIFY, "explain": EXPLAIN}.get(self.verb, LABELS)

    @property
    def verb(self) -> str:
        """The first word, in lower case."""
        return self.text.split(maxsplit=1)[0].lower().lstrip("/") if self.text.strip() else "help"

    @property
    def arguments(self) -> str:
        """What follows the verb."""
        return self.text.strip()[len(self.text.split(maxsplit=1)[0]) :].strip() if self.text.strip() else ""


class Presence(BaseEvent):
    """The bot came into a chat, was put out of it, or its rights there changed.

    `sees_reactions`: whether the platform tells the bot about reactions there.
    """

    kind: Literal["presence"] = "presence"
    chat: ChatRef
    state: Literal["joined", "left", "changed"]
    sees_reactions: bool = True


class Moved(BaseEvent):
    """A chat goes on under another id; intake gives all that is stored the new one before anything else comes in."""

    kind: Literal["moved"] = "moved"
    chat: ChatRef
    into: ChatRef


Event = Annotated[Message | Edit | Delete | Reaction | Button | Command | Presence | Moved, Field(discriminator="kind")]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def asker_of(event: Command | Button) -> Person:
    """Who typed or pressed, and waits for an answer."""
    return event.caller if isinstance(event, Command) else event.presser


def chat_of(event: Event) -> ChatRef:
    """The chat in which an event happened."""
    return event.chat if isinstance(event, Command | Presence | Moved) else event.ref.chat

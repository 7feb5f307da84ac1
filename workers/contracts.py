"""Everything that crosses a boundary: events that come in, replies that go out.

All of it is frozen and survives a round trip through JSON, so that a row in the inbox or the outbox is
exactly what a platform said or will be told. Identifiers are strings, times are seconds since the epoch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

CLASSIFY, EXPLAIN, LABELS, TRAINING, MAINTENANCE = "classify", "explain", "labels", "training", "maintenance"


def storable(text: object) -> object:
    """Make any text safe for UTF-8 and for Postgres: lone surrogates become U+FFFD, NUL bytes go."""
    if not isinstance(text, str):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "")


Text = Annotated[str, BeforeValidator(storable)]


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
    """The text of a message changed."""

    kind: Literal["edit"] = "edit"
    ref: MessageRef
    text: Text
    bot: bool = False


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
    """Somebody pressed a button under one of our posts; `value` (1 to 64 bytes) is what the button meant."""

    kind: Literal["button"] = "button"
    ref: MessageRef
    presser: Person
    value: Text
    private: bool = False
    admin: bool | None = None
    why: Why = ""


class Command(BaseEvent):
    """Somebody typed a verb and its arguments. `admin` is None while nobody has asked the platform.

    `reply_to` is the message that the verb is about, `thread` the one under which the answer belongs. `private`: the
    chat is one person's own with the bot, where verbs work although nobody enabled it.
    """

    kind: Literal["command"] = "command"
    chat: ChatRef
    caller: Person
    text: Text
    reply_to: MessageRef | None = None
    thread: Text | None = None
    private: bool = False
    admin: bool | None = None
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


def chat_of(event: Event) -> ChatRef:
    """The chat in which an event happened."""
    return event.chat if isinstance(event, Command | Presence | Moved) else event.ref.chat


# ── replies: what goes out ──────────────────────────────────────────────────────────────────────────


class Choice(Frozen):
    """One button: what people read and what comes back when it is pressed."""

    text: Text
    value: str = Field(min_length=1, max_length=64)


MORE = "m"
"""The value of a button under a shown label: give me all labels to choose from."""


def agree(label: int) -> str:
    """The value of a button under a shown label: this label is right."""
    return f"l:{label}"


class React(Frozen):
    """Put the bot's one emoji on a message, in place of the one before; None takes it away.

    Where a platform has no such emoji it may show the label in other ways, with buttons whose values are
    `agree(label_id)` and MORE.
    """

    kind: Literal["react"] = "react"
    ref: MessageRef
    emoji: str | None
    label: Text = ""
    label_id: int | None = None
    probability: float = 0.0
    guess: bool = False

    @property
    def chat(self) -> ChatRef:
        return self.ref.chat


class Post(Frozen):
    """Say something in a chat. `progress` (0 to 1) asks for a bar where the platform can draw one."""

    kind: Literal["post"] = "post"
    chat: ChatRef
    text: Text
    choices: tuple[Choice, ...] = ()
    reply_to: str | None = None
    progress: float | None = None


class EditPost(Frozen):
    """Replace what an earlier `Post` says. `post` is the outbox key of that post."""

    kind: Literal["edit_post"] = "edit_post"
    chat: ChatRef
    post: str
    text: Text
    choices: tuple[Choice, ...] = ()
    progress: float | None = None


class Document(Frozen):
    """Hand over a text file, such as an export."""

    kind: Literal["document"] = "document"
    chat: ChatRef
    filename: str
    content: Text
    text: Text = ""
    reply_to: str | None = None


class Picture(Frozen):
    """Show a picture (PNG), such as a chart. `alt` says in words what is on it."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    kind: Literal["picture"] = "picture"
    chat: ChatRef
    filename: str
    content: bytes
    alt: Text
    text: Text = ""
    reply_to: str | None = None


class CheckAdmin(Frozen):
    """Ask the platform whether the person behind this event is an admin; the event then comes in again."""

    kind: Literal["check_admin"] = "check_admin"
    event: Command | Button

    @property
    def chat(self) -> ChatRef:
        return chat_of(self.event)


Reply = Annotated[React | Post | EditPost | Document | Picture | CheckAdmin, Field(discriminator="kind")]
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────────


JobKind = Literal["train", "pretrain", "distil", "evaluate", "tune"]
Method = Literal["auto", "frozen", "lora", "full", "qlora", "int8"]


class JobRequest(Frozen):
    """A long piece of work, as it was asked for. `post` is the outbox key of the progress message.

    `method`, `epochs` and `recipe` (TOML, from a tuning) are of train, `student` of distil, `minutes` of pretrain and
    tune, `version` of evaluate. `backbone` is what train begins with: a name, or the folder of a named base; empty
    for that of the active version.
    """

    kind: JobKind = "train"
    chat: ChatRef
    requested_by: Person
    post: str
    method: Method = "auto"
    seed: int = 0
    backbone: str = ""
    epochs: float | None = None
    recipe: str = ""
    student: str = ""
    minutes: int | None = None
    version: int | None = None


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────


class BackchannelError(Exception):
    """What happened and what to do, in one sentence that people can read in chat, log or shell."""

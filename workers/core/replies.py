"""Replies: what goes out to a platform."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from workers.core.events import Button, ChatRef, Command, Frozen, MessageRef, Text, chat_of


class Choice(Frozen):
    """One button: what people read and what comes back when it is pressed."""

    text: Text
    # Telegram counts bytes, but `buttons` makes plain ASCII.
    value: str = Field(min_length=1, max_length=64)


class React(Frozen):
    """Put the bot's one emoji on a message, in place of the one before; None takes it away.

    Where a platform has no such emoji it may show the label in other ways, with buttons whose values are
    `Agree(label_id)` and `More()` of `buttons`.
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
    """Say something in a chat. `progress` (0 to 1) asks for a bar where the platform can draw one.

    `to`: the id of the one person whom it is for, and who alone sees it where the platform can do that; None: all.
    `asker`: who asked for what is said to all, and hears of it where it can't be said.
    """

    kind: Literal["post"] = "post"
    chat: ChatRef
    text: Text
    choices: tuple[Choice, ...] = ()
    reply_to: str | None = None
    progress: float | None = None
    to: Text | None = None
    asker: Text | None = None


def answer_to(command: Command, text: str, choices: tuple[Choice, ...] = ()) -> Post:
    """What whoever typed a command is told, and nobody else."""
    to = command.caller.id
    return Post(chat=command.chat, text=text, choices=choices, reply_to=command.thread, to=to)


class EditPost(Frozen):
    """Replace what an earlier `Post` says. `post` is the outbox key of that post."""

    kind: Literal["edit_post"] = "edit_post"
    chat: ChatRef
    post: str
    text: Text
    choices: tuple[Choice, ...] = ()
    progress: float | None = None


class Document(Frozen):
    """Hand over a text file, such as an export. `to`: the id of the person who gets it, in private; else the chat."""

    kind: Literal["document"] = "document"
    chat: ChatRef
    filename: str
    content: Text
    text: Text = ""
    reply_to: str | None = None
    to: Text | None = None


class Picture(Frozen):
    """Show a picture (PNG), such as a chart. `alt` says in words what is on it; `to` as in `Post`."""

    # Replies wait in the outbox as JSON, which has no bytes.
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    kind: Literal["picture"] = "picture"
    chat: ChatRef
    filename: str
    content: bytes
    alt: Text
    text: Text = ""
    reply_to: str | None = None
    to: Text | None = None


class TakeBack(Frozen):
    """Take away what was said to one person where others see it, too: it has been read by now.

    `post` is the outbox key of the post or picture. Queued by the outbox itself once that is sent.
    """

    kind: Literal["take_back"] = "take_back"
    chat: ChatRef
    post: str


class CheckAdmin(Frozen):
    """Ask the platform whether the person behind this event is an admin; the event then comes in again."""

    kind: Literal["check_admin"] = "check_admin"
    event: Command | Button

    @property
    def chat(self) -> ChatRef:
        return chat_of(self.event)


Reply = Annotated[React | Post | EditPost | Document | Picture | TakeBack | CheckAdmin, Field(discriminator="kind")]

REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)

_ALONE = "only:"
"""Prefix of the id of a message that one person sees."""


def alone_id(person: str, message_id: str) -> str:
    """The id, and so the handle, of a message that only this person sees, and which others may share with it."""
    return f"{_ALONE}{person}:{message_id}"


def alone(message_id: str | None) -> tuple[str, str] | None:
    """The person who sees this message and its id on the platform; None for one that all see."""
    if message_id is None or not message_id.startswith(_ALONE):
        return None
    person, _, shown = message_id.removeprefix(_ALONE).rpartition(":")
    return person, shown

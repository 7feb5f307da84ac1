"""What the page asks for, checked, and turned into our events."""

from __future__ import annotations

import json
import unicodedata
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from workers.core.emoji import neutral
from workers.core.errors import BackchannelError
from workers.core.events import (
    Button,
    ChatRef,
    Command,
    Delete,
    Edit,
    Event,
    Frozen,
    Message,
    MessageRef,
    Person,
    Reaction,
    Text,
    storable_text,
)

RIGHTS: dict[str, Any] = {"admin": True, "operator": True}
TEXT_LIMIT = 200_000
"""Characters in one message; more is refused with a sentence."""


class PageError(BackchannelError):
    """The page asked for something that makes no sense; `code` lets the page say so in its own language."""

    def __init__(self, code: str, why: str, action: str = "") -> None:
        super().__init__(why)
        self.code = code
        self.action = action


def one_line(name: object) -> object:
    """A name as people read it: one line, no control characters, at most 40 characters."""
    if not isinstance(name, str):
        return name
    # NFC: the name is who one is, and two spellings of it look alike.
    bare = "".join(c for c in unicodedata.normalize("NFC", str(storable_text(name))) if c.isprintable() or c.isspace())
    return " ".join(bare.split())[:40].strip() or "Guest"


Name = Annotated[str, BeforeValidator(one_line)]
Id = Annotated[str, Field(pattern=r"^[\w:.-]{1,120}$")]


class ActionBase(Frozen):
    """Something that a person did on the page. `id` is the page's: sent again, it is the same action."""

    id: str = Field(pattern=r"^[0-9a-z]{8,12}-[0-9a-z]{6,24}$")
    name: Name

    @property
    def person(self) -> Person:
        """On this platform you are the name that you choose."""
        return Person(id=self.name, name=self.name)


class Say(ActionBase):
    """Write a message."""

    kind: Literal["say"]
    text: Text
    reply_to: Id | None = None


class Revise(ActionBase):
    """Change the text of one's own message."""

    kind: Literal["edit"]
    message_id: Id
    text: Text


class Remove(ActionBase):
    """Delete one's own message."""

    kind: Literal["delete"]
    message_id: Id


class Mark(ActionBase):
    """Put an emoji on a message, or take it away."""

    kind: Literal["react"]
    message_id: Id
    emoji: Text = Field(min_length=1, max_length=64)
    added: bool


class Press(ActionBase):
    """Press a button under one of the bot's posts."""

    kind: Literal["press"]
    message_id: Id
    value: str = Field(min_length=1, max_length=64)


class Run(ActionBase):
    """Type a verb and its arguments, without the slash."""

    kind: Literal["run"]
    text: Text
    reply_to: Id | None = None


Action = Annotated[Say | Revise | Remove | Mark | Press | Run, Field(discriminator="kind")]
ACTION: TypeAdapter[Action] = TypeAdapter(Action)


def read_action(frame: str) -> Action:
    """One frame from the page. Raises `PageError` for what is malformed, empty or too long."""
    raw: object = None
    try:
        # not validate_json: it refuses the lone surrogates that a browser may well send
        raw = json.loads(frame)
        action = ACTION.validate_python(raw)
    except (ValueError, RecursionError, ValidationError) as error:
        raise PageError("malformed", "The page sent something that makes no sense; reload it.", id_in(raw)) from error
    text = getattr(action, "text", "-")
    if not text.strip():
        raise PageError("empty", "There is nothing in this message; write something first.", action.id)
    if len(text) > TEXT_LIMIT:
        raise PageError("too_long", f"A message may have {TEXT_LIMIT} characters; split it.", action.id)
    return action


def id_in(raw: object) -> str:
    """The action's id, if a malformed frame has at least that, so that the page knows which action it was."""
    action_id = raw.get("id") if isinstance(raw, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return action_id[:64] if isinstance(action_id, str) else ""


def ref_of(chat: ChatRef, message_id: str) -> MessageRef:
    """The message of this id in a chat."""
    return MessageRef(**chat.model_dump(), message_id=message_id)


def key_of(action: Action) -> str:
    """The key of the event that an action becomes."""
    return f"web:{action.id}"


def event_of(action: Action, chat: ChatRef, at: float, written: float | None = None) -> Event:
    """The event that an action means. Its key holds the action's id, so a second delivery is recognised.

    `written`: when the message was written that it changes.

    Whoever can open the page runs this bot (it is loopback or has a password), so their rights are known at once.
    A new message takes the action's id, which begins with the time: the same message even after a restart.
    """
    key, person = key_of(action), action.person
    ref = partial(ref_of, chat)
    match action:
        case Say():
            return Message(
                key=key, at=at, ref=ref(action.id), author=person, text=action.text, reply_to=action.reply_to
            )
        case Revise():
            about = ref(action.message_id)
            return Edit(key=key, at=at, ref=about, text=action.text, author=person, written=written)
        case Remove():
            return Delete(key=key, at=at, ref=ref(action.message_id))
        case Mark():
            emoji = neutral(action.emoji)
            return Reaction(
                key=key, at=at, ref=ref(action.message_id), annotator=person, emoji=emoji, added=action.added
            )
        case Press():
            return Button(key=key, at=at, ref=ref(action.message_id), presser=person, value=action.value, **RIGHTS)
        case Run():
            reply_to = ref(action.reply_to) if action.reply_to else None
            text = action.text.strip()
            return Command(key=key, at=at, chat=chat, caller=person, text=text, reply_to=reply_to, **RIGHTS)

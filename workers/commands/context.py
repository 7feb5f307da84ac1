"""One typed command on its way through: what a verb's function gets, and how it speaks."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from workers.core.command_table import Verb
from workers.core.events import Command, Person
from workers.core.i18n import say
from workers.core.replies import Choice, Post
from workers.store.chats import Chat


@dataclass(frozen=True, slots=True)
class Call:
    """`rest` is what was typed after the verb. `c` is the open transaction in which everything happens."""

    c: Connection
    command: Command
    chat: Chat
    verb: Verb
    rest: str
    now: float

    @property
    def caller(self) -> Person:
        return self.command.caller

    @property
    def language(self) -> str:
        return self.chat.language

    def text(self, key: str, **values: object) -> str:
        """A sentence in this chat's language."""
        return say(self.language, key, **values)

    def post(self, text: str, choices: tuple[Choice, ...] = (), progress: float | None = None) -> Post:
        """Say this in the chat where the command was typed."""
        thread = self.command.thread
        return Post(chat=self.command.chat, text=text, choices=choices, progress=progress, reply_to=thread)

    def say(self, key: str, **values: object) -> list[Post]:
        """One sentence as the whole answer."""
        return [self.post(self.text(key, **values))]

    def usage(self) -> list[Post]:
        """How to type this verb."""
        verb = self.verb
        help_ = verb.help(self.language)
        return self.say("usage", verb=verb.name, arguments=verb.arguments, help=help_[:1].lower() + help_[1:])

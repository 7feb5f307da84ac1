"""One command on its way through: what a verb's function gets, how it speaks, and what it decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from workers.core.command_table import Verb
from workers.core.events import Button, Command, Person
from workers.core.i18n import say
from workers.core.replies import Choice, Post, Reply, answer_to
from workers.store.chats import Chat

Write = Callable[[Connection], Sequence[Reply]]
"""Changes the store, in a short write transaction, and returns the replies."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, decided in a read transaction.

    `write` runs in the transaction that finishes the event. `ahead` runs before it, each part in a transaction of its
    own: a kill in between leaves the event unfinished, so each part must be safe to run again. What was read may have
    changed meanwhile: `write` checks what counts, and raises `database.Stale` to have the event read again.
    """

    write: Write
    ahead: Sequence[Callable[[Connection], None]] = ()


Answer = Sequence[Reply] | Plan
"""What a verb's function returns: its replies if it only reads, a plan if it writes."""


def number_in(text: str) -> int:
    """A row's number as people type it; 0, which no row has, for anything else."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def told(button: Button, text: str, choices: tuple[Choice, ...] = ()) -> Post:
    """A word to whoever pressed a button, and to nobody else."""
    return Post(chat=button.ref.chat, text=text, choices=choices, reply_to=button.thread, to=button.presser.id)


def reply_with(*replies: Reply) -> Plan:
    """The plan that changes nothing."""
    return Plan(lambda c: replies)


@dataclass(frozen=True, slots=True)
class Call:
    """`rest` is what was typed after the verb. `c` is a read transaction, closed before the plan's writes begin.

    `event` is the key of the event that is handled: of the command, or of the button that confirmed it.
    """

    c: Connection
    event: str
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

    def post(self, text: str, choices: tuple[Choice, ...] = ()) -> Post:
        """Say this to whoever asked, where the command was typed."""
        return answer_to(self.command, text, choices)

    def say(self, key: str, **values: object) -> list[Post]:
        """One sentence as the whole answer, to whoever asked."""
        return [self.post(self.text(key, **values))]

    def announce(self, text: str, choices: tuple[Choice, ...] = (), progress: float | None = None) -> Post:
        """Say this to all in the chat, since it concerns them, with who asked for it."""
        command, who = self.command, self.caller.name or self.caller.id
        by = "" if command.private else self.text("asked_by", name=who)
        return Post(
            chat=command.chat,
            text=text + by,
            choices=choices,
            reply_to=command.thread,
            progress=progress,
            asker=self.caller.id,
        )

    def tell_all(self, key: str, **values: object) -> list[Post]:
        """One sentence to all in the chat as the whole answer."""
        return [self.announce(self.text(key, **values))]

    def usage(self) -> list[Post]:
        """How to type this verb."""
        verb = self.verb
        help_ = verb.help(self.language)
        return self.say("usage", verb=verb.name, arguments=verb.arguments, help=help_[:1].lower() + help_[1:])

"""A small chat for tests: people do things, the `labels` queue's handler runs, and the outbox says what came of it."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

from workers.core.events import Button, ChatRef, Command, Event, Message, MessageRef, Person, Reaction, chat_of
from workers.core.replies import Reply
from workers.handlers.dispatch import handle, in_steps
from workers.store import inbox, messages, outbox
from workers.store.database import Database

CHAT = ChatRef(platform="web", workspace="local", chat_id="general")
ANA, BO, ADMIN = Person(id="ana", name="Ana"), Person(id="bo", name="Bo"), Person(id="root", name="Root")


def ref(message_id: str, chat: ChatRef = CHAT) -> MessageRef:
    return MessageRef(**chat.model_dump(), message_id=message_id)


@dataclass
class Chatroom:
    """Time is a counter, so that order is what the test says it is."""

    database: Database
    language: str = "en"
    clock: itertools.count[int] = field(default_factory=lambda: itertools.count(int(time.time())))

    def type(
        self, text: str, caller: Person = ADMIN, admin: bool | None = True, reply_to: str | None = None
    ) -> list[Reply]:
        """Type a command; the replies that it put into the outbox."""
        now = next(self.clock)
        target = ref(reply_to) if reply_to else None
        return self.happen(
            Command(key=f"c{now}", at=now, chat=CHAT, caller=caller, text=text, admin=admin, reply_to=target)
        )

    def says(self, text: str, **more: object) -> str:
        """The text of the first reply to a command."""
        return self.type(text, **more)[0].text  # type: ignore[union-attr, arg-type]

    def react(self, message_id: str, emoji: str, who: Person = ANA, added: bool = True) -> None:
        now = next(self.clock)
        self.happen(Reaction(key=f"r{now}", at=now, ref=ref(message_id), annotator=who, emoji=emoji, added=added))

    def press(
        self, value: str, who: Person = ADMIN, message_id: str = "post", admin: bool | None = None
    ) -> list[Reply]:
        now = next(self.clock)
        return self.happen(Button(key=f"b{now}", at=now, ref=ref(message_id), presser=who, value=value, admin=admin))

    def write(self, message_id: str, text: str, author: Person = ANA) -> int:
        """Store a message as the `classify` queue would, without a model."""
        now = next(self.clock)
        message = Message(key=f"m{now}", at=now, ref=ref(message_id), author=author, text=text)
        with self.database.write() as c:
            return messages.record(c, [message])[0].id

    def happen(self, event: Event) -> list[Reply]:
        """An event through the inbox, handled as the worker does."""
        now = next(self.clock)
        with self.database.write() as c:
            inbox.add(c, [event], now)
            claimed = inbox.claim(c, event.queue, 10, 30.0, "test", now)
        for step in in_steps(claimed):
            handle(self.database, step, self.language, now)
        with self.database.write() as c:
            sent = outbox.claim(c, chat_of(event).platform, 50, 30.0, "test", now)
            for outgoing in sent:
                outbox.sent(c, outgoing, f"bot-{outgoing.id}", now)
        return [outgoing.reply for outgoing in sent if outgoing.key.startswith((event.key, "introduction:"))]

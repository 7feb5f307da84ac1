"""What gives a person away in what others said: their words, their name, the refs of their messages."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from workers.contracts import (
    EVENT,
    REPLY,
    Button,
    CheckAdmin,
    Command,
    Document,
    Event,
    Message,
    Person,
    React,
    Reaction,
    Reply,
    chat_of,
)

QUOTED = 40
"""So many characters of a message, found in a post of ours, show that the post repeats it."""
TELLING = 8
"""A text shorter than this says nothing about where it comes from."""


class Quotes:
    """The beginnings of many messages, to be found in posts; the time that takes does not grow with their number."""

    def __init__(self, texts: Iterable[str]) -> None:
        """`texts`: messages on one line each. Those that say too little are left out."""
        starts = (text[:QUOTED].strip() for text in texts)
        self._quotes = {quote for quote in starts if len(quote) >= TELLING}
        self._lengths: dict[str, set[int]] = defaultdict(set)
        for quote in self._quotes:
            self._lengths[quote[:TELLING]].add(len(quote))

    def any_in(self, said: str) -> bool:
        """Whether one of them is part of this text, which is on one line, too."""
        return any(
            said[place : place + length] in self._quotes
            for place in range(len(said) - TELLING + 1 if self._quotes else 0)
            for length in self._lengths.get(said[place : place + TELLING], ())
        )


def naming(names: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these names, as whole words, in a text that is casefolded and on one line.

    ASCII: names in scripts that put no spaces between words are found between those words. Short numbers are no names.
    """
    telling = {flat(name).removeprefix("@").casefold() for name in names}
    telling = {name for name in telling if name and not (name.isdecimal() and len(name) < 5)}
    if not telling:
        return re.compile(r"(?!)")
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(telling)))})(?!\w)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Traces:
    """What gives a forgotten person away in a stored event or reply."""

    person: str
    where: tuple[str, str]
    refs: frozenset[str]
    posts: frozenset[str]
    quotes: Quotes
    names: re.Pattern[str]

    def in_stored_event(self, event: str) -> bool:
        """`in_event` for what stands in the inbox."""
        try:
            return self.in_event(EVENT.validate_json(event))
        except ValueError:
            return self._in_raw(event)

    def in_stored_reply(self, key: str, reply: str) -> bool:
        """Whether a reply under this key, as it stands in the outbox, repeats or names the person."""
        try:
            return self._in_reply(key, REPLY.validate_json(reply))
        except ValueError:
            return self._in_raw(reply)

    def in_event(self, event: Event) -> bool:
        """Whether an event comes from the person, or is about one of their messages."""
        chat = chat_of(event)
        if (chat.platform, chat.workspace) != self.where:
            return False
        by = _by(event)
        about = event.reply_to if isinstance(event, Command) else getattr(event, "ref", None)
        return (by is not None and by.id == self.person) or (about is not None and about.key in self.refs)

    def _in_raw(self, text: str) -> bool:
        """For what another release of this program wrote and this one cannot read."""
        return json.dumps(self.person, ensure_ascii=False) in text

    def in_words(self, text: str) -> bool:
        """Whether the person is named."""
        return self.names.search(flat(text).casefold()) is not None

    def _in_reply(self, key: str, reply: Reply) -> bool:
        if isinstance(reply, CheckAdmin):
            return self.in_event(reply.event)
        if isinstance(reply, React):
            return reply.ref.key in self.refs
        answered = getattr(reply, "reply_to", None)
        about = key in self.posts or getattr(reply, "post", None) in self.posts
        said = flat(f"{reply.text} {reply.content}" if isinstance(reply, Document) else reply.text)
        about = about or f"{reply.chat.key}/{answered}" in self.refs
        return about or self.in_words(said) or self.quotes.any_in(said)


def _by(event: Event) -> Person | None:
    if isinstance(event, Message):
        return event.author
    if isinstance(event, Reaction):
        return event.annotator
    if isinstance(event, Button):
        return event.presser
    return event.caller if isinstance(event, Command) else None


def flat(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())

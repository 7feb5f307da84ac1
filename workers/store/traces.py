"""What gives a forgotten person away in a copy: their id, refs, the beginnings of their texts, and their name."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from workers.core.events import EVENT, Button, Command, Event, Message, Person, Reaction, chat_of
from workers.core.replies import REPLY, CheckAdmin, Document, React, Reply, TakeBack
from workers.store.messages import former_texts
from workers.store.sql import AnyRow, chunks
from workers.store.tables import ledger, messages, questions


@dataclass(frozen=True, slots=True)
class Traces:
    """What gives a forgotten person away in a stored event or reply. `where`: platform and workspace."""

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

    def in_event(self, event: Event) -> bool:
        """Whether an event comes from the person, or is about one of their messages."""
        chat = chat_of(event)
        if (chat.platform, chat.workspace) != self.where:
            return False
        actor = _actor(event)
        about = event.reply_to if isinstance(event, Command) else getattr(event, "ref", None)
        return (actor is not None and actor.id == self.person) or (about is not None and about.key in self.refs)

    def in_stored_reply(self, key: str, reply: str) -> bool:
        """Whether a reply under this key, as it stands in the outbox, repeats or names the person."""
        try:
            return self._in_reply(key, REPLY.validate_json(reply))
        except ValueError:
            return self._in_raw(reply)

    def _in_reply(self, key: str, reply: Reply) -> bool:
        if isinstance(reply, CheckAdmin):
            return self.in_event(reply.event)
        if isinstance(reply, React):
            return reply.ref.key in self.refs
        about = key in self.posts or getattr(reply, "post", None) in self.posts
        about = about or f"{reply.chat.key}/{getattr(reply, 'reply_to', None)}" in self.refs
        about = about or self.person in (getattr(reply, "to", None), getattr(reply, "asker", None))
        if isinstance(reply, TakeBack):
            return about
        text = _on_one_line(f"{reply.text} {reply.content}" if isinstance(reply, Document) else reply.text)
        return about or self.in_words(text) or self.quotes.any_in(text)

    def in_words(self, text: str) -> bool:
        """Whether the person is named."""
        return self.names.search(_on_one_line(text).casefold()) is not None

    def _in_raw(self, text: str) -> bool:
        """For what another release of this program wrote and this one cannot read."""
        return json.dumps(self.person, ensure_ascii=False) in text


def traces_of(c: Connection, person: str, where: tuple[str, str], rows: Sequence[AnyRow]) -> Traces:
    """`rows`: the person's messages with id, ref and text."""
    posts: set[str] = set()
    ids = [row.id for row in rows]
    for piece in chunks(ids):
        posts.update(c.execute(select(questions.c.post).where(questions.c.message.in_(piece))).scalars())
    refs = frozenset(row.ref for row in rows)
    former = (revision.text for texts in former_texts(c, ids).values() for revision in texts)
    quotes = Quotes(_on_one_line(text) for text in (*(row.text or "" for row in rows), *former))
    return Traces(person, where, refs, frozenset(posts), quotes, names_pattern({person, *_names(c, person, where)}))


def _names(c: Connection, person: str, where: tuple[str, str]) -> set[str]:
    """All that this person was ever called in a workspace."""
    return {
        name
        for table, role in ((messages, "author"), (ledger, "annotator"))
        for name in c.execute(
            select(table.c[f"{role}_name"])
            .where(table.c.platform == where[0], table.c.workspace == where[1], table.c[f"{role}_id"] == person)
            .distinct()
        ).scalars()
    }


def names_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Matches any of these names, as whole words, in a text that is casefolded and on one line.

    ASCII: names in scripts that put no spaces between words are found between those words. Short numbers are no names.
    """
    folded = {_on_one_line(name).removeprefix("@").casefold() for name in names}
    folded = {name for name in folded if name and not (name.isdecimal() and len(name) < 5)}
    if not folded:
        # No names: a pattern that matches nowhere.
        return re.compile(r"(?!)")
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(folded)))})(?!\w)", re.ASCII)


class Quotes:
    """The beginnings of many messages, to be found in posts; the time that takes does not grow with their number."""

    LONGEST = 40
    """So many characters of a message, found in a post of ours, show that the post repeats it."""
    SHORTEST = 8
    """A text shorter than this says nothing about where it comes from."""

    def __init__(self, texts: Iterable[str]) -> None:
        """`texts`: messages on one line each. Those that are too short are left out."""
        starts = (text[: self.LONGEST].strip() for text in texts)
        self._quotes = {quote for quote in starts if len(quote) >= self.SHORTEST}
        self._lengths: dict[str, set[int]] = defaultdict(set)
        for quote in self._quotes:
            self._lengths[quote[: self.SHORTEST]].add(len(quote))

    def any_in(self, text: str) -> bool:
        """Whether one of them is part of this text, which is on one line, too."""
        return any(
            text[start : start + length] in self._quotes
            for start in range(len(text) - self.SHORTEST + 1 if self._quotes else 0)
            for length in self._lengths.get(text[start : start + self.SHORTEST], ())
        )


def _actor(event: Event) -> Person | None:
    """Who did it."""
    if isinstance(event, Message):
        return event.author
    if isinstance(event, Reaction):
        return event.annotator
    if isinstance(event, Button):
        return event.presser
    return event.caller if isinstance(event, Command) else None


def _on_one_line(text: str) -> str:
    return " ".join(text.split())

"""Forgetting a person: what they wrote, what they said about others' messages, and every copy of either."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, select, union, update

from workers.core.events import EVENT, Button, ChatRef, Command, Event, Message, Person, Reaction, chat_of
from workers.core.jobs import JobRequest
from workers.core.replies import REPLY, CheckAdmin, Document, React, Reply
from workers.store.counters import bump, chunks
from workers.store.ledger import derive_again
from workers.store.locks import exclusive
from workers.store.revisions import of
from workers.store.tables import (
    INBOX_FAILED,
    INBOX_LIVE,
    audit,
    chats,
    confirmations,
    inbox,
    jobs,
    ledger,
    message_labels,
    messages,
    outbox,
    predictions,
    questions,
    revisions,
    vectors,
)

QUOTED = 40
"""So many characters of a message, found in a post of ours, show that the post repeats it."""
TELLING = 8
"""A text shorter than this says nothing about where it comes from."""


def _named(people: Sequence[Person], name: str) -> list[Person]:
    """Those with this id; if there is none, those with this name."""
    wanted = name.strip().removeprefix("@").casefold()
    same_id = [person for person in people if person.id and person.id == name.strip().removeprefix("@")]
    return same_id or [person for person in people if person.name.removeprefix("@").casefold() == wanted and wanted]


def _known(c: Connection, **where: str) -> list[Person]:
    """Authors and annotators, each as often as they had another name."""
    both = [(messages, "author"), (ledger, "annotator")]
    parts = [
        select(table.c[f"{role}_id"].label("id"), table.c[f"{role}_name"].label("name"))
        .where(*(table.c[column] == value for column, value in where.items()))
        .where(table.c[f"{role}_id"] != "")
        for table, role in both
    ]
    return [Person(id=id, name=name) for id, name in c.execute(union(*parts).order_by("id", "name"))]


def people(c: Connection, chat: ChatRef, name: str) -> list[Person]:
    """Authors and annotators of a chat with this id, or else this name, whatever its case and with or without @."""
    return list({person.id: person for person in _named(_known(c, chat=chat.key), name)}.values())


def forget(c: Connection, person_id: str, platform: str, workspace: str) -> int:
    """Remove all that a person wrote, annotated or asked for in a workspace, every copy of it, and their name.

    Their messages become tombstones without an author, so that nothing which arrives late brings them back.
    Returns the number of messages. The counter `forgotten` says that `Database.scrub` has something to do.
    """
    exclusive(c, "labels")
    wrote = [messages.c.platform == platform, messages.c.workspace == workspace, messages.c.author_id == person_id]
    rows = c.execute(select(messages.c.id, messages.c.ref, messages.c.text).where(*wrote)).all()
    traces = _traces(c, person_id, (platform, workspace), rows)
    _forget_ledger(c, traces)
    _forget_messages(c, [row.id for row in rows])
    _forget_events(c, traces)
    _forget_replies(c, traces)
    _forget_requests(c, traces)
    _forget_deeds(c, traces)
    bump(c, "forgotten")
    bump(c, "labels")
    return len(rows)


def _traces(c: Connection, person: str, where: tuple[str, str], rows: Sequence[Any]) -> Traces:
    posts: set[str] = set()
    for piece in chunks([row.id for row in rows]):
        posts.update(c.execute(select(questions.c.post).where(questions.c.message.in_(piece))).scalars())
    refs = frozenset(row.ref for row in rows)
    former = (one.text for every in of(c, [row.id for row in rows]).values() for one in every)
    quotes = Quotes(flat(text) for text in (*(row.text or "" for row in rows), *former))
    return Traces(person, where, refs, frozenset(posts), quotes, naming({person, *_names(c, person, where)}))


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


def _forget_ledger(c: Connection, traces: Traces) -> None:
    here = (ledger.c.platform == traces.where[0]) & (ledger.c.workspace == traces.where[1])
    own = delete(ledger).where(here, ledger.c.annotator_id == traces.person).returning(ledger.c.ref)
    derive_again(c, set(c.execute(own).scalars()) - traces.refs, 0.0)
    for piece in chunks(sorted(traces.refs)):
        c.execute(delete(ledger).where(ledger.c.ref.in_(piece)))
        c.execute(delete(message_labels).where(message_labels.c.ref.in_(piece)))


def _forget_messages(c: Connection, ids: Sequence[int]) -> None:
    empty = {"text": None, "author_id": "", "author_name": "", "deleted": True, "reply_to": None}
    of_message: list[Table] = [vectors, predictions, questions, revisions]
    for piece in chunks(ids):
        c.execute(update(messages).where(messages.c.id.in_(piece)).values(empty))
        for table in of_message:
            c.execute(delete(table).where(table.c.message.in_(piece)))


def _forget_events(c: Connection, traces: Traces) -> None:
    """Waiting and failed events; a worker that has one in its hands loses the claim and rolls back."""
    kept = inbox.c.event.is_not(None)
    rows = [
        row
        for state in (INBOX_LIVE, INBOX_FAILED)
        for row in c.execute(select(inbox.c.id, inbox.c.event).where(state, kept))
    ]
    gone = [row.id for row in rows if traces.in_stored_event(row.event)]
    for piece in chunks(gone):
        c.execute(update(inbox).where(inbox.c.id.in_(piece)).values(state="done", event=None, error=None))


def _forget_replies(c: Connection, traces: Traces) -> None:
    here = outbox.c.chat.startswith(f"{traces.where[0]}/{traces.where[1]}/", autoescape=True)
    columns = (outbox.c.id, outbox.c.key, outbox.c.kind, outbox.c.subject, outbox.c.reply)
    rows = c.execute(select(*columns).where(here, outbox.c.reply.is_not(None))).all()
    gone = {row.id: row for row in rows if traces.in_stored_reply(row.key, row.reply)}
    # A post whose edit is gone would show again as it was before, with its buttons: all of it goes.
    posts = {row.subject for row in gone.values() if row.kind == "edit_post"}
    gone.update({row.id: row for row in rows if row.key in posts or (row.kind == "edit_post" and row.subject in posts)})
    unsent = outbox.c.state.in_(("pending", "claimed"))
    for piece in chunks(sorted(gone)):
        these = outbox.c.id.in_(piece)
        c.execute(update(outbox).where(these & unsent).values(state="superseded", claimed_by=None, lease_until=None))
        c.execute(update(outbox).where(these).values(reply=None, error=None))


def _forget_requests(c: Connection, traces: Traces) -> None:
    """Held commands go; jobs keep what is done, not who asked for it."""
    for row in c.execute(select(confirmations)).all():
        command = Command.model_validate_json(row.command)
        here = (command.chat.platform, command.chat.workspace) == traces.where
        if traces.in_event(command) or (here and traces.in_words(command.text)):
            c.execute(delete(confirmations).where(confirmations.c.id == row.id))
    for row in c.execute(select(jobs.c.id, jobs.c.request)).all():
        request = JobRequest.model_validate_json(row.request)
        asked = (request.chat.platform, request.chat.workspace) == traces.where
        if asked and request.requested_by.id == traces.person:
            nobody = request.model_copy(update={"requested_by": Person(id="")}).model_dump_json()
            c.execute(update(jobs).where(jobs.c.id == row.id).values(request=nobody))


def _forget_deeds(c: Connection, traces: Traces) -> None:
    """The audit and the chats keep what was done, neither by whom nor to whom."""
    audited, enabled = (
        (table.c.platform == traces.where[0]) & (table.c.workspace == traces.where[1]) for table in (audit, chats)
    )
    told = c.execute(select(audit.c.id, audit.c.arguments).where(audited, audit.c.arguments != ""))
    for piece in chunks([row.id for row in told if traces.in_words(row.arguments)]):
        c.execute(update(audit).where(audit.c.id.in_(piece)).values(arguments=""))
    own = update(audit).where(audited, audit.c.actor_id == traces.person)
    c.execute(own.values(actor_id="", actor_name="", arguments=""))
    c.execute(update(chats).where(enabled, chats.c.enabled_by == traces.person).values(enabled_by=""))


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

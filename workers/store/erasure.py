"""Forgetting a person: what they wrote, what they said about others' messages, and every copy of either.

The rows that are theirs are found by their id. Copies are found by looking into each stored event, reply and command
for traces: a ref of one of their messages, the beginning of one of their texts, or their name. What is kept of others
(votes, jobs, the audit) keeps what was done and loses who did it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, union, update

from workers.core.events import EVENT, Button, ChatRef, Command, Event, Message, Person, Reaction, chat_of
from workers.core.jobs import JobRequest
from workers.core.replies import REPLY, CheckAdmin, Document, React, Reply
from workers.store.counters import REWRITTEN, bump
from workers.store.ledger import derive_again
from workers.store.messages import former_texts
from workers.store.sql import AnyRow, advisory_lock, chunks
from workers.store.tables import (
    INBOX_FAILED,
    INBOX_LIVE,
    OUTBOX_EDITS,
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

PIECE = 50
"""Rows that are erased in one transaction."""
LOOKED_INTO = (inbox, confirmations, outbox, audit, jobs)

# ── whom a name means ───────────────────────────────────────────────────────────────────────────────


def people(c: Connection, chat: ChatRef, name: str) -> list[Person]:
    """Authors and annotators of a chat with this id, or else this name, whatever its case and with or without @."""
    wanted = name.strip().removeprefix("@")
    candidates = _people_in(c, chat)
    same_id = [person for person in candidates if person.id == wanted]
    folded = wanted.casefold()
    same_name = [person for person in candidates if person.name.removeprefix("@").casefold() == folded and folded]
    return list({person.id: person for person in same_id or same_name}.values())


def _people_in(c: Connection, chat: ChatRef) -> list[Person]:
    """Authors and annotators, each as often as they had another name."""
    parts = [
        select(table.c[f"{role}_id"].label("id"), table.c[f"{role}_name"].label("name")).where(
            table.c.chat == chat.key, table.c[f"{role}_id"] != ""
        )
        for table, role in ((messages, "author"), (ledger, "annotator"))
    ]
    return [Person(id=id, name=name) for id, name in c.execute(union(*parts).order_by("id", "name"))]


# ── what goes ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Findings:
    """What is stored of a person, found by reading: numbers of rows, and refs of messages.

    `refs` are of messages that they wrote, `voted` of those that they labelled. `newest`: the last row by then of each
    table whose rows have to be looked into.
    """

    traces: tuple[Traces, ...]
    messages: Sequence[int]
    refs: Sequence[str]
    voted: Sequence[str]
    events: Sequence[int]
    held: Sequence[int]
    replies: Sequence[int]
    audited: Sequence[int]
    requests: Sequence[int]
    newest: Mapping[str, int]


def find(
    c: Connection,
    person_id: str,
    platform: str,
    workspace: str,
    before: Findings | None = None,
    besides: Collection[str] = (),
) -> Findings:
    """All that is stored of a person in a workspace. `before`: found earlier; only what is newer is looked into.

    `besides`: keys of the events that ask for this, which are still needed to go on after a kill.
    """
    author = [messages.c.platform == platform, messages.c.workspace == workspace, messages.c.author_id == person_id]
    rows = c.execute(select(messages.c.id, messages.c.ref, messages.c.text).where(*author)).all()
    where = (platform, workspace)
    traces = (*(before.traces if before else ()), _traces(c, person_id, where, rows))
    seen: Mapping[str, int] = before.newest if before else {}
    annotator = [ledger.c.platform == platform, ledger.c.workspace == workspace, ledger.c.annotator_id == person_id]
    return Findings(
        traces=traces,
        messages=[row.id for row in rows],
        refs=[row.ref for row in rows],
        voted=c.execute(select(ledger.c.ref).where(*annotator).distinct()).scalars().all(),
        events=_find_events(c, traces, seen, besides),
        held=_find_held(c, traces, where, seen, besides),
        replies=_find_replies(c, traces, where, seen),
        audited=_find_audited(c, traces, where, seen),
        requests=_find_requests(c, person_id, where, seen),
        newest={table.name: c.execute(select(func.max(table.c.id))).scalar() or 0 for table in LOOKED_INTO},
    )


def parts(findings: Findings) -> list[Callable[[Connection], None]]:
    """Erases what may be much, in parts for transactions of their own, which may be run again. `forget` comes after.

    Messages and names go last: copies are known by them, and whoever begins again must still find the rest.
    """
    person, where = findings.traces[-1].person, findings.traces[-1].where
    return [
        *(_part(_erase_events, piece) for piece in chunks(findings.events, PIECE)),
        *(_part(_erase_held, piece) for piece in chunks(findings.held, PIECE)),
        *(_part(_erase_arguments, piece) for piece in chunks(findings.audited, PIECE)),
        *(_part(_erase_requests, piece) for piece in chunks(findings.requests, PIECE)),
        *(_part(_erase_replies, piece) for piece in chunks(findings.replies, PIECE)),
        *(_part(partial(_erase_votes, person, where), piece) for piece in chunks(findings.voted, PIECE)),
        *(_part(_erase_labels, piece) for piece in chunks(findings.refs, PIECE)),
        *(_part(_erase_messages, piece) for piece in chunks(findings.messages, PIECE)),
    ]


def forget(c: Connection, person_id: str, platform: str, workspace: str, begun: Findings | None = None) -> int:
    """Remove all that a person wrote, annotated or asked for in a workspace, every copy of it, and their name.

    `begun`: what was found before and erased by `parts`; what came in since goes now. Their messages become tombstones
    without an author, so that nothing which arrives late brings them back. Returns the number of messages. The
    counter `forgotten` says that `Database.scrub` has something to do.
    """
    advisory_lock(c, "labels")
    rest = find(c, person_id, platform, workspace, begun)
    for part in parts(rest):
        part(c)
    _erase_deeds(c, person_id, (platform, workspace))
    bump(c, "forgotten")
    bump(c, REWRITTEN)
    bump(c, "labels")
    return len(rest.messages) + (len(begun.messages) if begun else 0)


def _find_events(
    c: Connection, traces: Sequence[Traces], seen: Mapping[str, int], besides: Collection[str]
) -> list[int]:
    """Waiting and failed events."""
    kept = inbox.c.event.is_not(None) & (inbox.c.id > seen.get(inbox.name, 0)) & inbox.c.key.not_in(besides)
    rows = [
        row
        for state in (INBOX_LIVE, INBOX_FAILED)
        for row in c.execute(select(inbox.c.id, inbox.c.event).where(state, kept))
    ]
    return [row.id for row in rows if any(trace.in_stored_event(row.event) for trace in traces)]


def _find_held(
    c: Connection,
    traces: Sequence[Traces],
    where: tuple[str, str],
    seen: Mapping[str, int],
    besides: Collection[str],
) -> list[int]:
    """Held commands that come from them or name them."""
    rows = c.execute(select(confirmations).where(confirmations.c.id > seen.get(confirmations.name, 0)))
    commands = {row.id: Command.model_validate_json(row.command) for row in rows}
    return [
        id
        for id, command in commands.items()
        if command.key not in besides
        and (command.chat.platform, command.chat.workspace) == where
        and any(trace.in_event(command) or trace.in_words(command.text) for trace in traces)
    ]


def _find_replies(
    c: Connection, traces: Sequence[Traces], where: tuple[str, str], seen: Mapping[str, int]
) -> list[int]:
    here = outbox.c.chat.startswith(f"{where[0]}/{where[1]}/", autoescape=True)
    kept = outbox.c.reply.is_not(None) & (outbox.c.id > seen.get(outbox.name, 0))
    columns = (outbox.c.id, outbox.c.key, outbox.c.kind, outbox.c.subject, outbox.c.reply)
    rows = c.execute(select(*columns).where(here, kept)).all()
    gone = [row for row in rows if any(trace.in_stored_reply(row.key, row.reply) for trace in traces)]
    ids = {row.id for row in gone}
    # A post whose edit is gone would show again as it was before, with its buttons: all of it goes.
    for piece in chunks(sorted({row.subject for row in gone if row.kind == "edit_post"})):
        ids.update(c.execute(select(outbox.c.id).where(outbox.c.key.in_(piece))).scalars())
        ids.update(c.execute(select(outbox.c.id).where(OUTBOX_EDITS, outbox.c.subject.in_(piece))).scalars())
    return sorted(ids)


def _find_audited(
    c: Connection, traces: Sequence[Traces], where: tuple[str, str], seen: Mapping[str, int]
) -> list[int]:
    """Lines of the audit whose arguments name them."""
    here = (audit.c.platform == where[0]) & (audit.c.workspace == where[1]) & (audit.c.arguments != "")
    lines = c.execute(select(audit.c.id, audit.c.arguments).where(here, audit.c.id > seen.get(audit.name, 0)))
    return [line.id for line in lines if any(trace.in_words(line.arguments) for trace in traces)]


def _find_requests(c: Connection, person: str, where: tuple[str, str], seen: Mapping[str, int]) -> list[int]:
    """Jobs that they asked for."""
    rows = c.execute(select(jobs.c.id, jobs.c.request).where(jobs.c.id > seen.get(jobs.name, 0)))
    requests = {row.id: JobRequest.model_validate_json(row.request) for row in rows}
    return [
        id
        for id, request in requests.items()
        if (request.chat.platform, request.chat.workspace) == where and request.requested_by.id == person
    ]


def _part(erase: Callable[[Connection, Sequence[Any]], None], piece: Sequence[Any]) -> Callable[[Connection], None]:
    def part(c: Connection) -> None:
        advisory_lock(c, "labels")
        erase(c, piece)
        bump(c, REWRITTEN)

    return part


def _erase_replies(c: Connection, ids: Sequence[int]) -> None:
    these, unsent = outbox.c.id.in_(ids), outbox.c.state.in_(("pending", "claimed"))
    c.execute(update(outbox).where(these & unsent).values(state="superseded", claimed_by=None, lease_until=None))
    c.execute(update(outbox).where(these).values(reply=None, error=None))


def _erase_votes(person: str, where: tuple[str, str], c: Connection, refs: Sequence[str]) -> None:
    """Their votes for these messages."""
    here = (ledger.c.platform == where[0]) & (ledger.c.workspace == where[1])
    c.execute(delete(ledger).where(here, ledger.c.annotator_id == person, ledger.c.ref.in_(refs)))
    derive_again(c, refs, 0.0)


def _erase_labels(c: Connection, refs: Sequence[str]) -> None:
    """Everybody's votes for these messages."""
    c.execute(delete(ledger).where(ledger.c.ref.in_(refs)))
    c.execute(delete(message_labels).where(message_labels.c.ref.in_(refs)))


def _erase_messages(c: Connection, ids: Sequence[int]) -> None:
    empty = {"text": None, "author_id": "", "author_name": "", "deleted": True, "reply_to": None}
    of_message: list[Table] = [vectors, predictions, questions, revisions]
    c.execute(update(messages).where(messages.c.id.in_(ids)).values(empty))
    for table in of_message:
        c.execute(delete(table).where(table.c.message.in_(ids)))


def _erase_events(c: Connection, ids: Sequence[int]) -> None:
    """A worker that has claimed one loses the claim and rolls back."""
    for state in (INBOX_LIVE, INBOX_FAILED):
        c.execute(update(inbox).where(state, inbox.c.id.in_(ids)).values(state="done", event=None, error=None))


def _erase_held(c: Connection, ids: Sequence[int]) -> None:
    c.execute(delete(confirmations).where(confirmations.c.id.in_(ids)))


def _erase_arguments(c: Connection, ids: Sequence[int]) -> None:
    c.execute(update(audit).where(audit.c.id.in_(ids)).values(arguments=""))


def _erase_requests(c: Connection, ids: Sequence[int]) -> None:
    """Jobs keep what is done, not who asked for it."""
    for row in c.execute(select(jobs.c.id, jobs.c.request).where(jobs.c.id.in_(ids))).all():
        request = JobRequest.model_validate_json(row.request).model_copy(update={"requested_by": Person(id="")})
        c.execute(update(jobs).where(jobs.c.id == row.id).values(request=request.model_dump_json()))


def _erase_deeds(c: Connection, person: str, where: tuple[str, str]) -> None:
    """The audit and the chats keep what was done, not by whom."""
    audited, enabled = ((table.c.platform == where[0]) & (table.c.workspace == where[1]) for table in (audit, chats))
    by_them = update(audit).where(audited, audit.c.actor_id == person)
    c.execute(by_them.values(actor_id="", actor_name="", arguments=""))
    c.execute(update(chats).where(enabled, chats.c.enabled_by == person).values(enabled_by=""))


# ── what gives them away in a copy ──────────────────────────────────────────────────────────────────


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
        text = _on_one_line(f"{reply.text} {reply.content}" if isinstance(reply, Document) else reply.text)
        return about or self.in_words(text) or self.quotes.any_in(text)

    def in_words(self, text: str) -> bool:
        """Whether the person is named."""
        return self.names.search(_on_one_line(text).casefold()) is not None

    def _in_raw(self, text: str) -> bool:
        """For what another release of this program wrote and this one cannot read."""
        return json.dumps(self.person, ensure_ascii=False) in text


def _traces(c: Connection, person: str, where: tuple[str, str], rows: Sequence[AnyRow]) -> Traces:
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

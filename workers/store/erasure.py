"""Forgetting a person: what they wrote, what they said about others' messages, and every copy of either.

The rows that are theirs are found by their id. Copies are found by looking into each stored event, reply and command
for traces: a ref of one of their messages, the beginning of one of their texts, or their name. What is kept of others
(votes, jobs, the audit) keeps what was done and loses who did it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, union, update

from workers.core.events import ChatRef, Command, Person
from workers.store import served_heads
from workers.store.counters import REWRITTEN, bump
from workers.store.jobs import JobRequest
from workers.store.ledger import derive_again
from workers.store.sql import UNCLAIMED, advisory_lock, chunks
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
from workers.store.tallies import tallied
from workers.store.traces import Traces, traces_of

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
    # An empty name is nobody's, though a bare @ would match it.
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


# ── what is theirs ───────────────────────────────────────────────────────────────────────────────────────


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
    # The earlier ones, too: the messages that they were taken from may be erased by now.
    traces = (*(before.traces if before else ()), traces_of(c, person_id, where, rows))
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


def _find_events(
    c: Connection, traces: Sequence[Traces], seen: Mapping[str, int], besides: Collection[str]
) -> list[int]:
    """Waiting and failed events."""
    kept = inbox.c.event.is_not(None) & (inbox.c.id > seen.get(inbox.name, 0)) & inbox.c.key.not_in(besides)
    # A query for each state, because each has a partial index.
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


# ── how it goes ────────────────────────────────────────────────────────────────────────────────────


def forget(c: Connection, person_id: str, platform: str, workspace: str, begun: Findings | None = None) -> int:
    """Remove all that a person wrote, annotated or asked for in a workspace, every copy of it, and their name.

    `begun`: what was found before and erased by `parts`; what came in since goes now. Their messages become tombstones
    without an author, so that nothing which arrives late brings them back. Returns the number of messages. The
    counter `forgotten` says that `Database.scrub` has something to do.
    """
    # Whoever handles events takes the same lock, so nothing comes in behind the search.
    advisory_lock(c, "labels")
    rest = find(c, person_id, platform, workspace, begun)
    for part in parts(rest):
        part(c)
    _erase_deeds(c, person_id, (platform, workspace))
    served_heads.forget(c)
    bump(c, "forgotten")
    bump(c, REWRITTEN)
    bump(c, "labels")
    return len(rest.messages) + (len(begun.messages) if begun else 0)


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


def _part(erase: Callable[[Connection, Sequence[Any]], None], piece: Sequence[Any]) -> Callable[[Connection], None]:
    def part(c: Connection) -> None:
        advisory_lock(c, "labels")
        erase(c, piece)
        bump(c, REWRITTEN)

    return part


def _erase_replies(c: Connection, ids: Sequence[int]) -> None:
    these, unsent = outbox.c.id.in_(ids), outbox.c.state.in_(("pending", "claimed"))
    c.execute(update(outbox).where(these & unsent).values(state="superseded", **UNCLAIMED))
    c.execute(update(outbox).where(these).values(reply=None, error=None))


def _erase_votes(person: str, where: tuple[str, str], c: Connection, refs: Sequence[str]) -> None:
    """Their votes for these messages."""
    here = (ledger.c.platform == where[0]) & (ledger.c.workspace == where[1])
    c.execute(delete(ledger).where(here, ledger.c.annotator_id == person, ledger.c.ref.in_(refs)))
    derive_again(c, refs, 0.0)


def _erase_labels(c: Connection, refs: Sequence[str]) -> None:
    """Everybody's votes for these messages."""
    c.execute(delete(ledger).where(ledger.c.ref.in_(refs)))
    with tallied(c, messages.c.ref, refs):
        c.execute(delete(message_labels).where(message_labels.c.ref.in_(refs)))


def _erase_messages(c: Connection, ids: Sequence[int]) -> None:
    empty = {"text": None, "author_id": "", "author_name": "", "deleted": True, "reply_to": None}
    of_message: list[Table] = [vectors, predictions, questions, revisions]
    with tallied(c, messages.c.id, ids):
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

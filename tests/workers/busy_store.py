"""A store with many messages, all that people can type and press in it, and the write transactions that this takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from modeling.classifier.bundle_files import BACKBONE, HEAD, seal
from tests.workers.chatroom import ADMIN, CHAT, ref
from workers.core.buttons import Agree, CancelJob, Confirm, More
from workers.core.events import Button, Command, Event, Message, Person, Presence, Reaction
from workers.core.replies import REPLY, Choice, React
from workers.store import chats, inbox, jobs, labels, ledger, messages, outbox, predictions, questions, versions
from workers.store.database import Database
from workers.store.inbox import Claimed
from workers.store.ledger import LedgerRow
from workers.store.predictions import Prediction

PEOPLE = [Person(id=f"u{number}", name=f"Person {number}") for number in range(20)]
LABELS = {"bug": "🐞", "question": "❓", "idea": "💡", "praise": "🙏", "outage": "🔥", "invoice": "💳"}
EMOJI = (*LABELS.values(), "🚀")
"""Those of the labels, and one that means nothing yet."""
WORDS = "the page export login calendar invoice is blank slow broken why how since today please somebody look at it"
VECTOR = bytes(4 * 384)
NOW = 2e9
"""The time at which all of it happens."""

TYPED = {
    "help": "help",
    "here": "here",
    "mode": "mode suggest",
    "bots": "bots on",
    "stats": "stats",
    "export": "export",
    "export all": "export all",
    "labels": "labels",
    "labels add": "labels add launch 🚀 something new is out",
    "labels rename": "labels rename idea -> wish",
    "labels emoji": "labels emoji wish 🌈",
    "labels merge": "labels merge question -> wish",
    "labels remove": "labels remove outage",
    "label": "label bug",
    "ask": "ask 10",
    "retrain": "retrain",
    "retrain auto": "retrain auto off",
    "distill": "distill static",
    "pretrain": "pretrain",
    "tune": "tune 5",
    "evaluate": "evaluate",
    "jobs": "jobs",
    "cancel": "cancel",
    "models": "models",
    "promote": "promote 2",
    "rollback": "rollback",
    "forget": "forget u3",
    "leave": "leave",
}
"""For each verb what is typed, in an order in which all of them have something to do."""


RIGHTS: dict[str, Any] = {"admin": True, "operator": True}


@dataclass(slots=True)
class Write:
    """One write transaction: how many statements it ran, how many seconds it was open, and its thread's CPU time."""

    statements: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


Work = Callable[[Database, Sequence[Claimed]], None]
"""What the `labels` worker does with what it claimed."""
Guard = Callable[[], AbstractContextManager[None]]
"""Entered while a write transaction is open."""


def fill(database: Database, count: int, folder: Path, labelled: int = 10) -> None:
    """`count` messages of 20 people with predictions and vectors; of each ten `labelled` get a reaction or two."""
    with database.write() as c:
        chats.enable(c, CHAT, ADMIN, "en", 0.0)
        ids = [labels.add(c, name, f"about {name}", emoji, 0.0).id for name, emoji in LABELS.items()]
        versions.add_candidate(c, bundle(folder), "minilm", "", "frozen", {"accuracy": 0.9}, 1, None, 1.0)
    for start in range(0, count, 500):
        numbers = range(start, min(count, start + 500))
        with database.write() as c:
            stored = messages.record(c, [message(number) for number in numbers])
            rows = [prediction(item.id, ids[item.id % len(ids)]) for item in stored]
            predictions.record_predictions(c, rows)
            predictions.record_vectors(c, "fingerprint", [(item.id, 1, VECTOR) for item in stored])
            votes = [vote(number, extra) for number in numbers if number % 10 < labelled for extra in (0, 1)]
            ledger.append(c, votes, 1.0)


def message(number: int) -> Message:
    words = WORDS.split()
    text = " ".join([*(words[(number * (position + 3)) % len(words)] for position in range(12)), str(number)])
    return Message(key=f"m{number}", at=float(number), ref=ref(str(number)), author=author(number), text=text)


def author(number: int) -> Person:
    return PEOPLE[number * 7 % len(PEOPLE)]


def prediction(message: int, label: int) -> Prediction:
    guess: dict[str, Any] = {"guess": False, "shown": True, "probability": 0.8, "margin": 0.5}
    return Prediction(message=message, revision=1, version=1, head_revision=0, label=label, at=1.0, **guess)


def vote(number: int, extra: int) -> LedgerRow:
    who = PEOPLE[(number * 7 + 1 + extra) % len(PEOPLE)]
    emoji = EMOJI[(number // 10 + number + extra * (number % 3 == 0)) % len(EMOJI)]
    key = f"v{number}-{extra}"
    return LedgerRow(key, ref(str(number)), who, emoji, None, True, 1.0, 0, "reaction")


def bundle(folder: Path) -> str:
    """A bundle's folder whose hashes are right."""
    (folder / BACKBONE).mkdir(parents=True)
    (folder / HEAD).write_bytes(bytes(1000))
    (folder / BACKBONE / "model.safetensors").write_bytes(bytes(20_000_000))
    seal(folder, {"labels": ["bug", "idea"]})
    return str(folder)


@contextmanager
def watched(database: Database, guard: Guard = nullcontext) -> Generator[list[Write]]:
    """The write transactions that are made inside, one after another."""
    writes: list[Write] = []
    original = database.write

    @contextmanager
    def write() -> Generator[Connection]:
        here = Write()
        with original() as c:
            writes.append(here)
            began, began_cpu = time.perf_counter(), time.thread_time()
            event.listen(c, "before_cursor_execute", lambda *_: count(here))
            with guard():
                yield c
        here.seconds, here.cpu_seconds = time.perf_counter() - began, time.thread_time() - began_cpu

    database.write = write  # type: ignore[method-assign]
    try:
        yield writes
    finally:
        database.write = original  # type: ignore[method-assign]


def count(here: Write) -> None:
    here.statements += 1


def measure(database: Database, work: Work, guard: Guard = nullcontext) -> dict[str, list[Write] | Exception]:
    """The writes of every verb and button, by its name; the error where it broke. `yes` is the press that confirms."""
    taken: dict[str, list[Write] | Exception] = {}
    for position, (verb, line) in enumerate(TYPED.items()):
        target = ref("7") if verb == "label" else None
        typed = Command(key=f"typed-{verb}", at=NOW, chat=CHAT, caller=ADMIN, text=line, **RIGHTS, reply_to=target)
        taken[verb] = attempt(database, [typed], work, guard)
        if yes := choice_of(database, f"typed-{verb}:0", "y:"):
            taken[f"{verb}: yes"] = attempt(database, [button(f"yes-{position}", yes)], work, guard)
        if verb in ("help", "ask", "jobs"):
            taken |= {name: attempt(database, events, work, guard) for name, events in pressed(database, verb).items()}
    return taken


def pressed(database: Database, after: str) -> dict[str, list[Event]]:
    """What else comes in once this verb was typed."""
    if after == "ask":
        answer = choice_of(database, "typed-ask:0", "a:")
        return {"button: answer": [button("answer", answer)]}
    if after == "jobs":
        with database.read() as c:
            job = jobs.latest(c, 1)[0].id
        return {"button: cancel": [button("cancel", CancelJob(job).value)]}
    with database.write() as c:
        label = labels.living(c)[0]
        react = React(ref=ref("5"), emoji=label.emoji, label=label.name, label_id=label.id)
        outbox.add(c, [("shown", react)], 1.0)
        outgoing = next(item for item in outbox.claim(c, CHAT.platform, 50, 30.0, "test", NOW) if item.key == "shown")
        outbox.sent(c, outgoing, "shown", 1.0)
        held = questions.hold(c, Command(key="held", at=1.0, chat=CHAT, caller=ADMIN, text="leave"), NOW)
    reactions: list[Event] = [reaction(number) for number in range(30)]
    return {
        "button: agree": [button("agree", Agree(label.id).value, "shown")],
        "button: more": [button("more", More().value, "shown")],
        "button: no": [button("no", Confirm(held, yes=False).value)],
        "button: foreign": [button("foreign", "?")],
        "30 reactions": reactions,
        "came in": [Presence(key="came", at=1.0, chat=CHAT, state="joined")],
    }


def button(key: str, value: str, message_id: str = "post") -> Button:
    return Button(key=key, at=NOW, ref=ref(message_id), presser=ADMIN, value=value, admin=True)


def reaction(number: int) -> Reaction:
    who = PEOPLE[0]
    return Reaction(key=f"r{number}", at=NOW, ref=ref(str(number)), annotator=who, emoji="🐞", added=True)


def choice_of(database: Database, key: str, beginning: str) -> str:
    """The value of the first button of a posted reply that begins so; "" where there is none."""
    from sqlalchemy import select

    from workers.store.tables import outbox as table

    with database.read() as c:
        stored = c.execute(select(table.c.reply).where(table.c.key == key)).scalar()
    choices: tuple[Choice, ...] = getattr(REPLY.validate_json(stored), "choices", ()) if stored else ()
    return next((choice.value for choice in choices if choice.value.startswith(beginning)), "")


def attempt(database: Database, events: list[Event], work: Work, guard: Guard) -> list[Write] | Exception:
    """Events through the inbox, handled as the worker does."""
    with database.write() as c:
        inbox.add(c, events, NOW)
        claimed = inbox.claim(c, events[0].queue, 64, 3600.0, "test", NOW)
    assert len(claimed) == len(events)
    try:
        with watched(database, guard) as writes:
            work(database, claimed)
    except Exception as error:
        with database.write() as c:
            inbox.finish(c, claimed)
        return error
    return writes

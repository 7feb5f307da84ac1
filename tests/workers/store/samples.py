"""Events, replies and ledger rows for tests, each with as few words as possible."""

from __future__ import annotations

from itertools import count
from typing import Any

from workers.core.events import ChatRef, Command, Delete, Edit, Message, MessageRef, Person, Reaction
from workers.core.replies import Post
from workers.store.database import Database
from workers.store.jobs import JobRequest
from workers.store.ledger import LedgerRow
from workers.store.messages import Stored, record
from workers.store.predictions import Prediction

_keys = count()
CHAT = ChatRef(platform="web", workspace="w", chat_id="c")
UMA, BOB, EVE = Person(id="u1", name="Uma"), Person(id="u2", name="Bob"), Person(id="u3", name="Eve")


def key() -> str:
    return f"k{next(_keys)}"


def ref(number: object, chat: ChatRef = CHAT) -> MessageRef:
    return MessageRef(**chat.model_dump(), message_id=str(number))


def message(number: object, text: str = "Hello there", author: Person = UMA, **more: Any) -> Message:
    values: dict[str, Any] = {"key": key(), "at": 1.0, "ref": ref(number), **more}
    return Message(text=text, author=author, **values)


def edit(number: object, text: str, at: float = 2.0, sequence: int = 0) -> Edit:
    return Edit(key=key(), at=at, sequence=sequence, ref=ref(number), text=text)


def delete(number: object, at: float = 3.0) -> Delete:
    return Delete(key=key(), at=at, ref=ref(number))


def reaction(number: object, annotator: Person = BOB) -> Reaction:
    return Reaction(key=key(), at=2.0, ref=ref(number), annotator=annotator, emoji="🐛", added=True)


def command(text: str = "retrain", caller: Person = BOB) -> Command:
    return Command(key=key(), at=2.0, chat=CHAT, caller=caller, text=text)


def act(number: object, emoji: str, who: Person = BOB, **more: Any) -> LedgerRow:
    """A reaction in the ledger."""
    values: dict[str, Any] = {
        "key": key(),
        "added": True,
        "at": 1.0,
        "sequence": 0,
        "source": "reaction",
        "label": None,
    }
    return LedgerRow(ref=ref(number), annotator=who, emoji=emoji, **(values | more))


def choose(number: object, label: int | None, who: Person = BOB, **more: Any) -> LedgerRow:
    """An explicit choice in the ledger."""
    return act(number, "", who, label=label, **{"source": "button", **more})


def post(text: str = "Hi", chat: ChatRef = CHAT, **more: Any) -> Post:
    return Post(chat=chat, text=text, **more)


def request() -> JobRequest:
    return JobRequest(chat=CHAT, requested_by=BOB, post="p")


def guess(message: int, label: int | None = None, margin: float = 0.5, **more: Any) -> Prediction:
    values: dict[str, Any] = {"revision": 1, "version": 1, "head_revision": 0, "probability": 0.6, "guess": False}
    values |= {"shown": True, "at": 2.0, **more}
    return Prediction(message=message, label=label, margin=margin, **values)


def stored(db: Database, *numbers: object) -> list[Stored]:
    with db.write() as c:
        return record(c, [message(number, f"This is message {number}") for number in numbers])

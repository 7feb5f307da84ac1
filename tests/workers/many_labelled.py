"""A database with very many labelled messages.

Written past the store's functions, since labelling them one by one takes hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert

from tests.workers.chatroom import ANA, BO, CHAT, ref
from workers.store import counters, tables
from workers.store.database import Database

NOW = 1_790_000_000.0
PIECE = 5000


def topics(labels: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """What the messages of each label are about, unit vectors float32 [k, d]."""
    centres = np.random.default_rng(seed).normal(size=(labels, width)).astype(np.float32)
    return centres / np.linalg.norm(centres, axis=1, keepdims=True)


def said(targets: NDArray[np.int64], about: NDArray[np.float32], seed: int = 1) -> NDArray[np.float32]:
    """Unit vectors [n, d] around the topics of these labels, as noisy as those of real messages."""
    rng, width = np.random.default_rng(seed), about.shape[1]
    vectors = about[targets] + rng.normal(0, 1.5 / np.sqrt(width), (len(targets), width)).astype(np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fill(database: Database, fingerprint: str, messages: int, labelled: int, labels: int, width: int = 384) -> None:
    """Messages with vectors, the first `labelled` of them with one vote each; frequent labels and rare ones."""
    odds = 1 / np.arange(1, labels + 1) ** 0.7
    targets = np.random.default_rng(2).choice(labels, messages, p=odds / odds.sum())
    about = topics(labels, width)
    with database.write() as c:
        c.execute(insert(tables.labels), [label_row(number) for number in range(1, labels + 1)])
    for start in range(0, messages, PIECE):
        part = targets[start : start + PIECE]
        with database.write() as c:
            write(c, fingerprint, start, part, said(part, about, seed=start + 3), labelled)
    with database.write() as c:
        counters.put(c, "labels", 1)


def label_row(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"label {number}", "folded": f"label {number}", "description": "", "emoji": ""} | {
        "created_at": NOW
    }


def write(
    c: Connection, fingerprint: str, start: int, targets: NDArray[np.int64], vectors: NDArray[np.float32], labelled: int
) -> None:
    numbers = range(start + 1, start + len(targets) + 1)
    votes = [(number, int(label) + 1) for number, label in zip(numbers, targets, strict=True) if number <= labelled]
    c.execute(insert(tables.messages), list(map(message_row, numbers)))
    rows = zip(numbers, vectors, strict=True)
    shared = {"backbone": fingerprint, "revision": 1}
    c.execute(insert(tables.vectors), [{"message": id, "vector": row.tobytes(), **shared} for id, row in rows])
    if votes:
        c.execute(insert(tables.ledger), list(ledger_rows(votes)))
        c.execute(insert(tables.message_labels), [label_of(number, label) for number, label in votes])


def message_row(number: int) -> dict[str, Any]:
    where = {"ref": ref(str(number)).key, "chat": CHAT.key, **ref(str(number)).model_dump()}
    author = {"author_id": ANA.id, "author_name": ANA.name}
    time = {"at": NOW + number, "text_at": NOW + number, "text_sequence": 0}
    return {"id": number, **where, **author, **time, "text": f"Message {number}", "revision": 1, "deleted": False}


def ledger_rows(votes: list[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    for number, label in votes:
        where = {"ref": ref(str(number)).key, "chat": CHAT.key, **ref(str(number)).model_dump()}
        who = {"annotator_id": BO.id, "annotator_name": BO.name, "emoji": "", "source": "button"}
        time = {"at": NOW + number, "sequence": 0, "recorded_at": NOW + number}
        yield {"key": f"filled {number}", **where, **who, **time, "label": label, "added": True}


def label_of(number: int, label: int) -> dict[str, Any]:
    vote = {"votes": 1, "disputed": False, "first_at": NOW + number, "foresaw": False, "predicted": None}
    return {"ref": ref(str(number)).key, "label": label, **vote, "changed": 1}

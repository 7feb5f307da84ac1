"""A chat with labelled messages in which jobs run: what they were told, and which of their programs are alive."""

from __future__ import annotations

import subprocess
import time
from typing import Any

import psutil
from sqlalchemy import text

from modeling.sentences.catalogue import sentence
from tests.workers.chatroom import Chatroom
from workers.core.replies import REPLY
from workers.core.settings import Settings
from workers.store import jobs
from workers.store.jobs import Job

BUGS = ("crashes on start", "shows a blank page", "throws an error", "hangs forever", "loses my draft", "is broken")
THINGS = ("The export", "Saving a file", "The calendar", "Search", "The login", "Printing", "The phone app")
QUESTIONS = ("How do I open {}?", "Where can I find {}?", "Can somebody explain {} to me?", "What does {} cost?")


def job(room: Chatroom) -> Job:
    with room.database.read() as c:
        return jobs.latest(c, 1)[0]


def told(room: Chatroom) -> list[str]:
    """What the progress message said, one edit after the other."""
    with room.database.read() as c:
        rows = c.execute(text("select reply from outbox where kind = 'edit_post' and reply is not null order by id"))
        return [REPLY.validate_json(row[0]).text for row in rows]  # type: ignore[union-attr]


def programs(settings: Settings) -> list[psutil.Process]:
    """Training programs that work in this test's folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "modeling" in line and any(str(settings.data_dir) in part for part in line):
            found.append(process)
    return found


def expired(room: Chatroom) -> bool:
    with room.database.read() as c:
        return jobs.expired(c, time.time())


TRAINED: dict[str, Any] = {
    "event": "done",
    "method": "full",
    "accuracy": 0.9,
    "macro_f1": 0.9,
    "ece": 0.02,
    "messages": 9,
    "labels": 2,
    "bundle": "/b",
    "fingerprint": "f",
    "megabytes": 90.1,
    "against": None,
    "gate": None,
    "cross_validation": {},
    "why": sentence("frozen_asked_for").model_dump(mode="json"),
    "tokens": {"median": 5, "p95": 9, "most": 12, "limit": 256, "cut": 0.0},
    "tuning": None,
    "notes": [],
    "seconds": 3.5,
}
"""The last line of a training."""

PIPES: dict[str, object] = {
    "stdin": subprocess.PIPE,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
    "text": True,
}


def label_all(room: Chatroom) -> Chatroom:
    """70 labelled messages."""
    texts = [(f"{thing} {bug}", "🐞") for thing in THINGS for bug in BUGS]
    texts += [(question.format(thing.lower()), "❓") for thing in THINGS for question in QUESTIONS]
    for number, (said, emoji) in enumerate(texts):
        room.write(str(number), said)
        room.react(str(number), emoji)
    return room

"""What `make demo` finds on its first start: the web channel enabled, and six labels."""

from __future__ import annotations

import time

from bot.platforms.web.sample import sample_labels
from workers.core.events import ChatRef, Person
from workers.store import chats, labels
from workers.store.database import Database

CHANNEL = ChatRef(platform="web", workspace="local", chat_id="general")


def prepare(database: Database) -> None:
    """Enable the web channel if it never was, and bring the sample's labels where there are none at all."""
    now = time.time()
    with database.write() as c:
        if chats.get(c, CHANNEL) is None:
            chats.enable(c, CHANNEL, Person(id="demo", name="demo"), "en", now)
        if not labels.living(c):
            for label in sample_labels():
                labels.add(c, label.name, label.description, label.emoji, now)

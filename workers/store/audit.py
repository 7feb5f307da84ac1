"""Who told Backchannel to do what, and what came of it."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from workers.core.events import ChatRef, Person, storable_text
from workers.store.tables import audit


def record(c: Connection, at: float, actor: Person, chat: ChatRef, verb: str, arguments: str, outcome: str) -> None:
    """Write one line. Who was forgotten is not written down: that would not be forgetting."""
    arguments = "" if (verb, outcome) == ("forget", "done") else arguments
    texts = {"verb": storable_text(verb), "arguments": storable_text(arguments), "outcome": storable_text(outcome)}
    c.execute(insert(audit).values(at=at, actor_id=actor.id, actor_name=actor.name, **chat.model_dump(), **texts))

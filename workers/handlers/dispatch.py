"""Who said what: reactions, button presses and commands become ledger entries and replies."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from workers.commands import dispatch
from workers.core import replies
from workers.core.events import Button, Command, Event, Presence, Reaction
from workers.handlers import membership
from workers.store import inbox, ledger, outbox
from workers.store.inbox import Claimed
from workers.store.ledger import LedgerRow


def record_labels(c: Connection, claimed: Sequence[Claimed], language: str, now: float) -> None:
    """Handle a claimed batch of the `labels` queue. The caller commits; a lost claim undoes all of it."""
    inbox.finish(c, claimed)
    reactions = [one.event for one in claimed if isinstance(one.event, Reaction)]
    ledger.append(c, [ledger_row(reaction) for reaction in reactions], now)
    for one in claimed:
        outbox.add(c, answer(c, one.event, language, now), now)


def ledger_row(reaction: Reaction) -> LedgerRow:
    """A reaction as the ledger keeps it; which label its emoji stands for is the store's to look up."""
    return LedgerRow(
        key=reaction.key,
        ref=reaction.ref,
        annotator=reaction.annotator,
        emoji=reaction.emoji,
        label=None,
        added=reaction.added,
        at=reaction.at,
        sequence=reaction.sequence,
        source="reaction",
    )


def answer(c: Connection, event: Event, language: str, now: float) -> list[tuple[str, replies.Reply]]:
    """What a command, a button press or a coming into a chat is answered with; a reaction is answered with nothing."""
    if isinstance(event, Command):
        return dispatch.run(c, event, language, now)
    if isinstance(event, Button):
        return dispatch.press(c, event, language, now)
    if isinstance(event, Presence):
        return membership.answer(c, event, language, now)
    return []

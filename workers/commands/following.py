"""The bot's emoji follows people: where they say otherwise than the bot did, its emoji changes or goes.

Two people who agree decide, or one who is trusted: whoever switched the bot on in that chat. What nobody contradicts
stays as it was predicted, whatever was learned since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from workers.core.events import MessageRef
from workers.core.replies import React
from workers.store import chats, labels, ledger, outbox, predictions
from workers.store.labels import Label
from workers.store.ledger import LedgerRow

ENOUGH = 2
"""People who have to agree where none of them is trusted."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Messages (by key) on which the bot has shown a label, and what it takes to say which one belongs there.

    `meanings`: which living label each label's id means now; `trusted`: who is trusted, by the chat's key.
    """

    refs: Mapping[str, MessageRef]
    labels: Mapping[str, int]
    meanings: Mapping[int, Label]
    trusted: Mapping[str, str]

    def right(self, c: Connection) -> dict[str, Label | None]:
        """The label that belongs on each message by its votes so far; None where people say that none fits."""
        votes, living = ledger.ledger_of(c, self.refs), {id: label.id for id, label in self.meanings.items()}
        right: dict[str, Label | None] = {}
        for key, ref in self.refs.items():
            trusted = self.trusted.get(ref.chat.key, "")
            decided = decision(ledger.resolve(votes.get(key, ()), living), trusted)
            chosen = decided[0] if decided else self.labels[key]
            right[key] = self.meanings.get(chosen) if chosen is not None else None
        return right


def append(c: Connection, rows: Sequence[LedgerRow], now: float) -> None:
    """Append votes, as `ledger.append` does, and let the bot's emoji follow them."""
    shown = shown_on(c, {row.ref.key: row.ref for row in rows})
    if shown is None:
        ledger.append(c, rows, now)
        return
    before = shown.right(c)
    ledger.append(c, rows, now)
    after = shown.right(c)
    last = {row.ref.key: row.key for row in rows}
    changed = [(key, ref) for key, ref in shown.refs.items() if before[key] != after[key]]
    outbox.add(c, [(f"follow:{last[key]}", reaction(ref, after[key])) for key, ref in changed], now)


def shown_on(c: Connection, refs: Mapping[str, MessageRef]) -> Shown | None:
    """Those of these messages on which the bot has shown a label, if there are any."""
    shown = predictions.shown(c, refs)
    if not shown:
        return None
    kept = {key: refs[key] for key in shown}
    of_chats = chats.by_key(c, (ref.chat.key for ref in kept.values()))
    return Shown(kept, shown, labels.means(c), {key: chat.enabled_by for key, chat in of_chats.items()})


def decision(rows: Iterable[LedgerRow], trusted: str) -> tuple[int | None] | None:
    """What people have decided about a message: a label or, with None in it, that none fits; None: nothing yet."""
    votes = ledger.votes(rows)
    if trusted in votes:
        return (votes[trusted],)
    ranked = Counter(votes.values()).most_common(2)
    tie = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return None if not ranked or tie or ranked[0][1] < ENOUGH else (ranked[0][0],)


def reaction(ref: MessageRef, label: Label | None) -> React:
    """People's label in the place of the bot's."""
    if label is None:
        return React(ref=ref, emoji=None)
    return React(ref=ref, emoji=label.emoji, label=label.name, label_id=label.id)

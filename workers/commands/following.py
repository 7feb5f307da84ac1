"""The bot's emoji follows people: where they say otherwise than the bot did, its emoji changes or goes.

Two people who agree decide, or one who is trusted: whoever switched the bot on in that chat. What nobody contradicts
stays as it was predicted, whatever was learned since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from workers.core.events import MessageRef
from workers.core.replies import React
from workers.store import chats, labels, ledger, outbox, predictions
from workers.store.labels import Label
from workers.store.ledger import LedgerRow

ENOUGH = 2
"""People who have to agree where none of them is trusted."""


def append(c: Connection, rows: Sequence[LedgerRow], now: float) -> None:
    """Append votes, as `ledger.append` does, and let the bot's emoji follow them."""
    by_ref = {row.ref.key: row.ref for row in rows}
    shown = predictions.shown(c, by_ref)
    followed = {key: by_ref[key] for key in shown}
    before = right_emoji(c, followed, shown)
    ledger.append(c, rows, now)
    after = right_emoji(c, followed, shown)
    last = {row.ref.key: row.key for row in rows}
    changed = [key for key in followed if before[key] != after[key]]
    outbox.add(c, [(f"follow:{last[key]}", reaction(followed[key], after[key])) for key in changed], now)


def right_emoji(c: Connection, refs: Mapping[str, MessageRef], shown: Mapping[str, int]) -> dict[str, Label | None]:
    """The label whose emoji belongs on each of these messages; None where people say that none fits.

    `shown`: the label that the bot has shown on each.
    """
    if not refs:
        return {}
    meanings, living = labels.means(c), ledger.living_labels(c)
    votes = ledger.ledger_of(c, refs)
    trusted = {key: chat.enabled_by for key, chat in chats.by_key(c, (ref.chat.key for ref in refs.values())).items()}
    right: dict[str, Label | None] = {}
    for key, ref in refs.items():
        decided = decision(ledger.resolve(votes.get(key, ()), living), trusted.get(ref.chat.key, ""))
        chosen = decided[0] if decided else shown[key]
        right[key] = meanings.get(chosen) if chosen is not None else None
    return right


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

"""Who said what: reactions, button presses and commands become ledger entries and replies, and the bot comes and goes.

What is slow, reading and computing, comes first and holds no lock; the write that follows is short.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import Connection

from workers.commands import dispatch, following
from workers.core.events import Button, Command, Presence, Reaction
from workers.core.i18n import say
from workers.core.replies import Post, Reply
from workers.store import chats, counters, inbox, outbox
from workers.store.database import Database, Stale
from workers.store.inbox import Claimed
from workers.store.ledger import LedgerRow


def in_steps(claimed: Sequence[Claimed]) -> list[Sequence[Claimed]]:
    """A claimed batch of the `labels` queue, in its order: each command and each button alone, the rest together."""
    # By number for commands and buttons, so that each is alone, and by False for all between them.
    groups = groupby(claimed, lambda item: isinstance(item.event, Command | Button) and item.id)
    return [list(group) for _, group in groups]


def handle(database: Database, step: Sequence[Claimed], language: str, now: float) -> None:
    """Handle one of `in_steps`, and finish it in its last transaction.

    Raises LostClaim or Stale, and has written nothing in that transaction then.
    """
    item, event = step[0], step[0].event
    if isinstance(event, Command | Button):
        carry_out(database, item, event, language, now)
        return
    rows = [ledger_row(item.event) for item in step if isinstance(item.event, Reaction)]
    with database.write() as c:
        inbox.finish(c, step)
        following.append(c, rows, now)
        for item in step:
            if isinstance(item.event, Presence):
                outbox.add(c, presence_replies(c, item.event, language, now), now)


def presence_replies(c: Connection, event: Presence, language: str, now: float) -> list[tuple[str, Reply]]:
    """Come in, say whether this chat is read; put out of it, read it no more; say so when reactions come into sight."""
    chat = chats.get(c, event.chat)
    if event.state == "left":
        chats.disable_all(c, event.chat, now)
        return []
    language = chat.language if chat else language
    if event.state == "changed":
        text = say(language, "sees_reactions" if event.sees_reactions else "blind_to_reactions")
        return [(event.key, Post(chat=event.chat, text=text))] if chat is not None and chat.enabled else []
    blind = "" if event.sees_reactions else say(language, "blind_to_reactions")
    introduction = f"introduction:{event.chat.key}"
    known = outbox.is_known(c, introduction)
    # Who switches it on may do so before it comes: then it reads from the first word on.
    code = "present_on" if chat is not None and chat.enabled else "present_off" if known else "introduction"
    return [(event.key if known else introduction, Post(chat=event.chat, text=say(language, code) + blind))]


def carry_out(database: Database, item: Claimed, event: Command | Button, language: str, now: float) -> None:
    """Decide what a command or a button comes to, then write it."""
    with database.read() as c:
        rewritten = counters.value(c, counters.REWRITTEN)
        if isinstance(event, Command):
            plan = dispatch.run(c, event, language, now)
        else:
            plan = dispatch.press(c, event, language, now)
    for part in plan.ahead:
        with database.write() as c:
            part(c)
    with database.write() as c:
        inbox.finish(c, [item])
        # A reply may repeat what was read. Whoever erases in parts counts up itself, and needs nothing of the kind.
        if not plan.ahead and counters.value(c, counters.REWRITTEN) != rewritten:
            raise Stale
        replies = plan.write(c)
        outbox.add(c, [(f"{event.key}:{number}", reply) for number, reply in enumerate(replies)], now)


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

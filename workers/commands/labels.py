"""Verbs about the label set and about one message's label."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from modeling.text.names import fold
from workers.commands import following
from workers.commands.ask import question
from workers.commands.context import Answer, Call, Plan
from workers.commands.label_names import NONE, living_label, name_emoji_description, new_name, two_names
from workers.core.emoji import PALETTE, USUAL, is_emoji, neutral
from workers.core.replies import Post
from workers.store import chat_figures, inbox, labels, ledger, messages
from workers.store.database import Stale
from workers.store.labels import Label
from workers.store.messages import Stored


def show(call: Call) -> list[Post]:
    """The label set with counts; words after `labels` that are no verb are said to be none."""
    if call.rest:
        return call.say("unknown_verb", verb=f"labels {call.rest[:40]}", near="")
    living = labels.living(call.c)
    if not living:
        return call.say("no_labels")
    # A private chat has no messages to count.
    counts = None if call.command.private else chat_figures.examples(call.c, call.command.chat)
    return [call.post("\n".join(label_line(call, label, counts) for label in living))]


def label_line(call: Call, label: Label, counts: Mapping[int, int] | None) -> str:
    """One label, and how often it was given in this chat."""
    given = "" if counts is None else f" · {counts.get(label.id, 0)}"
    description = f" — {label.description}" if label.description else ""
    return call.text("label_line", emoji=label.emoji, name=label.name, given=given, description=description)


def add(call: Call) -> Answer:
    """`<name> [emoji] [description]`: the emoji parts the name from the description, or quotes do."""
    typed, emoji, description = name_emoji_description(call.rest)
    emoji = emoji or free_emoji(call)
    name, folded = new_name(call.c, typed)
    ahead = labels.ahead_of_emoji(call.c, emoji, None, call.now)

    def write(c: Connection) -> list[Post]:
        label = labels.add(c, name, description, emoji, call.now, ahead, folded)
        return call.say("label_added", emoji=label.emoji, name=label.name)

    return Plan(write)


def free_emoji(call: Call) -> str:
    """The first emoji of the palette that no label has and that people do not put on messages for other reasons."""
    taken = {label.emoji for label in labels.living(call.c)} | ledger.emoji_used(call.c, PALETTE) | USUAL
    # Beyond the palette one label gets this, and the next one is told that it is taken.
    return next((emoji for emoji in PALETTE if emoji not in taken), "🏷")


def rename(call: Call) -> Answer:
    """Another name for a label; its messages stay with it."""
    old, new = two_names(call.rest)
    if old is None:
        return call.usage()
    label = living_label(call.c, old)
    name, folded = new_name(call.c, new, label)

    def write(c: Connection) -> list[Post]:
        return call.say("label_renamed", old=old, new=labels.rename(c, label, name, folded).name)

    return Plan(write)


def merge(call: Call) -> Answer:
    """Let one label take over another's messages."""
    old, new = two_names(call.rest)
    if old is None:
        return call.usage()
    source, into = living_label(call.c, old), living_label(call.c, new)
    if source.id == into.id:
        return call.say("label_same")
    ahead = labels.ahead_of_removal(call.c, source, into, call.now)

    def write(c: Connection) -> list[Post]:
        labels.merge(c, source, into, ahead)
        return call.say("label_merged", old=source.name, new=into.name)

    return Plan(write)


def remove(call: Call) -> Answer:
    """Take a label out of the set."""
    if not call.rest.strip():
        return call.usage()
    label = living_label(call.c, call.rest)
    ahead = labels.ahead_of_removal(call.c, label, None, call.now)

    def write(c: Connection) -> list[Post]:
        labels.remove(c, label, call.now, ahead)
        return call.say("label_removed", name=label.name)

    return Plan(write)


def emoji(call: Call) -> Answer:
    """Give a label another emoji; reactions with it count from then on."""
    name, _, last = call.rest.strip().rpartition(" ")
    if not name:
        return call.usage()
    if not is_emoji(last):
        return call.say("not_emoji", text=last)
    label = living_label(call.c, name)
    ahead = labels.ahead_of_emoji(call.c, neutral(last), label, call.now)

    def write(c: Connection) -> list[Post]:
        changed = labels.set_emoji(c, label, neutral(last), call.now, ahead)
        return call.say("label_emoji", name=changed.name, emoji=changed.emoji)

    return Plan(write)


def label(call: Call) -> Answer:
    """As a reply: this annotator's explicit word on that message; `none` says that no label fits.

    Without a name the labels are offered as buttons.
    """
    target = call.command.reply_to
    if target is None:
        return call.say("label_needs_reply")
    none = fold(call.rest) in NONE
    chosen = living_label(call.c, call.rest) if call.rest.strip() and not none else None
    # Found by its words in what waits, which takes long where much does.
    waiting = None if messages.find(call.c, target) else inbox.waiting_message(call.c, target)

    def write(c: Connection) -> list[Post]:
        # Renamed, merged or removed since the reading: decided anew.
        if chosen is not None and chosen not in labels.living(c):
            raise Stale
        stored = messages.find(c, target)
        # Recorded ahead of its worker, unless it was forgotten since the reading.
        if stored is None and waiting is not None and inbox.is_waiting(c, waiting.key):
            [stored] = messages.record(c, [waiting])
        if stored is not None and stored.deleted:
            return call.say("message_deleted")
        if not call.rest.strip():
            return offer_labels(c, call, stored)
        row = ledger.choice(call.command, call.caller, target, chosen.id if chosen else None, "command")
        following.append(c, [row], call.now)
        if stored is None:
            return call.say("message_unseen")
        if call.command.closes:
            return []
        return call.say("labelled", emoji=chosen.emoji, name=chosen.name) if chosen else call.say("labelled_none")

    return Plan(write)


def offer_labels(c: Connection, call: Call, stored: Stored | None) -> list[Post]:
    """The labels as buttons under a message that we have seen."""
    if stored is None:
        return call.say("message_unseen")
    return [question(c, call, stored, labels.living(c), f"{call.command.key}:0")]

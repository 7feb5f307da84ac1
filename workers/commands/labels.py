"""Verbs about the label set and about one message's label."""

from __future__ import annotations

import re

from workers.commands.ask import question
from workers.commands.context import Call
from workers.core.emoji import PALETTE, is_emoji, neutral
from workers.core.errors import BackchannelError
from workers.core.events import MessageRef
from workers.core.i18n import say
from workers.core.replies import Post
from workers.store import inbox, labels, ledger, messages, training_set
from workers.store.labels import Label
from workers.store.ledger import LedgerRow
from workers.store.messages import Stored

ARROW = re.compile(r"\s*(?:->|→|=>)\s*")


def show(call: Call) -> list[Post]:
    """The label set with counts; words after `labels` that are no verb are said to be none."""
    if call.rest:
        return call.say("unknown_verb", verb=f"labels {call.rest[:40]}", near="")
    living = labels.living(call.c)
    if not living:
        return call.say("no_labels")
    counts = training_set.counts(call.c)
    lines = [
        call.text(
            "label_line",
            emoji=label.emoji,
            name=label.name,
            count=counts.get(label.id, 0),
            description=f" — {label.description}" if label.description else "",
        )
        for label in living
    ]
    return [call.post("\n".join(lines))]


def add(call: Call) -> list[Post]:
    """`<name> [emoji] [description]`: the emoji parts the name from the description."""
    name, emoji, description = split_at_emoji(call.rest)
    label = labels.add(call.c, name, description, emoji or free_emoji(call), call.now)
    return call.say("label_added", emoji=label.emoji, name=label.name)


def split_at_emoji(text: str) -> tuple[str, str | None, str]:
    """Name, emoji and description; without an emoji all of it is the name."""
    words = text.split()
    for place, word in enumerate(words):
        if is_emoji(word):
            if place == 0:
                return " ".join(words[1:]), neutral(word), ""
            return " ".join(words[:place]), neutral(word), " ".join(words[place + 1 :])
    return text.strip(), None, ""


def free_emoji(call: Call) -> str:
    """The first emoji of the palette that no label has."""
    taken = {label.emoji for label in labels.living(call.c)}
    return next((emoji for emoji in PALETTE if emoji not in taken), "🏷")


def rename(call: Call) -> list[Post]:
    """Another name for a label; its messages stay with it."""
    old, new = two_names(call)
    if old is None:
        return call.usage()
    renamed = labels.rename(call.c, known(call, old), new)
    return call.say("label_renamed", old=old, new=renamed.name)


def merge(call: Call) -> list[Post]:
    """Let one label take over another's messages."""
    refusal = check_merge(call)
    if refusal:
        return refusal
    source, into = (known(call, name or "") for name in two_names(call))
    labels.merge(call.c, source, into)
    return call.say("label_merged", old=source.name, new=into.name)


def check_merge(call: Call) -> list[Post]:
    """What is said where it does not name two labels; empty where it does. Raises for an unknown one."""
    old, new = two_names(call)
    if old is None:
        return call.usage()
    return call.say("label_same") if known(call, old).id == known(call, new).id else []


def check_remove(call: Call) -> list[Post]:
    """How to type it where no label is named; empty where one is. Raises for an unknown one."""
    if not call.rest.strip():
        return call.usage()
    known(call, call.rest)
    return []


def remove(call: Call) -> list[Post]:
    """Take a label out of the set."""
    refusal = check_remove(call)
    if refusal:
        return refusal
    label = known(call, call.rest)
    labels.remove(call.c, label, call.now)
    return call.say("label_removed", name=label.name)


def emoji(call: Call) -> list[Post]:
    """Give a label another emoji; reactions with it count from then on."""
    name, _, last = call.rest.strip().rpartition(" ")
    if not name:
        return call.usage()
    if not is_emoji(last):
        return call.say("not_emoji", text=last)
    label = labels.set_emoji(call.c, known(call, name), neutral(last), call.now)
    return call.say("label_emoji", name=label.name, emoji=label.emoji)


def label(call: Call) -> list[Post]:
    """As a reply: this annotator's explicit word on that message; `none` says that no label fits.

    Without a name the labels are offered as buttons.
    """
    target = call.command.reply_to
    if target is None:
        return call.say("label_needs_reply")
    stored = seen(call, target)
    if stored is not None and stored.deleted:
        return call.say("message_deleted")
    if not call.rest.strip():
        return [question(call, stored, f"{call.command.key}:0")] if stored else call.say("message_unseen")
    chosen = None if call.rest.strip().lower() in ("none", "无", "都不是") else known(call, call.rest)
    row = LedgerRow(
        key=call.command.key,
        ref=target,
        annotator=call.caller,
        emoji="",
        label=chosen.id if chosen else None,
        added=True,
        at=call.command.at,
        sequence=call.command.sequence,
        source="command",
    )
    ledger.append(call.c, [row], call.now)
    if stored is None:
        return call.say("message_unseen")
    return call.say("labelled", emoji=chosen.emoji, name=chosen.name) if chosen else call.say("labelled_none")


def seen(call: Call, target: MessageRef) -> Stored | None:
    """The message, which may still wait for its worker in the inbox; None where we never saw it."""
    stored = messages.find(call.c, target)
    if stored is None and (waiting := inbox.waiting_message(call.c, target)):
        [stored] = messages.record(call.c, [waiting])
    return stored


def two_names(call: Call) -> tuple[str | None, str]:
    """`a -> b`, or two single words."""
    parts = ARROW.split(call.rest.strip(), maxsplit=1)
    if len(parts) != 2:
        parts = call.rest.split()
    return (parts[0], parts[1]) if len(parts) == 2 and all(parts) else (None, "")


def known(call: Call, name: str) -> Label:
    """The living label of this name, or of this emoji. Raises a sentence that lists what there is."""
    wanted = name.strip().strip("“”\"'")
    found = labels.find(call.c, wanted) or labels.by_emoji(call.c, neutral(wanted))
    if found:
        return found
    names = ", ".join(label.name for label in labels.living(call.c))
    raise BackchannelError(say(call.language, "label_unknown" if names else "no_labels", name=wanted, names=names))

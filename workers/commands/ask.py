"""`ask`: questions about the messages that the model is least sure of, and what comes back."""

from __future__ import annotations

from sqlalchemy import Connection

from workers.commands.context import Call
from workers.core.events import Button, ChatRef, MessageRef
from workers.core.i18n import say
from workers.core.replies import Choice, EditPost, Post, Reply
from workers.store import chats, labels, ledger, messages, outbox, questions, versions
from workers.store.ledger import LedgerRow, Source
from workers.store.messages import Stored

MOST = 10
LONGEST = 12
"""Digits of the longest number that one of our buttons carries."""


def ask(call: Call) -> list[Post]:
    """Post up to n questions, each with the labels as buttons."""
    wanted = call.rest.strip() or "1"
    if not (wanted.isdecimal() and len(wanted) <= 2 and 1 <= int(wanted) <= MOST):
        return call.say("number", text=wanted, most=MOST, verb="ask")
    if not labels.living(call.c):
        return call.say("no_labels")
    chosen = messages.least_sure(call.c, call.command.chat, int(wanted), versions.active(call.c).id)
    if not chosen:
        return call.say("ask_nothing")
    return [question(call, stored, f"{call.command.key}:{place}") for place, stored in enumerate(chosen)]


def question(call: Call, stored: Stored, key: str) -> Post:
    """One question; `key` is the outbox key under which it will be posted."""
    number = questions.ask(call.c, stored.ref, stored.id, key, call.now)
    offered, text = choices(call.c, call.language, number), question_text(call.language, stored)
    return Post(chat=call.command.chat, text=text, choices=offered, reply_to=stored.ref.message_id)


def choices(c: Connection, language: str, number: int) -> tuple[Choice, ...]:
    """The labels as buttons of question `number`, then "none of these" and "skip"."""
    offered = [
        Choice(text=f"{label.emoji} {label.name}".strip(), value=f"a:{number}:{label.id}") for label in labels.living(c)
    ]
    offered.append(Choice(text=say(language, "ask_none"), value=f"a:{number}:none"))
    return (*offered, Choice(text=say(language, "ask_skip"), value=f"a:{number}:skip"))


def question_text(language: str, stored: Stored) -> str:
    """What a question reads."""
    return say(language, "ask_question", author=stored.author.name or stored.author.id, text=excerpt(stored.text))


def excerpt(text: str | None, most: int = 300) -> str:
    """The beginning of a message, on one line."""
    line = " ".join((text or "").split())
    return line if len(line) <= most else line[: most - 1] + "…"


def answer(c: Connection, button: Button, now: float) -> list[Reply]:
    """A pressed answer becomes a ledger entry like a reaction, and the question is updated in place."""
    _, number, choice = button.value.split(":")
    if choice not in ("none", "skip") and not (choice.isdecimal() and len(choice) <= LONGEST):
        raise ValueError("not a button of ours")
    asked = questions.question(c, int(number)) if len(number) <= LONGEST else None
    language = spoken(c, button.ref.chat, "en")
    if asked is None or asked.state != "open" or asked.ref.chat != button.ref.chat:
        return [Post(chat=button.ref.chat, text=say(language, "ask_closed"), reply_to=button.ref.message_id)]
    stored = messages.find(c, asked.ref)
    if stored is None or stored.deleted:
        questions.close(c, asked.id, "skipped")
        return [EditPost(chat=button.ref.chat, post=asked.post, text=say(language, "message_deleted"))]
    if choice.isdecimal() and int(choice) not in labels.means(c):
        text = f"{say(language, 'label_gone')}\n{question_text(language, stored)}"
        return [EditPost(chat=button.ref.chat, post=asked.post, text=text, choices=choices(c, language, asked.id))]
    questions.close(c, asked.id, "skipped" if choice == "skip" else "answered")
    if choice != "skip":
        label = None if choice == "none" else int(choice)
        ledger.append(c, [pressed(button, asked.ref, label, "ask")], now)
    return [EditPost(chat=button.ref.chat, post=asked.post, text=outcome(c, language, stored, choice, button))]


def agreed(c: Connection, button: Button, label: int, language: str, now: float) -> list[Reply]:
    """Somebody pressed the label that the bot had shown in words: it is right."""
    language = spoken(c, button.ref.chat, language)
    stored, post = shown(c, button)
    if stored is None or stored.deleted or post is None:
        key = "message_deleted" if stored else "message_unseen"
        return [Post(chat=button.ref.chat, text=say(language, key), reply_to=button.ref.message_id)]
    meant = labels.means(c).get(label)
    if meant is None:
        return ask_about(c, button, stored, language, now, "label_gone")
    ledger.append(c, [pressed(button, stored.ref, meant.id, "button")], now)
    name = button.presser.name or button.presser.id
    text = say(language, "agreed", label=f"{meant.emoji} {meant.name}".strip(), name=name)
    return [EditPost(chat=button.ref.chat, post=post, text=text)]


def more(c: Connection, button: Button, language: str, now: float) -> list[Reply]:
    """Somebody wants to choose another label than the one that the bot had shown in words."""
    language = spoken(c, button.ref.chat, language)
    stored, _ = shown(c, button)
    if stored is None or stored.deleted:
        key = "message_deleted" if stored else "message_unseen"
        return [Post(chat=button.ref.chat, text=say(language, key), reply_to=button.ref.message_id)]
    return ask_about(c, button, stored, language, now)


def shown(c: Connection, button: Button) -> tuple[Stored | None, str | None]:
    """The message under which the bot had shown a label, and the outbox key of what it showed."""
    post = outbox.find_post(c, button.ref.chat, button.ref.message_id)
    about = outbox.subject(c, post) if post else None
    return (messages.by_key(c, about) if about else None), post


def ask_about(
    c: Connection, button: Button, stored: Stored, language: str, now: float, first: str | None = None
) -> list[Reply]:
    """Ask which label this very message has; `first` names a sentence to say before."""
    number = questions.ask(c, stored.ref, stored.id, f"{button.key}:0", now)
    text = "\n".join([*([say(language, first)] if first else []), question_text(language, stored)])
    offered = choices(c, language, number)
    return [Post(chat=button.ref.chat, text=text, choices=offered, reply_to=stored.ref.message_id)]


def spoken(c: Connection, chat: ChatRef, language: str) -> str:
    """The language of a chat, or this one where nobody chose."""
    known = chats.get(c, chat)
    return known.language if known else language


def pressed(button: Button, ref: MessageRef, label: int | None, source: Source) -> LedgerRow:
    """The ledger entry for a pressed label; None says that no label fits."""
    return LedgerRow(
        key=button.key,
        ref=ref,
        annotator=button.presser,
        emoji="",
        label=label,
        added=True,
        at=button.at,
        sequence=button.sequence,
        source=source,
    )


def outcome(c: Connection, language: str, stored: Stored, choice: str, button: Button) -> str:
    """What the question reads once it was answered."""
    values = {"text": excerpt(stored.text, 120), "name": button.presser.name or button.presser.id}
    if choice in ("skip", "none"):
        return say(language, "ask_skipped" if choice == "skip" else "ask_answered_none", **values)
    label = labels.means(c)[int(choice)]
    return say(language, "ask_answered", label=f"{label.emoji} {label.name}".strip(), **values)

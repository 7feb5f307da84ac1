"""`ask`: questions about the messages that the model is least sure of, and what comes back."""

from __future__ import annotations

from sqlalchemy import Connection

from workers.commands.call import Call
from workers.contracts import Button, Choice, EditPost, Post, Reply
from workers.store import chats, labels, messages, questions, versions
from workers.store.labels import LedgerRow
from workers.store.messages import Stored
from workers.texts import say

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
    choices = [
        Choice(text=f"{label.emoji} {label.name}", value=f"a:{number}:{label.id}") for label in labels.living(call.c)
    ]
    choices.append(Choice(text=call.text("ask_none"), value=f"a:{number}:none"))
    choices.append(Choice(text=call.text("ask_skip"), value=f"a:{number}:skip"))
    text = call.text("ask_question", author=stored.author.name or stored.author.id, text=excerpt(stored.text))
    return Post(chat=call.command.chat, text=text, choices=tuple(choices), reply_to=stored.ref.message_id)


def excerpt(text: str | None, most: int = 300) -> str:
    """The beginning of a message, on one line."""
    line = " ".join((text or "").split())
    return line if len(line) <= most else line[: most - 1] + "…"


def answer(c: Connection, button: Button, now: float) -> list[Reply]:
    """A pressed answer becomes a ledger entry like a reaction, and the question is updated in place."""
    _, number, choice = button.value.split(":")
    if choice not in ("none", "skip") and len(choice) > LONGEST:
        raise ValueError("not a button of ours")
    asked = questions.question(c, int(number)) if len(number) <= LONGEST else None
    chat = chats.get(c, button.ref.chat)
    language = chat.language if chat else "en"
    if asked is None or asked.state != "open" or asked.ref.chat != button.ref.chat:
        return [Post(chat=button.ref.chat, text=say(language, "ask_closed"), reply_to=button.ref.message_id)]
    questions.close(c, asked.id, "skipped" if choice == "skip" else "answered")
    if choice != "skip":
        labels.append(c, [answer_row(button, asked, choice)], now)
    return [EditPost(chat=button.ref.chat, post=asked.post, text=outcome(c, language, asked, choice, button))]


def answer_row(button: Button, asked: questions.Question, choice: str) -> LedgerRow:
    """The ledger entry for a pressed answer."""
    return LedgerRow(
        key=button.key,
        ref=asked.ref,
        annotator=button.presser,
        emoji="",
        label=None if choice == "none" else int(choice),
        added=True,
        at=button.at,
        sequence=button.sequence,
        source="ask",
    )


def outcome(c: Connection, language: str, asked: questions.Question, choice: str, button: Button) -> str:
    """What the question reads once it was answered."""
    stored = messages.find(c, asked.ref)
    values = {"text": excerpt(stored.text if stored else "", 120), "name": button.presser.name or button.presser.id}
    if choice in ("skip", "none"):
        return say(language, "ask_skipped" if choice == "skip" else "ask_answered_none", **values)
    label = next((label for label in labels.living(c) if str(label.id) == choice), None)
    return say(language, "ask_answered", label=f"{label.emoji} {label.name}" if label else "?", **values)

"""`ask`: questions about the messages of which an answer teaches most, and what comes back."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import Connection

from modeling.active_learning.strategies import STRATEGIES, Strategy
from workers.commands import active_learning, following
from workers.commands.context import Answer, Call, Plan, told
from workers.core.buttons import AnswerQuestion
from workers.core.events import Button
from workers.core.i18n import say
from workers.core.replies import Choice, EditPost, Post, Reply
from workers.store import chats, labels, ledger, messages, outbox, questions
from workers.store.labels import Label
from workers.store.messages import Stored

MOST = 10


def ask(call: Call) -> Answer:
    """Post up to n questions, each with the labels as buttons."""
    asked = parse_options(call)
    if isinstance(asked, list):
        return asked
    if not labels.living(call.c):
        return call.say("no_labels")
    count, strategy = asked
    # The same event, handled once more, comes to the same questions.
    seed = zlib.crc32(call.command.key.encode())
    candidates = active_learning.questions(call.c, call.command.chat, count, strategy, seed)
    if not candidates:
        return call.say("ask_nothing")
    return Plan(lambda c: post_questions(c, call, candidates))


def parse_options(call: Call) -> tuple[int, Strategy] | list[Post]:
    """How many questions, and by which strategy; or the sentence about what makes no sense."""
    options: dict[str, str] = {}
    for word in call.rest.split():
        name, equals, value = word.partition("=")
        key = name.lower() if equals else "n"
        if key not in ("n", "strategy") or key in options:
            return call.say("option_unknown", verb=call.verb.name, text=word[:40], arguments=call.verb.arguments)
        options[key] = value if equals else word
    wanted, named = options.get("n", "1"), options.get("strategy", "auto")
    if not (wanted.isdecimal() and len(wanted) <= 2 and 1 <= int(wanted) <= MOST):
        return call.say("number", text=wanted[:40], most=MOST, verb="ask")
    if named.lower() not in STRATEGIES:
        known = ", ".join(f"`{strategy}`" for strategy in STRATEGIES)
        return call.say("strategy_unknown", text=named[:40], known=known)
    return int(wanted), cast(Strategy, named.lower())


def post_questions(c: Connection, call: Call, candidates: Sequence[Stored]) -> list[Post]:
    """A question about each of these messages, but for those that were deleted meanwhile."""
    offered, there = labels.living(c), messages.current(c, [stored.id for stored in candidates])
    living = {stored.id for stored in there}
    kept = [stored for stored in candidates if stored.id in living]
    keys = (f"{call.command.key}:{position}" for position in range(len(kept)))
    posts = [question(c, call, stored, offered, key) for stored, key in zip(kept, keys, strict=True)]
    return posts or call.say("ask_nothing")


def question(c: Connection, call: Call, stored: Stored, offered: Iterable[Label], key: str) -> Post:
    """One question, written down with the outbox key under which it will be posted."""
    number = questions.ask(c, stored.ref, stored.id, key, call.now)
    buttons, text = choices(call.language, number, offered), question_text(call.language, stored)
    return Post(chat=call.command.chat, text=text, choices=buttons, reply_to=stored.ref.message_id)


def choices(language: str, number: int, offered: Iterable[Label]) -> tuple[Choice, ...]:
    """The labels as buttons of question `number`, then "none of these" and "skip"."""
    buttons = [Choice(text=label.display, value=AnswerQuestion(number, label.id).value) for label in offered]
    buttons.append(Choice(text=say(language, "ask_none"), value=AnswerQuestion(number, "none").value))
    return (*buttons, Choice(text=say(language, "ask_skip"), value=AnswerQuestion(number, "skip").value))


def question_text(language: str, stored: Stored) -> str:
    """What a question reads."""
    return say(language, "ask_question", author=stored.author.name or stored.author.id, text=excerpt(stored.text))


def excerpt(text: str | None, most: int = 300) -> str:
    """The beginning of a message, on one line."""
    line = " ".join((text or "").split())
    return line if len(line) <= most else line[: most - 1] + "…"


# A press touches a handful of rows, all found by an index: they are read in the write itself, where they cannot change.


def answer(c: Connection, button: Button, pressed: AnswerQuestion, language: str, now: float) -> list[Reply]:
    """A pressed answer becomes a ledger entry like a reaction, and the question is updated in place."""
    asked, language = questions.question(c, pressed.question), chats.language(c, button.ref.chat, language)
    if asked is None or asked.state != "open" or asked.ref.chat != button.ref.chat:
        return [told(button, say(language, "ask_closed"))]
    stored = messages.find(c, asked.ref)
    if stored is None or stored.deleted:
        questions.close(c, asked.id, "skipped")
        return [EditPost(chat=button.ref.chat, post=asked.post, text=say(language, "message_deleted"))]
    label = labels.means(c).get(pressed.answer) if isinstance(pressed.answer, int) else None
    if label is None and isinstance(pressed.answer, int):
        text = f"{say(language, 'label_gone')}\n{question_text(language, stored)}"
        buttons = choices(language, asked.id, labels.living(c))
        return [EditPost(chat=button.ref.chat, post=asked.post, text=text, choices=buttons)]
    questions.close(c, asked.id, "skipped" if pressed.answer == "skip" else "answered")
    if pressed.answer != "skip":
        following.append(c, [ledger.choice(button, button.presser, asked.ref, label.id if label else None, "ask")], now)
    text = outcome(language, stored, label, button, skipped=pressed.answer == "skip")
    return [EditPost(chat=button.ref.chat, post=asked.post, text=text)]


def agreed(c: Connection, button: Button, label_id: int, language: str, now: float) -> list[Reply]:
    """Somebody pressed the label that the bot had shown in words: it is right."""
    language = chats.language(c, button.ref.chat, language)
    stored, post = labelled_message(c, button)
    if stored is None or stored.deleted or post is None:
        return nothing_to_label(button, stored, language)
    label = labels.means(c).get(label_id)
    if label is None:
        return ask_about(c, button, stored, language, now, "label_gone")
    following.append(c, [ledger.choice(button, button.presser, stored.ref, label.id, "button")], now)
    name = button.presser.name or button.presser.id
    text = say(language, "agreed", label=label.display, name=name)
    return [EditPost(chat=button.ref.chat, post=post, text=text)]


def more(c: Connection, button: Button, language: str, now: float) -> list[Reply]:
    """Somebody wants to choose another label than the one that the bot had shown in words."""
    language = chats.language(c, button.ref.chat, language)
    stored, _ = labelled_message(c, button)
    if stored is None or stored.deleted:
        return nothing_to_label(button, stored, language)
    return ask_about(c, button, stored, language, now)


def labelled_message(c: Connection, button: Button) -> tuple[Stored | None, str | None]:
    """The message under which the bot had shown a label, and the outbox key of what it showed."""
    post = outbox.find_post(c, button.ref.chat, button.ref.message_id)
    about = outbox.subject(c, post) if post else None
    return (messages.by_key(c, about) if about else None), post


def nothing_to_label(button: Button, stored: Stored | None, language: str) -> list[Reply]:
    """Say that the message is gone, or was never seen."""
    key = "message_deleted" if stored else "message_unseen"
    return [told(button, say(language, key))]


def ask_about(
    c: Connection, button: Button, stored: Stored, language: str, now: float, first: str | None = None
) -> list[Reply]:
    """Ask which label this very message has; `first` names a sentence to say before."""
    number = questions.ask(c, stored.ref, stored.id, f"{button.key}:0", now)
    text = "\n".join([*([say(language, first)] if first else []), question_text(language, stored)])
    buttons = choices(language, number, labels.living(c))
    return [told(button, text, buttons)]


def outcome(language: str, stored: Stored, label: Label | None, button: Button, *, skipped: bool) -> str:
    """What the question reads once it was answered; no label and not skipped: none of the labels fits."""
    values = {"text": excerpt(stored.text, 120), "name": button.presser.name or button.presser.id}
    if label is None:
        return say(language, "ask_skipped" if skipped else "ask_answered_none", **values)
    return say(language, "ask_answered", label=label.display, **values)

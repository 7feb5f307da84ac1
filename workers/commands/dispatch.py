"""What runs when somebody types a verb or presses a button: who may, are you sure, do it, write it down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from workers.commands import ask, chat, jobs, labels, models
from workers.commands.context import Call
from workers.core.buttons import MORE
from workers.core.command_table import VERBS, find
from workers.core.errors import BackchannelError
from workers.core.events import Button, Command
from workers.core.i18n import TEXTS, say
from workers.core.replies import CheckAdmin, Choice, EditPost, Post, Reply
from workers.store import audit, chats, outbox, questions
from workers.store.chats import Chat
from workers.store.labels import LabelError

log = logging.getLogger(__name__)
RUN: dict[str, Callable[[Call], Sequence[Reply]]] = {
    "help": chat.help_,
    "here": chat.here,
    "leave": chat.leave,
    "mode": chat.mode,
    "bots": chat.bots,
    "stats": chat.stats,
    "export": chat.export,
    "forget": chat.forget,
    "labels": labels.show,
    "labels add": labels.add,
    "labels rename": labels.rename,
    "labels merge": labels.merge,
    "labels remove": labels.remove,
    "labels emoji": labels.emoji,
    "label": labels.label,
    "ask": ask.ask,
    "retrain": jobs.retrain,
    "distill": jobs.distill,
    "pretrain": jobs.pretrain,
    "tune": jobs.tune,
    "evaluate": jobs.evaluate,
    "jobs": jobs.show,
    "cancel": jobs.cancel,
    "models": models.models,
    "promote": models.promote,
    "rollback": models.rollback,
}
CHECK: dict[str, Callable[[Call], Sequence[Reply]]] = {
    "forget": chat.check_forget,
    "labels merge": labels.check_merge,
    "labels remove": labels.check_remove,
}
"""For verbs that ask "are you sure": what is said instead of asking, where the verb could only be refused."""


def run(c: Connection, command: Command, language: str, now: float) -> list[tuple[str, Reply]]:
    """Answer one command. `language` is the one to speak in a chat that nobody enabled."""
    call, refusal = prepare(c, command, language, now)
    if call is None:
        return keyed(command.key, refusal)
    if call.verb.confirm:
        return keyed(command.key, in_vain(call) or [are_you_sure(call)])
    return keyed(command.key, carry_out(call))


def prepare(c: Connection, command: Command, language: str, now: float) -> tuple[Call | None, list[Reply]]:
    """The call that may go ahead, or the reply that says why not."""
    where = chats.get(c, command.chat) or Chat(ref=command.chat, enabled=False, mode="suggest", language=language)
    verb, rest = find(command.text)
    if verb is None:
        call = Call(c, command, where, VERBS["help"], rest, now)
        near = chat.did_you_mean(call, command.verb)
        return None, [*call.say("unknown_verb", verb=command.verb[:40], near=near)]
    call = Call(c, command, where, verb, rest, now)
    if not (where.enabled or verb.anywhere or command.private):
        return None, [*call.say("not_here")]
    if needs_admin(call) and not command.admin:
        return None, [CheckAdmin(event=command)] if command.admin is None else refuse(call)
    return call, []


def needs_admin(call: Call) -> bool:
    """Everybody may have themselves forgotten; for the rest the table says it."""
    myself = call.verb.name == "forget" and [person.id for person in chat.people(call)] == [call.caller.id]
    return call.verb.admin and not myself


def refuse(call: Call) -> list[Reply]:
    """Say that this verb is for admins, and write down who tried."""
    write_down(call, "refused")
    key = f"admins_only_{call.command.why}" if call.command.why else "admins_only"
    return [*call.say(key, verb=call.verb.name, me=f"{call.command.chat.platform}:{call.caller.id}")]


def in_vain(call: Call) -> list[Reply]:
    """Why there is no point in asking whether somebody is sure; empty where there is one."""
    replies: list[Reply] = []
    try:
        if call.verb.name in CHECK:
            replies.extend(CHECK[call.verb.name](call))
    except BackchannelError as error:
        replies = [call.post(in_language(call.language, error))]
    if replies:
        write_down(call, "failed")
    return replies


def are_you_sure(call: Call) -> Post:
    """Hold the command until somebody who may presses yes."""
    number = questions.hold(call.c, call.command, call.now)
    choices = (
        Choice(text=call.text("yes"), value=f"y:{number}"),
        Choice(text=call.text("no"), value=f"n:{number}"),
    )
    meant = call.rest
    if call.verb.name == "forget":
        [person] = chat.people(call)  # `in_vain` has seen to that
        meant = person.name or person.id
    return call.post(call.text(f"sure_{call.verb.name}", arguments=meant), choices)


def carry_out(call: Call) -> list[Reply]:
    """Run the verb in a savepoint, so that one that fails half-way leaves nothing behind."""
    try:
        with call.c.begin_nested():
            replies = list(RUN[call.verb.name](call))
    except BackchannelError as error:
        write_down(call, "failed")
        return [call.post(in_language(call.language, error))]
    write_down(call, "done")
    return replies


def in_language(language: str, error: BackchannelError) -> str:
    """The error's sentence in the chat's language, where it is one of the table's."""
    if isinstance(error, LabelError) and error.code in TEXTS:
        return say(language, error.code, **error.params)
    return str(error)


def write_down(call: Call, outcome: str) -> None:
    """Admin verbs go to the audit log, whatever came of them."""
    if call.verb.admin:
        audit.record(call.c, call.now, call.caller, call.command.chat, call.verb.name, call.rest[:500], outcome)


def press(c: Connection, button: Button, language: str, now: float) -> list[tuple[str, Reply]]:
    """A button of ours was pressed: an answer, an agreement, a yes, a no, or a job's cancel."""
    kind = button.value.partition(":")[0]
    try:
        if kind == "a":
            return keyed(button.key, ask.answer(c, button, now))
        if kind == "l":
            return keyed(button.key, ask.agreed(c, button, number_in(button.value), language, now))
        if button.value == MORE:
            return keyed(button.key, ask.more(c, button, language, now))
        if kind in ("y", "n"):
            return keyed(button.key, decided(c, button, language, now))
        if kind == "j":
            return keyed(button.key, cancel_pressed(c, button, language, now))
    except ValueError:
        log.warning("A button came back with a value that is not ours: %r", button.value)
    where = chats.get(c, button.ref.chat)
    text = say(where.language if where else language, "too_late")
    return keyed(button.key, [Post(chat=button.ref.chat, text=text)])


def number_in(value: str) -> int:
    """The number that a button of ours carries. Raises ValueError where it is none."""
    number = value.split(":")[1]
    if not number.isdecimal() or len(number) > ask.LONGEST:
        raise ValueError(value)
    return int(number)


def decided(c: Connection, button: Button, language: str, now: float) -> list[Reply]:
    """The yes or no of whoever was asked "are you sure"."""
    kind, number = button.value[0], number_in(button.value)
    where = chats.get(c, button.ref.chat)
    spoken = where.language if where else language
    held = questions.peek(c, number, now)
    if held is None or held.chat != button.ref.chat:
        return [Post(chat=button.ref.chat, text=say(spoken, "too_late"))]
    if held.caller.id != button.presser.id:
        return [Post(chat=button.ref.chat, text=say(spoken, "not_yours", name=held.caller.name or held.caller.id))]
    questions.held(c, number, now)
    call, refusal = prepare(c, held, language, now)
    replies: list[Reply] = refusal
    if kind == "n":
        replies = [Post(chat=button.ref.chat, text=say(spoken, "not_done"))]
    elif call is not None:
        replies = carry_out(call)
    return in_place(c, button, replies)


def cancel_pressed(c: Connection, button: Button, language: str, now: float) -> list[Reply]:
    """The button of a progress message is the verb `cancel`, typed by whoever pressed it."""
    command = Command(
        key=button.key,
        at=button.at,
        chat=button.ref.chat,
        caller=button.presser,
        text=f"cancel {number_in(button.value)}",
        private=button.private,
        admin=button.admin,
        why=button.why,
    )
    call, refusal = prepare(c, command, language, now)
    return carry_out(call) if call else refusal


def in_place(c: Connection, button: Button, replies: list[Reply]) -> list[Reply]:
    """The first sentence of the outcome replaces the question and its buttons."""
    post = outbox.find_post(c, button.ref.chat, button.ref.message_id)
    if post is None or not replies or not isinstance(replies[0], Post):
        return replies
    return [EditPost(chat=button.ref.chat, post=post, text=replies[0].text), *replies[1:]]


def keyed(key: str, replies: Sequence[Reply]) -> list[tuple[str, Reply]]:
    """Outbox keys for the replies to one event: the same event always gives the same keys."""
    return [(f"{key}:{place}", reply) for place, reply in enumerate(replies)]

"""What runs when somebody types a verb or presses a button: who may, are you sure, do it, write it down.

All of it is decided in a read transaction, and comes back as the plan of a short write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from workers.commands import ask, chat, jobs, labels, models
from workers.commands.context import Answer, Call, Plan, reply_with, told
from workers.core.buttons import Agree, AnswerQuestion, CancelJob, Confirm, ForeignButton, More, parse
from workers.core.command_table import VERBS, find
from workers.core.errors import BackchannelError
from workers.core.events import Button, Command
from workers.core.i18n import say
from workers.core.replies import CheckAdmin, Choice, EditPost, Post, Reply
from workers.store import chats, outbox, questions
from workers.store.chats import Chat

log = logging.getLogger(__name__)

RUN: dict[str, Callable[[Call], Answer]] = {
    "help": chat.help_,
    "here": chat.here,
    "leave": chat.leave,
    "mode": chat.mode,
    "bots": chat.bots,
    "stats": chat.stats,
    "export": chat.export,
    "export all": chat.export_all,
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
    "retrain auto": jobs.retrain_auto,
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
"""Each verb's function reads and decides; it changes nothing itself."""


def run(c: Connection, command: Command, language: str, now: float) -> Plan:
    """What one command comes to. `language` is the one to speak in a chat that nobody enabled."""
    call = admitted(c, command.key, command, language, now)
    return call if isinstance(call, Plan) else carry_out(call, confirmed=not call.verb.confirm)


def admitted(c: Connection, event: str, command: Command, language: str, now: float) -> Call | Plan:
    """The call that may go ahead, or the plan to say why not."""
    settings = chats.get(c, command.chat) or Chat(ref=command.chat, enabled=False, mode="suggest", language=language)
    verb, rest = find(command.text)
    if verb is None:
        call = Call(c, event, command, settings, VERBS["help"], rest, now)
        near = chat.did_you_mean(call, command.verb)
        return reply_with(*call.say("unknown_verb", verb=command.verb[:40], near=near))
    call = Call(c, event, command, settings, verb, rest, now)
    if not (settings.enabled or verb.anywhere or command.private):
        return reply_with(*call.say("not_here"))
    if verb.operator and not command.operator:
        return refuse(call, "operators_only")
    if needs_admin(call) and not command.admin:
        return reply_with(CheckAdmin(event=command)) if command.admin is None else refuse(call)
    return call


def needs_admin(call: Call) -> bool:
    """Everybody may have themselves forgotten; for the rest the table says it."""
    myself = call.verb.name == "forget" and [person.id for person in chat.people(call)] == [call.caller.id]
    return call.verb.admin and not myself


def refuse(call: Call, code: str = "") -> Plan:
    """Say that this verb is for admins, or for others by the sentence `code`, and write down who tried."""
    key = code or (f"admins_only_{call.command.why}" if call.command.why else "admins_only")
    me = f"{call.command.chat.platform}:{call.caller.id}"
    return audited(call, call.say(key, verb=call.verb.name, me=me), "refused")


def carry_out(call: Call, *, confirmed: bool) -> Plan:
    """What the verb decides; one that has something to do and is not yet confirmed asks first."""
    try:
        answer = RUN[call.verb.name](call)
    except BackchannelError as error:
        return audited(call, [call.post(error.sentence.text(call.language))], "failed")
    if not isinstance(answer, Plan):
        # A verb that wants a yes and answers without a plan says why it can't be done.
        return audited(call, answer, "done" if confirmed else "failed")
    if not confirmed:
        return ask_if_sure(call)
    return Plan(lambda c: carried_out(c, call, answer), answer.ahead)


def audited(call: Call, replies: Sequence[Reply], outcome: str) -> Plan:
    """Say this, and write down what came of the verb."""

    def write(c: Connection) -> Sequence[Reply]:
        write_down(c, call, outcome)
        return replies

    return Plan(write)


def carried_out(c: Connection, call: Call, plan: Plan) -> Sequence[Reply]:
    """Write what was planned in a savepoint, so that a verb that fails half-way leaves nothing behind."""
    try:
        with c.begin_nested():
            replies = plan.write(c)
    except BackchannelError as error:
        write_down(c, call, "failed")
        return [call.post(error.sentence.text(call.language))]
    write_down(c, call, "done")
    return replies


def ask_if_sure(call: Call) -> Plan:
    """Hold the command until somebody who may presses yes."""
    meant = call.rest
    if call.verb.name == "forget":
        [person] = chat.people(call)  # `forget` has a plan only where one person is meant
        meant = person.name or person.id
    text = call.text(f"sure_{call.verb.name}", arguments=meant)

    def write(c: Connection) -> Sequence[Reply]:
        number = questions.hold(c, call.command, call.now)
        answers = (("yes", True), ("no", False))
        choices = (Choice(text=call.text(key), value=Confirm(number, yes).value) for key, yes in answers)
        return [call.post(text, tuple(choices))]

    return Plan(write)


def write_down(c: Connection, call: Call, outcome: str) -> None:
    """The verbs of admins and operators go to the audit log, whatever came of them."""
    if call.verb.admin or call.verb.operator:
        questions.write_audit(c, call.now, call.caller, call.command.chat, call.verb.name, call.rest[:500], outcome)


def press(c: Connection, button: Button, language: str, now: float) -> Plan:
    """What a pressed button comes to: an answer, an agreement, a yes, a no, or a job's cancel."""
    try:
        pressed = parse(button.value)
    except ForeignButton as error:
        log.warning("%s", error)
        return reply_with(told(button, say(chats.language(c, button.ref.chat, language), "too_late")))
    match pressed:
        case AnswerQuestion():
            return Plan(lambda c: ask.answer(c, button, pressed, language, now))
        case Agree():
            return Plan(lambda c: ask.agreed(c, button, pressed.label, language, now))
        case More():
            return Plan(lambda c: ask.more(c, button, language, now))
        case Confirm():
            return confirm(c, button, pressed, language, now)
        case CancelJob():
            return cancel_pressed(c, button, pressed, language, now)


def confirm(c: Connection, button: Button, pressed: Confirm, language: str, now: float) -> Plan:
    """The yes or no of whoever was asked "are you sure"; only the first press counts."""
    language = chats.language(c, button.ref.chat, language)
    too_late = told(button, say(language, "too_late"))
    held = questions.peek(c, pressed.command, now)
    if held is None or held.chat != button.ref.chat:
        return reply_with(too_late)
    if held.caller.id != button.presser.id:
        text = say(language, "not_yours", name=held.caller.name or held.caller.id)
        return reply_with(told(button, text))
    plan = reply_with(told(button, say(language, "not_done")))
    if pressed.yes:
        # Once more: rights and the chat may have changed since the command was typed.
        call = admitted(c, button.key, held, language, now)
        plan = call if isinstance(call, Plan) else carry_out(call, confirmed=True)

    def write(c: Connection) -> Sequence[Reply]:
        # Somebody may have pressed since the reading; only one takes it.
        if questions.held(c, pressed.command, now) is None:
            return [too_late]
        return in_place(c, button, plan.write(c), say(language, "done"))

    return Plan(write, plan.ahead)


def cancel_pressed(c: Connection, button: Button, pressed: CancelJob, language: str, now: float) -> Plan:
    """The button of a progress message is the verb `cancel`, typed by whoever pressed it."""
    command = Command(
        key=button.key,
        at=button.at,
        chat=button.ref.chat,
        caller=button.presser,
        text=f"cancel {pressed.job}",
        private=button.private,
        admin=button.admin,
        operator=button.operator,
        why=button.why,
    )
    return run(c, command, language, now)


def in_place(c: Connection, button: Button, replies: Sequence[Reply], done: str) -> Sequence[Reply]:
    """The first sentence of the outcome replaces the question and its buttons.

    What all are to read stays a post of its own, and the question, which one person saw, reads `done`.
    """
    post = outbox.find_post(c, button.ref.chat, button.ref.message_id)
    if post is None or not replies or not isinstance(replies[0], Post):
        return replies
    if replies[0].to is None and not button.private:
        return [EditPost(chat=button.ref.chat, post=post, text=done), *replies]
    return [EditPost(chat=button.ref.chat, post=post, text=replies[0].text), *replies[1:]]

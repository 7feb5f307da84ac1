"""Verbs about the chat itself: help, here, leave, mode, stats, export, forget."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from modeling.reporting.drawing import attempt
from modeling.sentences.catalogue import Sentence
from workers.commands.context import Answer, Call, Plan, reply_with
from workers.core.command_table import VERBS, nearest
from workers.core.events import ChatRef, Person
from workers.core.i18n import percent, say
from workers.core.replies import Document, Picture, Post, Reply
from workers.store import chat_figures, chats, erasure, labels, training_set, versions
from workers.store.accuracy import WINDOW, AccuracyPoint

INK, FAINT = "#2f6f5e", "#d9d9d9"


def help_(call: Call) -> list[Post]:
    """All verbs, or one of them with its arguments."""
    wanted = call.rest.lower().lstrip("/")
    chosen = [verb for verb in VERBS.values() if wanted in ("", verb.name, verb.name.split()[0])]
    if not chosen:
        return call.say("unknown_verb", verb=wanted[:40], near=did_you_mean(call, wanted))
    lines = [
        f"`{verb.name}{' ' + verb.arguments if verb.arguments else ''}` {verb.help(call.language)}" for verb in chosen
    ]
    return [call.post("\n".join(lines))]


def did_you_mean(call: Call, verb: str) -> str:
    """A word more for somebody who mistyped a verb."""
    near = nearest(verb)
    return call.text("did_you_mean", verb=near) if near else ""


def here(call: Call) -> Answer:
    """Enable this chat; the optional argument is the language in which the bot speaks here."""
    asked = call.rest.strip().lower()
    language = {"zh": "zh", "中文": "zh", "en": "en", "english": "en"}.get(asked, call.language)
    text = say(language, "here") + ("" if labels.living(call.c) else say(language, "here_labels"))

    def write(c: Connection) -> list[Post]:
        chats.enable(c, call.command.chat, call.caller, language, call.now)
        return [call.announce(text)]

    return Plan(write)


def leave(call: Call) -> Answer:
    """Disable this chat; what is stored stays."""

    def write(c: Connection) -> list[Post]:
        chats.disable(c, call.command.chat, call.now)
        return call.tell_all("left")

    return Plan(write)


def mode(call: Call) -> Answer:
    """Watch only, or put emoji on messages."""
    wanted = call.rest.strip().lower()
    if not wanted:
        return call.usage()
    if wanted not in ("shadow", "suggest"):
        return call.say("mode_unknown", mode=wanted)

    def write(c: Connection) -> list[Post]:
        chats.set_mode(c, call.command.chat, wanted)
        return call.tell_all(f"mode_{wanted}")

    return Plan(write)


def bots(call: Call) -> Answer:
    """Read other programs' messages, such as alerts, or leave them out."""
    wanted = call.rest.strip().lower()
    if wanted not in ("on", "off"):
        return call.usage()

    def write(c: Connection) -> list[Post]:
        chats.set_bots(c, call.command.chat, wanted == "on")
        return call.tell_all(f"bots_{wanted}")

    return Plan(write)


def stats(call: Call) -> Sequence[Reply]:
    """Counts, accuracy and coverage of this chat, and the active version; a picture once there is a line to draw."""
    counts = chat_figures.figures(call.c, call.command.chat)
    active = versions.active(call.c)
    accuracy = ""
    if counts.accuracy:
        last = counts.accuracy[-1]
        accuracy = call.text("stats_accuracy", percent=f"{100 * last.accuracy:.0f}", count=min(WINDOW, last.labels))
    posts = call.say(
        "stats",
        messages=counts.messages,
        labelled=counts.labelled,
        disputed=counts.disputed,
        accuracy=accuracy,
        coverage=counts.spoken(call.language),
        version=active.id,
        method=active.method,
    )
    return [*posts, *([chart(call, counts.accuracy)] if len(counts.accuracy) > 1 else [])]


def chart(call: Call, points: Sequence[AccuracyPoint]) -> Post | Picture:
    """How the share of right answers went up or down with the labels; in words alone where nothing can be drawn."""
    first, last = points[0], points[-1]
    shares = {"first": percent(first.accuracy), "last": percent(last.accuracy)}
    alt = call.text("accuracy_chart", **shares, labels=last.labels)
    chat, thread = call.command.chat, call.command.thread
    drawn = attempt(lambda: accuracy_png(points))
    if isinstance(drawn, Sentence):
        return call.post(f"{alt} {drawn.render(call.language)}")
    to = call.caller.id
    return Picture(chat=chat, filename="accuracy.png", content=drawn, alt=alt, text=alt, reply_to=thread, to=to)


def accuracy_png(points: Sequence[AccuracyPoint]) -> bytes:
    """Share of right answers (percent) against the number of labels when they were given. Imports matplotlib."""
    from matplotlib.figure import Figure

    from modeling.reporting.fonts import PLAIN, Fonts

    figure = Figure(figsize=(6.4, 3.2), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    labels, percents = [point.labels for point in points], [100 * point.accuracy for point in points]
    axes.plot(labels, percents, color=INK, linewidth=2)  # pyright: ignore[reportUnknownMemberType]
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter("{x:.0f}%")
    axes.grid(axis="y", color=FAINT)  # pyright: ignore[reportUnknownMemberType]
    axes.spines[["top", "right"]].set_visible(False)
    return Fonts((PLAIN,)).png(figure)


def export(call: Call) -> list[Document] | list[Post]:
    """Every labelled text of this chat as one JSON line, handed to whoever asked, alone."""
    lines = exported(call, call.command.chat)
    return [document(call, "exported", lines)] if lines else call.say("export_none")


def export_all(call: Call) -> Answer:
    """The same of all chats."""
    lines = exported(call, None)
    if not lines:
        return call.say("export_none_at_all")
    return reply_with(*call.say("exported_privately"), document(call, "exported_all", lines))


def exported(call: Call, chat: ChatRef | None) -> list[str]:
    """The labelled texts of a chat, or of all of them, a line each."""
    return [json.dumps(row, ensure_ascii=False) for row in training_set.export(call.c, chat)]


def document(call: Call, code: str, lines: Sequence[str]) -> Document:
    """A file with these lines for the caller alone; `code` is that of the sentence beside it."""
    content, text, chat = "\n".join(lines) + "\n", call.text(code, count=len(lines)), call.command.chat
    return Document(chat=chat, filename="labels.jsonl", content=content, text=text, to=call.caller.id)


def forget(call: Call) -> Answer:
    """Delete what one person wrote and labelled, in this workspace."""
    candidates, chat = people(call), call.command.chat
    if not candidates:
        code = "forget_username" if call.rest.startswith("@") else "forget_unknown"
        return call.say(code, name=call.rest) if call.rest else call.usage()
    if len(candidates) > 1:
        names = ", ".join(f"{person.name} ({person.id})" for person in candidates)
        return call.say("forget_several", name=call.rest, people=names)

    person = candidates[0]
    # But for the events that ask for it: after a kill they are what goes on.
    begun = erasure.find(call.c, person.id, chat.platform, chat.workspace, besides=(call.event, call.command.key))

    def write(c: Connection) -> list[Post]:
        return call.say("forgotten", count=erasure.forget(c, person.id, chat.platform, chat.workspace, begun))

    return Plan(write, erasure.parts(begun))


def people(call: Call) -> list[Person]:
    """Whom `forget` means: `me`, an id, or a name with or without @."""
    if call.rest.strip().lower() in ("me", "我"):
        return [call.caller]
    return erasure.people(call.c, call.command.chat, call.rest.strip()) if call.rest.strip() else []

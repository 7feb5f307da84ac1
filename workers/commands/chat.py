"""Verbs about the chat itself: help, here, leave, mode, stats, export, forget."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workers.commands.charts import accuracy_png
from workers.commands.context import Call
from workers.core.command_table import VERBS, nearest
from workers.core.events import Person
from workers.core.i18n import percent
from workers.core.replies import Document, Picture, Post
from workers.store import chats, erasure, labels, overview, training_set, versions
from workers.store.overview import AccuracyPoint


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


def here(call: Call) -> list[Post]:
    """Enable this chat; the optional argument is the language in which the bot speaks here."""
    asked = call.rest.strip().lower()
    language = {"zh": "zh", "中文": "zh", "en": "en", "english": "en"}.get(asked, call.language)
    chats.enable(call.c, call.command.chat, call.caller, language, call.now)
    spoken = Call(call.c, call.command, chats.get(call.c, call.command.chat) or call.chat, call.verb, "", call.now)
    text = spoken.text("here")
    return [call.post(text if labels.living(call.c) else text + spoken.text("here_labels"))]


def leave(call: Call) -> list[Post]:
    """Disable this chat; what is stored stays."""
    chats.disable(call.c, call.command.chat, call.now)
    return call.say("left")


def mode(call: Call) -> list[Post]:
    """Watch only, or put emoji on messages."""
    wanted = call.rest.strip().lower()
    if not wanted:
        return call.usage()
    if wanted not in ("shadow", "suggest"):
        return call.say("mode_unknown", mode=wanted)
    chats.set_mode(call.c, call.command.chat, wanted)
    return call.say(f"mode_{wanted}")


def bots(call: Call) -> list[Post]:
    """Read other programs' messages, such as alerts, or leave them out."""
    wanted = call.rest.strip().lower()
    if wanted not in ("on", "off"):
        return call.usage()
    chats.set_bots(call.c, call.command.chat, wanted == "on")
    return call.say(f"bots_{wanted}")


def stats(call: Call) -> list[Post | Picture]:
    """Counts, accuracy and the active version; with a picture once there is a line to draw."""
    seen = overview.overview(call.c, call.command.chat)
    active = versions.active(call.c)
    accuracy = ""
    if seen.accuracy:
        last = seen.accuracy[-1]
        accuracy = call.text("stats_accuracy", percent=f"{100 * last.accuracy:.0f}", count=min(50, last.labels))
    said = call.say(
        "stats",
        messages=seen.messages,
        labelled=seen.labelled,
        disputed=seen.disputed,
        accuracy=accuracy,
        version=active.id,
        method=active.method,
    )
    return [*said, *([chart(call, seen.accuracy)] if len(seen.accuracy) > 1 else [])]


def chart(call: Call, points: Sequence[AccuracyPoint]) -> Picture:
    """How the share of right answers went up or down with the labels."""
    first, last = points[0], points[-1]
    shares = {"first": percent(first.accuracy), "last": percent(last.accuracy)}
    alt = call.text("accuracy_chart", **shares, labels=last.labels)
    chat, thread = call.command.chat, call.command.thread
    return Picture(chat=chat, filename="accuracy.png", content=accuracy_png(points), alt=alt, text=alt, reply_to=thread)


def export(call: Call) -> list[Document] | list[Post]:
    """Every labelled text of this workspace as one JSON line; the platform hands the file over."""
    here = f"{call.command.chat.platform}/{call.command.chat.workspace}/"
    rows = (row for row in training_set.export(call.c) if row["chat"].startswith(here))
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    if not lines:
        return call.say("export_none")
    text = call.text("exported", count=len(lines))
    content, thread = "\n".join(lines) + "\n", call.command.thread
    return [Document(chat=call.command.chat, filename="labels.jsonl", content=content, text=text, reply_to=thread)]


def forget(call: Call) -> list[Post]:
    """Delete what one person wrote and labelled, in this workspace."""
    refusal = check_forget(call)
    if refusal:
        return refusal
    found, chat = people(call), call.command.chat
    count = erasure.forget(call.c, found[0].id, chat.platform, chat.workspace)
    return call.say("forgotten", count=count)


def check_forget(call: Call) -> list[Post]:
    """What is said where it is not clear who is meant; empty where it is."""
    found = people(call)
    if not found:
        return call.say("forget_unknown", name=call.rest) if call.rest else call.usage()
    if len(found) > 1:
        names = ", ".join(f"{person.name} ({person.id})" for person in found)
        return call.say("forget_several", name=call.rest, people=names)
    return []


def people(call: Call) -> list[Person]:
    """Whom `forget` means: `me`, an id, or a name with or without @."""
    if call.rest.strip().lower() in ("me", "我"):
        return [call.caller]
    return erasure.people(call.c, call.command.chat, call.rest.strip()) if call.rest.strip() else []


def share(value: object) -> str:
    """A metric as people read it, or a dash where a version was never measured."""
    return percent(value) if isinstance(value, float | int) else "–"

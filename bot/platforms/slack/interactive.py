"""Slash commands, buttons and the message shortcut to our events: pure functions from the documented payloads."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from bot.platforms.slack.events import Payload, author_of, chat_of, from_program, ref_of
from bot.platforms.slack.formatting import readable, text_of
from bot.platforms.slack.modal import CHOSEN, Target
from bot.platforms.slack.workspace import Workspace
from workers.core.events import Button, Command, Message, Person

SLASHES = {"/backchannel": "", "/retrain": "retrain "}
"""Our slash commands and the verb that each stands for."""


def command_of(payload: Payload, mine: Workspace) -> Command:
    """What was typed after a slash. In a DM it works even where nobody enabled it."""
    text = readable(payload.get("text") or "", ids=True)
    return Command(
        key=f"slack:{mine.id}:{payload['trigger_id']}",
        at=time.time(),  # the payload has no time of its own
        chat=chat_of(payload["channel_id"], mine),
        caller=Person(id=payload["user_id"], name=payload.get("user_name") or payload["user_id"]),
        text=(SLASHES.get(payload["command"], "") + text).strip() or "help",
        private=payload.get("channel_name") == "directmessage",
    )


def presser_of(payload: Payload) -> Person:
    """Whoever pressed, chose or submitted."""
    user: Payload = payload["user"]
    return Person(id=user["id"], name=user.get("username") or user.get("name") or user["id"])


def button_of(payload: Payload, mine: Workspace) -> Button | None:
    """A button under one of our posts."""
    action: Payload = payload["actions"][0]
    container: Payload = payload.get("container") or {}
    ts = (payload.get("message") or {}).get("ts") or container.get("message_ts")
    channel = (payload.get("channel") or {}).get("id") or container.get("channel_id")
    if not (ts and channel and action.get("value")):
        return None
    return Button(
        key=f"slack:{mine.id}:{payload['trigger_id']}",
        at=float(action["action_ts"]),
        ref=ref_of(channel, ts, mine),
        presser=presser_of(payload),
        value=action["value"],
        private=channel.startswith("D"),
    )


def home_command_of(payload: Payload, mine: Workspace) -> Command | None:
    """A button of the App Home: its verb, typed in that person's own DM with us, which the view carries."""
    action, view = payload["actions"][0], payload["view"]
    if not view.get("private_metadata"):
        return None
    return Command(
        key=f"slack:{mine.id}:{payload['trigger_id']}",
        at=float(action["action_ts"]),
        chat=chat_of(view["private_metadata"], mine),
        caller=presser_of(payload),
        text=action["value"],
        private=True,
    )


def target_of(payload: Payload, mine: Workspace) -> Target:
    """The message on which the shortcut was used."""
    message: Payload = payload["message"]
    author = author_of(message, str)
    return Target(
        channel=payload["channel"]["id"],
        ts=message["ts"],
        thread=message.get("thread_ts") or "",
        author=author.id,
        name=author.name,
        text=readable(text_of(message)),
        bot=from_program(message),
        mine=mine.is_me(message),
    )


def message_of(target: Target, mine: Workspace) -> Message | None:
    """The shortcut's message, which may be older than our time in the channel; not our own, and not without text."""
    if target.mine or not target.text:
        return None
    return Message(
        key=f"slack:{mine.id}:{target.channel}:{target.ts}:shown",
        at=float(target.ts),
        ref=ref_of(target.channel, target.ts, mine),
        author=Person(id=target.author, name=target.name),
        text=target.text,
        reply_to=target.thread if target.thread not in ("", target.ts) else None,
        bot=target.bot,
    )


def labelling_of(payload: Payload, target: Target, mine: Workspace) -> Command | None:
    """The label that was chosen in the modal, as the verb `label` under the message."""
    values: Mapping[str, Any] = payload["view"]["state"]["values"]
    chosen = [block[CHOSEN]["selected_option"] for block in values.values() if CHOSEN in block]
    if not chosen or not chosen[0]:
        return None
    return Command(
        key=f"slack:{mine.id}:{payload['view']['id']}",
        at=time.time(),
        chat=chat_of(target.channel, mine),
        caller=presser_of(payload),
        text=f"label {chosen[0]['value']}",
        reply_to=ref_of(target.channel, target.ts, mine),
        thread=target.thread or target.ts,
    )


def metadata_of(payload: Payload) -> Target:
    """The message that a modal was opened for."""
    return Target(**json.loads(payload["view"]["private_metadata"]))

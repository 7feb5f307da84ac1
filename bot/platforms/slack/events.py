"""Slack's payloads (Events API, slash commands, buttons, shortcut, modal) to our events: pure functions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from bot.platforms.slack.emoji_names import neutral_of
from bot.platforms.slack.formatting import readable
from bot.platforms.slack.reading import text_of
from bot.platforms.slack.surfaces import CHOSEN, Target
from bot.platforms.slack.workspaces import Workspace
from workers.core.events import (
    Button,
    ChatRef,
    Command,
    Delete,
    Edit,
    Event,
    Message,
    MessageRef,
    Person,
    Presence,
    Reaction,
)
from workers.core.replies import alone_id

PLATFORM = "slack"
MESSAGE_SUBTYPES = frozenset(
    {
        *(None, "file_share", "thread_broadcast", "reply_broadcast", "bot_message", "me_message", "file_comment"),
        *("slack_audio", "slack_video", "slack_image"),
    }
)
"""Subtypes of messages that somebody wrote; the others are about joining, topics, pins and the like."""

CANVAS = "document_mention"
"""The subtype of a mention in a canvas."""
CORRECTION = 60.0
"""Seconds for which a verb may be corrected by an edit; later an edit runs nothing."""

NEW_THREAD = "new:"
"""Prefix of a message under which nobody has written yet: a thread that would begin with the answer."""

SLASHES = {"/backchannel": "", "/retrain": "retrain "}
"""Our slash commands and the verb that each stands for."""

Payload = Mapping[str, Any]
Name = Callable[[str], str]
"""The name of a user id, or the id itself where nobody knows it."""


def event_of(body: Payload, workspace: Workspace, name: Name = str) -> Event | None:
    """What an Events API payload means to us, or None if nothing."""
    event: Payload = body["event"]
    translate = TRANSLATE.get(event["type"])
    return translate(event, f"slack:{workspace.id}:{body['event_id']}", workspace, name) if translate else None


def chat_of(channel: str, workspace: Workspace) -> ChatRef:
    """A channel, group or DM."""
    return ChatRef(platform=PLATFORM, workspace=workspace.id, chat_id=channel)


def ref_of(channel: str, ts: str, workspace: Workspace) -> MessageRef:
    """A message, which Slack names by its time."""
    return MessageRef(platform=PLATFORM, workspace=workspace.id, chat_id=channel, message_id=ts)


def author_of(message: Payload, name: Name) -> Person:
    """Who wrote a message: a person, or a program by the name under which it spoke."""
    profile: Payload = message.get("user_profile") or {}
    display_name = profile.get("display_name") or profile.get("real_name") or message.get("username")
    comment: Payload = message.get("comment") or {}
    if user := message.get("user") or comment.get("user"):
        return Person(id=user, name=display_name or name(user))
    program: Payload = message.get("bot_profile") or {}
    bot_id = message.get("bot_id") or ""
    return Person(id=bot_id, name=display_name or program.get("name") or bot_id)


def message_event(event: Payload, key: str, workspace: Workspace, name: Name) -> Event | None:
    """A `message` event, by its subtype."""
    match event.get("subtype"):
        case "message_changed":
            return edited(event, key, workspace, name)
        case "message_deleted":
            return deleted(event, event["deleted_ts"], key, workspace)
        case subtype if subtype in MESSAGE_SUBTYPES and not workspace.is_me(event):
            if event.get("channel_type") == "im":
                return None if from_program(event) else command_of(event, key, workspace, name, private=True)
            return None if addresses_bot(event, workspace) else message_of(event, key, workspace, name)
        case _:
            return None


def message_of(message: Payload, key: str, workspace: Workspace, name: Name) -> Message | None:
    """A message with text; without any there is nothing to read."""
    text = text_of(message)
    if not text:
        return None
    return Message(
        key=key,
        at=float(message["ts"]),
        ref=ref_of(message["channel"], message["ts"], workspace),
        author=author_of(message, name),
        text=text,
        reply_to=answered(message),
        bot=from_program(message),
    )


def answered(message: Payload) -> str | None:
    """The first message of the thread in which this one stands below others."""
    thread = message.get("thread_ts")
    return thread if thread != message["ts"] else None


def edited(event: Payload, key: str, workspace: Workspace, name: Name) -> Event | None:
    """An edit, if the text is another: unfurled links and new replies change a message, too."""
    message: Payload = event["message"]
    # What Slack leaves of a deleted message whose thread goes on.
    if message.get("subtype") == "tombstone":
        return deleted(event, message["ts"], key, workspace)
    if workspace.is_me(message) or message.get("subtype") not in MESSAGE_SUBTYPES:
        return None
    if event.get("channel_type") == "im":
        return corrected(event, key, workspace, name)
    before: Payload | None = event.get("previous_message")
    text = said(message, workspace)
    if before is not None and said(before, workspace) == text:
        return None
    at = float(event.get("event_ts") or event["ts"])
    ref = ref_of(event["channel"], message["ts"], workspace)
    return Edit(
        key=key,
        at=at,
        ref=ref,
        text=text,
        bot=from_program(message),
        author=author_of(message, name),
        written=float(message["ts"]),
        reply_to=answered(message),
    )


def corrected(event: Payload, key: str, workspace: Workspace, name: Name) -> Command | None:
    """A verb in a DM that was edited in time; in channels it comes as `app_mention`."""
    message: Payload = event["message"]
    before: Payload = event.get("previous_message") or message
    at = float(event.get("event_ts") or event["ts"])
    if from_program(message) or before.get("text") == message.get("text") or at - float(message["ts"]) > CORRECTION:
        return None
    return command_of({**message, "channel": event["channel"]}, key, workspace, name, private=True)


def said(message: Payload, workspace: Workspace) -> str:
    """What there is to classify in a message: nothing in one that is a verb."""
    return "" if addresses_bot(message, workspace) and not from_program(message) else text_of(message)


def deleted(event: Payload, ts: str, key: str, workspace: Workspace) -> Delete | None:
    """A message is gone, unless it was one of ours."""
    if workspace.is_me(event.get("previous_message") or {}):
        return None
    at = float(event.get("event_ts") or event["ts"])
    return Delete(key=key, at=at, ref=ref_of(event["channel"], ts, workspace))


def from_program(message: Payload) -> bool:
    """Whether a program wrote it."""
    return bool(message.get("bot_id")) or message.get("subtype") == "bot_message"


def addresses_bot(message: Payload, workspace: Workspace) -> bool:
    """Whether a message begins with our name: then it is a verb, and comes as `app_mention` as well."""
    return bool(mention(workspace).match(message.get("text") or ""))


def mention(workspace: Workspace) -> re.Pattern[str]:
    """Our name at the start of a text, as Slack writes it."""
    return re.compile(rf"\s*<@{re.escape(workspace.bot)}(?:\|[^>]*)?>[\s,:]*")


def mention_event(event: Payload, key: str, workspace: Workspace, name: Name) -> Command | None:
    """A verb after our name. A mention further on in a text is nothing but talk, and comes as `message` as well."""
    if not addresses_bot(event, workspace) or from_program(event) or workspace.is_me(event):
        return None
    # "… was mentioned in a canvas" are Slack's words.
    if event.get("subtype") == CANVAS:
        return None
    # Slack tells of an edited mention again, whenever that is.
    edited_at = (event.get("edited") or {}).get("ts")
    if edited_at and float(edited_at) - float(event["ts"]) > CORRECTION:
        return None
    return command_of(event, key, workspace, name, private=False)


def command_of(event: Payload, key: str, workspace: Workspace, name: Name, private: bool) -> Command:
    """A verb in a message: one in a thread is about the thread's first message; a mention is answered in its thread."""
    channel, ts, thread = event["channel"], event["ts"], event.get("thread_ts")
    parent = thread if thread and thread != ts else None
    return Command(
        key=key,
        at=float(ts),
        chat=chat_of(channel, workspace),
        caller=author_of(event, name),
        text=readable(mention(workspace).sub("", event.get("text") or "", count=1), ids=True),
        reply_to=ref_of(channel, parent, workspace) if parent else None,
        thread=parent or (None if private else f"{NEW_THREAD}{ts}"),
        private=private,
    )


def reaction(event: Payload, key: str, workspace: Workspace, name: Name) -> Reaction | None:
    """An emoji put or taken away by somebody of this workspace. `item_user` may be missing, and nobody needs it."""
    item: Payload = event["item"]
    if item.get("type") != "message" or workspace.is_me(event) or from_other_company(event, workspace):
        return None
    return Reaction(
        key=key,
        at=float(event["event_ts"]),
        ref=ref_of(item["channel"], item["ts"], workspace),
        annotator=Person(id=event["user"], name=name(event["user"])),
        emoji=neutral_of(event["reaction"]),
        added=event["type"] == "reaction_added",
    )


def from_other_company(event: Payload, workspace: Workspace) -> bool:
    """Whether the event itself says that whoever acted belongs to another company's workspace."""
    teams = {event.get(part) for part in ("user_team", "source_team")} - {None, ""}
    # An id with E is of an organisation, which may have this workspace, too.
    return bool(teams) and workspace.id not in teams and all(str(team).startswith("T") for team in teams)


def joined(event: Payload, key: str, workspace: Workspace, name: Name) -> Presence | None:
    """We were invited."""
    if event["user"] != workspace.bot:
        return None
    return Presence(key=key, at=float(event["event_ts"]), chat=chat_of(event["channel"], workspace), state="joined")


def left(event: Payload, key: str, workspace: Workspace, name: Name) -> Presence:
    """We were put out of a channel; Slack says that of nobody else in this way."""
    return Presence(key=key, at=float(event["event_ts"]), chat=chat_of(event["channel"], workspace), state="left")


def slash_command_of(payload: Payload, workspace: Workspace) -> Command:
    """What was typed after a slash. In a DM it works even where nobody enabled it."""
    text = readable(payload.get("text") or "", ids=True)
    return Command(
        key=f"slack:{workspace.id}:{payload['trigger_id']}",
        at=time.time(),  # the payload has no time of its own
        chat=chat_of(payload["channel_id"], workspace),
        caller=Person(id=payload["user_id"], name=payload.get("user_name") or payload["user_id"]),
        text=(SLASHES.get(payload["command"], "") + text).strip() or "help",
        # What Slack calls every DM here.
        private=payload.get("channel_name") == "directmessage",
    )


def user_of(payload: Payload) -> Person:
    """Whoever pressed, chose or submitted."""
    user: Payload = payload["user"]
    return Person(id=user["id"], name=user.get("username") or user.get("name") or user["id"])


def button_of(payload: Payload, workspace: Workspace) -> Button | None:
    """A button under one of our posts."""
    action: Payload = payload["actions"][0]
    container: Payload = payload.get("container") or {}
    ts = (payload.get("message") or {}).get("ts") or container.get("message_ts")
    channel = (payload.get("channel") or {}).get("id") or container.get("channel_id")
    if not (ts and channel and action.get("value")):
        return None
    presser = user_of(payload)
    return Button(
        key=f"slack:{workspace.id}:{payload['trigger_id']}",
        at=float(action["action_ts"]),
        ref=ref_of(channel, alone_id(presser.id, ts) if container.get("is_ephemeral") else ts, workspace),
        presser=presser,
        value=action["value"],
        thread=(payload.get("message") or {}).get("thread_ts") or container.get("thread_ts"),
        # The ids of DMs begin with D.
        private=channel.startswith("D"),
    )


def home_command_of(payload: Payload, workspace: Workspace) -> Command | None:
    """A button of the App Home: its verb, typed in that person's own DM with us, which the view carries."""
    action, view = payload["actions"][0], payload["view"]
    if not view.get("private_metadata"):
        return None
    return Command(
        key=f"slack:{workspace.id}:{payload['trigger_id']}",
        at=float(action["action_ts"]),
        chat=chat_of(view["private_metadata"], workspace),
        caller=user_of(payload),
        text=action["value"],
        private=True,
    )


def target_of(payload: Payload, workspace: Workspace) -> Target:
    """The message on which the shortcut was used."""
    message: Payload = payload["message"]
    author = author_of(message, str)
    return Target(
        channel=payload["channel"]["id"],
        ts=message["ts"],
        thread=message.get("thread_ts") or "",
        author=author.id,
        name=author.name,
        text=text_of(message),
        bot=from_program(message),
        mine=workspace.is_me(message),
    )


def target_message(target: Target, workspace: Workspace) -> Message | None:
    """The shortcut's message, which may be older than our time in the channel; not our own, and not without text."""
    if target.mine or not target.text:
        return None
    return Message(
        key=f"slack:{workspace.id}:{target.channel}:{target.ts}:shown",
        at=float(target.ts),
        ref=ref_of(target.channel, target.ts, workspace),
        author=Person(id=target.author, name=target.name),
        text=target.text,
        reply_to=target.thread if target.thread not in ("", target.ts) else None,
        bot=target.bot,
    )


def labelling_of(payload: Payload, target: Target, workspace: Workspace) -> Command | None:
    """The label that was chosen in the modal, as the verb `label` under the message."""
    values: Mapping[str, Any] = payload["view"]["state"]["values"]
    option = next((block[CHOSEN]["selected_option"] for block in values.values() if CHOSEN in block), None)
    if not option:
        return None
    return Command(
        key=f"slack:{workspace.id}:{payload['view']['id']}",
        at=time.time(),
        chat=chat_of(target.channel, workspace),
        caller=user_of(payload),
        text=f"label {option['value']}",
        reply_to=ref_of(target.channel, target.ts, workspace),
        thread=target.thread or None,
        closes=True,
    )


def metadata_of(payload: Payload) -> Target:
    """The message that a modal was opened for."""
    return Target(**json.loads(payload["view"]["private_metadata"]))


TRANSLATE: dict[str, Callable[[Payload, str, Workspace, Name], Event | None]] = {
    "message": message_event,
    "app_mention": mention_event,
    "reaction_added": reaction,
    "reaction_removed": reaction,
    "member_joined_channel": joined,
    "channel_left": left,
    "group_left": left,
}
"""What we listen to, beside the events about the app itself; a test compares it with the manifest."""

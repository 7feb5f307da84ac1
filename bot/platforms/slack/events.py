"""Slack's events to ours: pure functions from the documented payloads, which never call anybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.platforms.slack.emoji_names import neutral_of
from bot.platforms.slack.formatting import readable, text_of
from bot.platforms.slack.workspace import Workspace
from workers.core.events import ChatRef, Command, Delete, Edit, Event, Message, MessageRef, Person, Presence, Reaction

PLATFORM = "slack"
SPOKEN = frozenset({None, "file_share", "thread_broadcast", "bot_message", "me_message"})
"""Subtypes with which somebody says something; the others are about joining, topics, pins and the like."""

Payload = Mapping[str, Any]
Name = Callable[[str], str]
"""The name of a user id, or the id itself where nobody knows it."""


def event_of(body: Payload, mine: Workspace, name: Name = str) -> Event | None:
    """What an Events API payload means to us, or None if nothing."""
    event: Payload = body["event"]
    translate = TRANSLATE.get(event["type"])
    return translate(event, f"slack:{mine.id}:{body['event_id']}", mine, name) if translate else None


def chat_of(channel: str, mine: Workspace) -> ChatRef:
    """A channel, group or DM."""
    return ChatRef(platform=PLATFORM, workspace=mine.id, chat_id=channel)


def ref_of(channel: str, ts: str, mine: Workspace) -> MessageRef:
    """A message, which Slack names by its time."""
    return MessageRef(platform=PLATFORM, workspace=mine.id, chat_id=channel, message_id=ts)


def author_of(message: Payload, name: Name) -> Person:
    """Who wrote a message: a person, or a program by the name under which it spoke."""
    profile: Payload = message.get("user_profile") or {}
    shown = profile.get("display_name") or profile.get("real_name") or message.get("username")
    if user := message.get("user"):
        return Person(id=user, name=shown or name(user))
    program: Payload = message.get("bot_profile") or {}
    return Person(id=message.get("bot_id") or "", name=shown or program.get("name") or message.get("bot_id") or "")


def said(event: Payload, key: str, mine: Workspace, name: Name) -> Event | None:
    """A `message` event, by its subtype."""
    match event.get("subtype"):
        case "message_changed":
            return changed(event, key, mine)
        case "message_deleted":
            return deleted(event, event["deleted_ts"], key, mine)
        case subtype if subtype in SPOKEN and not mine.is_me(event):
            if event.get("channel_type") == "im":
                return None if from_program(event) else command_of(event, key, mine, name, private=True)
            return None if calls(event, mine) else message_of(event, event["channel"], key, mine, name)
        case _:
            return None


def message_of(message: Payload, channel: str, key: str, mine: Workspace, name: Name) -> Message | None:
    """A message with text; without any there is nothing to read."""
    text = readable(text_of(message))
    if not text:
        return None
    thread = message.get("thread_ts")
    return Message(
        key=key,
        at=float(message["ts"]),
        ref=ref_of(channel, message["ts"], mine),
        author=author_of(message, name),
        text=text,
        reply_to=thread if thread != message["ts"] else None,
        bot=from_program(message),
    )


def changed(event: Payload, key: str, mine: Workspace) -> Edit | Delete | None:
    """An edit, if the text is another: unfurled links and new replies change a message, too."""
    message: Payload = event["message"]
    if message.get("subtype") == "tombstone":
        return deleted(event, message["ts"], key, mine)
    before: Payload | None = event.get("previous_message")
    text = readable(text_of(message))
    if before is not None and readable(text_of(before)) == text:
        return None
    if mine.is_me(message) or message.get("subtype") not in SPOKEN or event.get("channel_type") == "im":
        return None
    at = float(event.get("event_ts") or event["ts"])
    bot = from_program(message)
    return Edit(key=key, at=at, ref=ref_of(event["channel"], message["ts"], mine), text=text, bot=bot)


def deleted(event: Payload, ts: str, key: str, mine: Workspace) -> Delete | None:
    """A message is gone, unless it was one of ours."""
    if mine.is_me(event.get("previous_message") or {}):
        return None
    at = float(event.get("event_ts") or event["ts"])
    return Delete(key=key, at=at, ref=ref_of(event["channel"], ts, mine))


def from_program(message: Payload) -> bool:
    """Whether a program wrote it."""
    return bool(message.get("bot_id")) or message.get("subtype") == "bot_message"


def calls(message: Payload, mine: Workspace) -> bool:
    """Whether a message begins with our name: then it is a verb, and comes as `app_mention` as well."""
    return bool(mention(mine).match(message.get("text") or ""))


def mention(mine: Workspace) -> re.Pattern[str]:
    """Our name at the start of a text, as Slack writes it."""
    return re.compile(rf"\s*<@{re.escape(mine.bot)}(?:\|[^>]*)?>[\s,:]*")


def mentioned(event: Payload, key: str, mine: Workspace, name: Name) -> Command | None:
    """A verb after our name. A mention further on in a text is nothing but talk, and comes as `message` as well."""
    if not calls(event, mine) or from_program(event) or mine.is_me(event):
        return None
    return command_of(event, key, mine, name, private=False)


def command_of(event: Payload, key: str, mine: Workspace, name: Name, private: bool) -> Command:
    """A verb in a message: one in a thread is about the thread's first message; a mention is answered in its thread."""
    channel, ts, thread = event["channel"], event["ts"], event.get("thread_ts")
    parent = thread if thread and thread != ts else None
    return Command(
        key=key,
        at=float(ts),
        chat=chat_of(channel, mine),
        caller=author_of(event, name),
        text=readable(mention(mine).sub("", event.get("text") or "", count=1), ids=True),
        reply_to=ref_of(channel, parent, mine) if parent else None,
        thread=parent or (None if private else ts),
        private=private,
    )


def reaction(event: Payload, key: str, mine: Workspace, name: Name) -> Reaction | None:
    """An emoji put or taken away by somebody of this workspace. `item_user` may be missing, and nobody needs it."""
    item: Payload = event["item"]
    if item.get("type") != "message" or mine.is_me(event) or from_elsewhere(event, mine):
        return None
    return Reaction(
        key=key,
        at=float(event["event_ts"]),
        ref=ref_of(item["channel"], item["ts"], mine),
        annotator=Person(id=event["user"], name=name(event["user"])),
        emoji=neutral_of(event["reaction"]),
        added=event["type"] == "reaction_added",
    )


def from_elsewhere(event: Payload, mine: Workspace) -> bool:
    """Whether the event itself says that whoever acted belongs to another company's workspace."""
    teams = {event.get(part) for part in ("user_team", "source_team")} - {None, ""}
    return bool(teams) and mine.id not in teams and all(str(team).startswith("T") for team in teams)


def joined(event: Payload, key: str, mine: Workspace, name: Name) -> Presence | None:
    """We were invited. The key holds the channel and not the event: the bot introduces itself once."""
    if event["user"] != mine.bot:
        return None
    chat = chat_of(event["channel"], mine)
    return Presence(key=f"{chat.key}/joined", at=float(event["event_ts"]), chat=chat, state="joined")


def left(event: Payload, key: str, mine: Workspace, name: Name) -> Presence:
    """We were put out of a channel; Slack says that of nobody else in this way."""
    return Presence(key=key, at=float(event["event_ts"]), chat=chat_of(event["channel"], mine), state="left")


TRANSLATE: dict[str, Callable[[Payload, str, Workspace, Name], Event | None]] = {
    "message": said,
    "app_mention": mentioned,
    "reaction_added": reaction,
    "reaction_removed": reaction,
    "member_joined_channel": joined,
    "channel_left": left,
    "group_left": left,
}
"""What we listen to, beside the events about the app itself; `scopes.py` compares it with the manifest."""

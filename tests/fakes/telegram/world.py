"""What Telegram knows: one bot, its chats, who is in them, what was said there, and the updates that wait for the bot.

People act here (`say`, `react`, …) and the bot's updates come out as the Bot API documents them, field by field.
https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

TOKEN = "4242:AAcanary-token-of-the-bot"
BOT = {"id": 4242, "is_bot": True, "first_name": "Backchannel", "username": "backchannel_bot"}
GROUP, FORUM, CHANNEL = -1001, -1002, -1003
UNASKED = {"chat_member", "message_reaction", "message_reaction_count"}
"""Updates that a bot gets only when it names them."""

Json = dict[str, Any]


def user(id: int, name: str, **more: Any) -> Json:
    return {"id": id, "is_bot": False, "first_name": name, "language_code": "en", **more}


ANA, BO, EVE = (
    user(11, "Ana", last_name="Lee", username="ana"),
    user(12, "Bo"),
    user(13, "Eve", language_code="zh-hans"),
)
OTHER_BOT = {"id": 77, "is_bot": True, "first_name": "Alerts", "username": "alerts_bot"}
ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
CHANNEL_BOT = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
SERVICE = {"id": 777000, "is_bot": False, "first_name": "Telegram"}


RIGHTS = (
    "can_be_edited",
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
)
SENDS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
    "can_edit_tag",
    "can_react_to_messages",
)


@dataclass
class World:
    """`status`: a person's status in a chat, `member` unless it says otherwise; the bot is one of those people."""

    chats: dict[int, Json] = field(default_factory=dict)
    status: dict[tuple[int, int], str] = field(default_factory=dict)
    messages: dict[tuple[int, int], Json] = field(default_factory=dict)
    reactions: dict[tuple[int, int], dict[int, list[Json]]] = field(default_factory=dict)
    palettes: dict[int, set[str]] = field(default_factory=dict)
    whispers: dict[tuple[int, int, int], Json] = field(default_factory=dict)
    """What one person sees, by chat, person and number."""
    ephemeral: bool = True
    """Whether this server knows of such messages; one before version 10.2 leaves out what it does not know."""
    pending: list[Json] = field(default_factory=list)
    allowed: set[str] | None = None
    privacy: bool = False
    last: Json | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    updates: Any = field(default_factory=lambda: itertools.count(1000))
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.open({"id": GROUP, "type": "supergroup", "title": "Support"})
        self.open({"id": FORUM, "type": "supergroup", "title": "Forum", "is_forum": True})
        self.open({"id": CHANNEL, "type": "channel", "title": "News"})
        self.status[GROUP, ANA["id"]] = "creator"

    def open(self, chat: Json, bot: str = "administrator") -> None:
        self.chats[chat["id"]] = chat
        self.status[chat["id"], BOT["id"]] = bot

    def private(self, person: Json) -> Json:
        names = {name: person[name] for name in ("first_name", "last_name", "username") if name in person}
        return self.chats.setdefault(person["id"], {"id": person["id"], "type": "private", **names})

    # ── updates ─────────────────────────────────────────────────────────────────────────────────────

    def update(self, kind: str, what: Json) -> Json | None:
        """One more thing for the bot to know; None if it did not ask for that kind."""
        if not (kind in self.allowed if self.allowed else kind not in UNASKED):
            return None
        self.last = {"update_id": next(self.updates), kind: what}
        self.again()
        return self.last

    def again(self) -> None:
        """Telegram hands out the last update (once more)."""
        assert self.last is not None
        self.pending.append(self.last)
        self.news.set()

    # ── what people do ──────────────────────────────────────────────────────────────────────────────

    def message(self, chat: int, sender: Json | None, text: str | None, **more: Any) -> Json:
        """A message that is there, whoever hears of it."""
        message: Json = {"message_id": next(self.numbers), "date": int(time.time()), "chat": self.chats[chat]}
        if sender is not None:
            message["from"] = sender
        if text is not None:
            message["text"] = text
            if text.startswith("/"):
                length = len(text.split()[0].encode("utf-16-le")) // 2
                message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        message |= more
        self.messages[chat, message["message_id"]] = message
        return message

    def say(self, sender: Json | None, text: str | None, chat: int = GROUP, **more: Any) -> Json:
        """Somebody writes. `topic` puts it into a forum topic, `to` makes it a reply to that message."""
        if topic := more.pop("topic", None):
            more |= {"message_thread_id": topic, "is_topic_message": True}
        if to := more.pop("to", None):
            quoted = self.messages[chat, int(to)]
            more["reply_to_message"] = {name: value for name, value in quoted.items() if name != "reply_to_message"}
        message = self.message(chat, sender, text, **more)
        if self.heard(message):
            self.update("channel_post" if self.chats[chat]["type"] == "channel" else "message", message)
        return message

    def heard(self, message: Json) -> bool:
        """Privacy mode hides from a bot that is no administrator what does not concern it."""
        chat, text = message["chat"]["id"], message.get("text", "")
        if not self.privacy or self.status.get((chat, BOT["id"])) == "administrator" or chat > 0:
            return True
        to = message.get("reply_to_message", {}).get("from", {}).get("id")
        return text.startswith("/") or to == BOT["id"] or f"@{BOT['username']}" in text

    def edit(self, message_id: int, text: str, chat: int = GROUP) -> Json:
        message = self.messages[chat, message_id]
        message |= {"text": text, "edit_date": int(time.time())}
        self.update("edited_channel_post" if message["chat"]["type"] == "channel" else "edited_message", dict(message))
        return message

    def react(self, person: Json, message_id: int, *emoji: str | Json, chat: int = GROUP) -> Json | None:
        """A person's reactions to a message are now these, and no others."""
        new = [{"type": "emoji", "emoji": each} if isinstance(each, str) else each for each in emoji]
        standing = self.reactions.setdefault((chat, message_id), {})
        old = standing.get(person["id"], [])
        standing[person["id"]] = new
        if chat < 0 and self.status.get((chat, BOT["id"])) != "administrator":
            return None
        what = {"chat": self.chats[chat], "message_id": message_id, "user": person, "date": int(time.time())}
        return self.update("message_reaction", {**what, "old_reaction": old, "new_reaction": new})

    def press(self, person: Json, under: int | Json, data: str, chat: int = GROUP) -> str:
        """A person presses a button under one of the bot's messages. Returns the callback query's id."""
        id = f"q{next(self.numbers)}"
        message = self.messages[chat, under] if isinstance(under, int) else under
        self.update(
            "callback_query",
            {"id": id, "from": person, "message": message, "chat_instance": "1", "data": data},
        )
        return id

    def become(self, status: str, chat: int = GROUP, by: Json = ANA) -> None:
        """The bot's own place in a chat changes: joined, promoted, put out."""
        old = self.status.get((chat, BOT["id"]), "left")
        self.status[chat, BOT["id"]] = status
        what = {"chat": self.chats[chat], "from": by, "date": int(time.time())}
        self.update(
            "my_chat_member",
            {**what, "old_chat_member": self.member(BOT, old), "new_chat_member": self.member(BOT, status)},
        )

    def member(self, person: Json, status: str) -> Json:
        """A ChatMember as documented for its status."""
        more: Json = {
            "creator": {"is_anonymous": False},
            "administrator": dict.fromkeys(RIGHTS, False),
            "restricted": {"is_member": True, "until_date": 0, **dict.fromkeys(SENDS, True)},
            "kicked": {"until_date": 0},
        }.get(status, {})
        return {"user": person, "status": status, **more}

    def migrate(self, chat: int, into: int) -> None:
        """A group becomes a supergroup: a service message in each of the two."""
        old = self.chats[chat]
        self.open({**old, "id": into, "type": "supergroup"}, self.status.get((chat, BOT["id"]), "member"))
        old["migrated"] = into
        public = {name: value for name, value in old.items() if name != "migrated"}
        for place, more in ((public, {"migrate_to_chat_id": into}), (self.chats[into], {"migrate_from_chat_id": chat})):
            message = {"message_id": next(self.numbers), "from": ANA, "chat": place, "date": int(time.time()), **more}
            self.update("message", message)

"""The methods of the Bot API that the bot calls, with Telegram's limits and in Telegram's words when it refuses.

https://core.telegram.org/bots/api#available-methods
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.fakes.telegram.world import BOT, Json, World

PALETTE = (
    *"❤👍👎🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋",
    *"🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡",
    *("❤\u200d🔥", "👨\u200d💻", "🤷\u200d♂", "🤷\u200d♀"),
)


class ApiError(Exception):
    """An answer that is not ok."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad(description: str) -> ApiError:
    return ApiError(400, f"Bad Request: {description}")


def units(text: str) -> int:
    """UTF-16 code units, in which Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def chat_of(world: World, fields: Json) -> Json:
    try:
        chat = world.chats[int(fields["chat_id"])]
    except (KeyError, ValueError):
        raise bad("chat not found") from None
    if into := chat.get("migrated"):
        raise ApiError(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=into)
    status = world.status.get((chat["id"], BOT["id"]), "member")
    if status == "kicked":
        what = "blocked by the user" if chat["id"] > 0 else f"kicked from the {chat['type']} chat"
        raise ApiError(403, f"Forbidden: bot was {what}")
    if status == "left":
        raise ApiError(403, f"Forbidden: bot is not a member of the {chat['type']} chat")
    return chat


def message_of(world: World, fields: Json, wanted: str) -> Json:
    chat = chat_of(world, fields)
    message = world.messages.get((chat["id"], int(fields["message_id"])))
    if message is None:
        raise bad(f"message to {wanted} not found")
    return message


def text_of(fields: Json, name: str, most: int) -> Json:
    """A text and its entities, checked as Telegram checks them."""
    text = fields.get(name, "")
    assert "parse_mode" not in fields, "texts are sent with entities"
    if name == "text" and not text.strip():
        raise bad("message text is empty")
    if units(text) > most:
        raise bad("message is too long" if name == "text" else "message caption is too long")
    prefix = "" if name == "text" else "caption_"
    entities = json.loads(fields.get(f"{prefix}entities", "[]"))
    for entity in entities:
        if entity["offset"] < 0 or entity["length"] < 1 or entity["offset"] + entity["length"] > units(text):
            raise bad(f"entity beginning at UTF-16 offset {entity['offset']} ends after the end of the text")
    return {name: text, f"{prefix}entities": entities} if entities else {name: text}


def keyboard_of(fields: Json) -> Json:
    if "reply_markup" not in fields:
        return {}
    markup = json.loads(fields["reply_markup"])
    buttons = [button for row in markup["inline_keyboard"] for button in row]
    if len(buttons) > 100:
        raise bad("too many buttons in the reply markup")
    for button in buttons:
        if not button["text"]:
            raise bad("inline keyboard button text must be non-empty")
        if not 1 <= len(button["callback_data"].encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")
    return {"reply_markup": markup} if buttons else {}


def posted(world: World, fields: Json, content: Json) -> Json:
    """A message of the bot's own; it causes no update."""
    chat = chat_of(world, fields)
    more: Json = {}
    if "message_thread_id" in fields:
        if not chat.get("is_forum"):
            raise bad("message thread not found")
        more = {"message_thread_id": int(fields["message_thread_id"]), "is_topic_message": True}
    if "reply_parameters" in fields:
        reply = json.loads(fields["reply_parameters"])
        to = world.messages.get((chat["id"], reply["message_id"]))
        if to is None and not reply.get("allow_sending_without_reply"):
            raise bad("message to be replied not found")
        if to is not None:
            more["reply_to_message"] = to
    sender = BOT if chat["type"] != "channel" else None
    if "ephemeral_message_parameters" in fields and world.ephemeral:
        return whispered(world, chat, fields, content)
    return world.message(chat["id"], sender, **{"text": None, **content}, **keyboard_of(fields), **more)


def whispered(world: World, chat: Json, fields: Json, content: Json) -> Json:
    """A message that one person sees. A bot that is no administrator may send none, nor any in a private chat."""
    if chat["id"] > 0 or world.status.get((chat["id"], BOT["id"])) != "administrator":
        raise bad("BOT_NOT_ADMIN")
    receiver = json.loads(fields["ephemeral_message_parameters"])["receiver_user_id"]
    number = next(world.numbers)
    message = {"message_id": 0, "ephemeral_message_id": number, "date": int(time.time()), "chat": chat, "from": BOT}
    message |= {"receiver_user": {"id": receiver, "is_bot": False, "first_name": "Somebody"}}
    world.whispers[chat["id"], receiver, number] = message | content | keyboard_of(fields)
    return world.whispers[chat["id"], receiver, number]


def edit_ephemeral_message_text(world: World, fields: Json) -> bool:
    chat, receiver = chat_of(world, fields)["id"], int(fields["receiver_user_id"])
    message = world.whispers.get((chat, receiver, int(fields["ephemeral_message_id"])))
    if message is None:
        raise bad("message to edit not found")
    message.pop("reply_markup", None)
    message |= {**text_of(fields, "text", 4096), **keyboard_of(fields)}
    return True


def get_me(world: World, fields: Json) -> Json:
    more = {"can_join_groups": True, "can_read_all_group_messages": not world.privacy}
    return {**BOT, **more, "supports_inline_queries": False, "has_main_web_app": False}


def send_message(world: World, fields: Json) -> Json:
    return posted(world, fields, text_of(fields, "text", 4096))


def send_photo(world: World, fields: Json) -> Json:
    sizes = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1, "content": fields["photo"]}]
    return posted(world, fields, {**text_of(fields, "caption", 1024), "photo": sizes})


def send_document(world: World, fields: Json) -> Json:
    name, content = fields["document"]
    file = {"file_id": "f", "file_unique_id": "u", "file_name": name, "content": content}
    return posted(world, fields, {**text_of(fields, "caption", 1024), "document": file})


def edit_message_text(world: World, fields: Json) -> Json:
    message = message_of(world, fields, "edit")
    new = {**text_of(fields, "text", 4096), **keyboard_of(fields)}
    old = {name: message[name] for name in ("text", "entities", "reply_markup") if name in message}
    if new == old:
        raise bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a current "
            "content and reply markup of the message"
        )
    if message.get("from") != BOT and message["chat"]["type"] != "channel":
        raise bad("message can't be edited")
    for name in old:
        del message[name]
    message |= {**new, "edit_date": int(time.time())}
    return message


def edit_message_reply_markup(world: World, fields: Json) -> Json:
    message = message_of(world, fields, "edit")
    message.pop("reply_markup", None)
    message |= keyboard_of(fields)
    return message


def delete_message(world: World, fields: Json) -> bool:
    message = message_of(world, fields, "delete")
    del world.messages[message["chat"]["id"], message["message_id"]]
    return True


def set_message_reaction(world: World, fields: Json) -> bool:
    message = message_of(world, fields, "react")
    chat = message["chat"]["id"]
    reaction = json.loads(fields.get("reaction", "[]"))
    if len(reaction) > 1:
        raise bad("REACTIONS_TOO_MANY")
    if any(each["emoji"] not in world.palettes.get(chat, set(PALETTE)) for each in reaction):
        raise bad("REACTION_INVALID")
    world.reactions.setdefault((chat, message["message_id"]), {})[BOT["id"]] = reaction
    return True


def get_chat_member(world: World, fields: Json) -> Json:
    chat = chat_of(world, fields)
    id = int(fields["user_id"])
    status = world.status.get((chat["id"], id), "member")
    if status == "unknown":
        raise bad("user not found")
    return world.member(BOT if id == BOT["id"] else {"id": id, "is_bot": False, "first_name": "Somebody"}, status)


def get_chat(world: World, fields: Json) -> Json:
    chat = chat_of(world, fields)
    return {**chat, "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": GIFTS}


GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


def get_chat_administrators(world: World, fields: Json) -> list[Json]:
    chat = chat_of(world, fields)
    admins = {id: s for (c, id), s in world.status.items() if c == chat["id"] and s in ("creator", "administrator")}
    return [world.member({"id": id, "is_bot": False, "first_name": "Admin"}, s) for id, s in admins.items()]


def leave_chat(world: World, fields: Json) -> bool:
    world.status[chat_of(world, fields)["id"], BOT["id"]] = "left"
    return True


def done(world: World, fields: Json) -> bool:
    return True


METHODS: dict[str, Callable[[World, Json], Any]] = {
    "getMe": get_me,
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "sendDocument": send_document,
    "editMessageText": edit_message_text,
    "editEphemeralMessageText": edit_ephemeral_message_text,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "setMessageReaction": set_message_reaction,
    "getChatMember": get_chat_member,
    "getChat": get_chat,
    "getChatAdministrators": get_chat_administrators,
    "leaveChat": leave_chat,
    "answerCallbackQuery": done,
    "setMyCommands": done,
}

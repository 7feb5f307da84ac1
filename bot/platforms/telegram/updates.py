"""Raw updates to the SDK's objects, as far as we need them.

The SDK refuses a whole update when any part of it is not as in its own version of the Bot API, and a local Bot API
server may be older or newer. So what we never look at is left out before.
"""

from __future__ import annotations

import logging
from typing import Any, cast

from aiogram.types import Update
from pydantic import ValidationError

from bot.platforms.telegram.events import ASKED_FOR

log = logging.getLogger(__name__)

Json = dict[str, Any]
MESSAGES = ("message", "edited_message", "channel_post", "edited_channel_post", "reply_to_message")
NEEDED = frozenset(
    (
        "message_id",
        "date",
        "edit_date",
        "chat",
        "from",
        "sender_chat",
        "message_thread_id",
        "is_topic_message",
        "forum_topic_created",
        "reply_to_message",
        "is_automatic_forward",
        "forward_origin",
        "text",
        "caption",
        "migrate_to_chat_id",
        "migrate_from_chat_id",
    )
)


def read(raw: Json) -> Update | None:
    """The update; None where even what we need of it can't be read, which is logged without people's words."""
    try:
        return Update.model_validate(needed(raw))
    except ValidationError as error:
        where = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False)[:3])
        log.error("Update %s is left out: this version can't read %s.", raw.get("update_id"), where)
        return None


def needed(raw: Json) -> Json:
    """The kinds of updates that we asked for, and of their messages what we look at."""
    kept = {name: value for name, value in raw.items() if name in ("update_id", *ASKED_FOR)}
    query = kept.get("callback_query")
    if isinstance(query, dict):
        kept["callback_query"] = _with_less(cast(Json, query), ("message",))
    return _with_less(kept, MESSAGES)


def _with_less(parent: Json, names: tuple[str, ...]) -> Json:
    """The parent, of whose messages only what we need is left."""
    return {name: _message(value) if name in names else value for name, value in parent.items()}


def _message(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {name: part for name, part in cast(Json, value).items() if name in NEEDED}
    return _with_less(kept, ("reply_to_message",))

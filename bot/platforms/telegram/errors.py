"""Telegram's errors to ours: try later, never, the network, or the end."""

from __future__ import annotations

from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)

from bot.platforms.base import Later, Refused
from workers.core.errors import BackchannelError


class TokenRefused(BackchannelError):
    """Telegram knows no bot with this token: nothing can go on."""

    def __init__(self) -> None:
        super().__init__(
            "Telegram does not know the bot's token: it was revoked or mistyped. "
            "Set BACKCHANNEL_TELEGRAM__TOKEN to the one that @BotFather shows."
        )


class Conflict(BackchannelError):
    """Another program asks for this bot's updates, or a webhook gets them."""


class Unmodified(Refused):
    """A message says already what it should say."""


class MessageGone(Refused):
    """The message that is to be changed, answered or reacted to is gone."""


class ReactionNotAllowed(Refused):
    """This chat does not allow this emoji."""


class NotInChat(Refused):
    """The bot is not in that chat any more."""


class Migrated(BackchannelError):
    """The group goes on as a supergroup with another number."""

    def __init__(self, into: int) -> None:
        super().__init__("The group became a supergroup.")
        self.into = into


# By their words: Telegram answers all of these with the same code, 400.
BAD_REQUESTS: tuple[tuple[str, type[Refused], str], ...] = (
    ("message is not modified", Unmodified, "The message says that already."),
    ("message to react not found", MessageGone, "The message is gone, so it can't get an emoji."),
    ("message to edit not found", MessageGone, "The message is gone, so it can't be changed."),
    ("message to delete not found", MessageGone, "The message is gone already."),
    ("message to be replied not found", MessageGone, "The message is gone, so it can't be answered."),
    ("message can't be edited", MessageGone, "Telegram lets nobody change this message any more."),
    ("message can't be deleted", MessageGone, "Telegram lets nobody delete this message any more."),
    ("reaction_invalid", ReactionNotAllowed, "This emoji is not allowed in this chat."),
    ("reactions_too_many", ReactionNotAllowed, "This message has as many different emoji as Telegram allows."),
    ("chat not found", Refused, "Telegram knows no such chat, or the bot is not in it: add the bot again."),
    ("not enough rights", Refused, "The bot lacks a right in this chat: make it an administrator."),
    ("have no rights", Refused, "The bot may not write in this chat: make it an administrator."),
    ("need administrator rights", Refused, "The bot lacks a right in this chat: make it an administrator."),
    ("chat_admin_required", Refused, "The bot lacks a right in this chat: make it an administrator."),
    ("chat_write_forbidden", Refused, "The bot may not write in this chat: make it an administrator."),
    ("topic_closed", Refused, "The topic is closed: open it again."),
    ("topic_deleted", Refused, "The topic was deleted."),
    ("message thread not found", Refused, "The topic was deleted."),
    ("query is too old", Refused, "The button was pressed too long ago to be answered."),
)
NOT_IN_CHAT = ("kicked", "not a member", "blocked", "deactivated", "deleted")


def translate(error: Exception) -> Exception:
    """What a call's error means: Later, Refused, Migrated, Conflict, TokenRefused, or an OSError of the network.

    Nothing of the SDK's own words is kept but Telegram's description: they may hold the token or people's messages.
    """
    match error:
        case TelegramRetryAfter():
            return Later(float(error.retry_after), f"Telegram asks for a pause of {error.retry_after} s.")
        case TelegramMigrateToChat():
            return Migrated(error.migrate_to_chat_id)
        case TelegramUnauthorizedError() | TelegramNotFound():  # a token that is not even well-formed is "not found"
            return TokenRefused()
        case TelegramConflictError():
            return Conflict("Another program gets this bot's updates: stop it, or give it a bot of its own.")
        case TelegramForbiddenError():
            return _forbidden(error.message)
        case TelegramBadRequest():
            return _bad_request(error.message)
        # Before the errors of the network, of which the SDK makes it one.
        case TelegramEntityTooLarge():
            return Refused("The file is larger than Telegram takes.")
        case TelegramServerError() | ClientDecodeError():
            return ConnectionError("Telegram has trouble of its own.")
        case TelegramNetworkError() | OSError():
            return ConnectionError("Telegram can't be reached.")
        case _:
            return ConnectionError(f"Telegram answered something unexpected ({type(error).__name__}).")


def _forbidden(description: str) -> Refused:
    if any(word in description.lower() for word in NOT_IN_CHAT):
        return NotInChat("The bot was put out of this chat, or blocked.")
    return Refused("Telegram forbids the bot to do this: look at its rights in this chat.")


def _bad_request(description: str) -> Refused:
    for words, kind, sentence in BAD_REQUESTS:
        if words in description.lower():
            return kind(sentence)
    return Refused(f"Telegram refused it: {description.removeprefix('Bad Request: ')}.")

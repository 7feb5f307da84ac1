"""Telegram's errors to ours: try later, never, the network, or the end."""

from __future__ import annotations

from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
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

from bot.platforms.base import Later, Refused, Unreachable
from workers.core.errors import BackchannelError
from workers.core.i18n import both

SHORT_PAUSE = 5.0
"""Seconds."""


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


class NotInChat(Unreachable):
    """The bot is not in that chat any more."""


class ChatUnknown(Refused):
    """Telegram knows no such chat, as far as the bot may know."""


class Forbidden(Refused):
    """The bot may not do this, for reasons of its own place or of whom it is for."""


class Nobody(Refused):
    """Telegram finds no such person in that chat."""


class MethodUnknown(Refused):
    """The server does not know the method that was called."""


class Unrecognised(BackchannelError):
    """Telegram did not take a call's token, or its method: which of them, only `getMe` says."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal
        """What the call came to if the token is good."""


class Garbled(BackchannelError):
    """Something between Telegram and us refused the call in a language of its own."""


class Migrated(BackchannelError):
    """The group goes on as a supergroup with another number."""

    def __init__(self, into: int) -> None:
        super().__init__("The group became a supergroup.")
        self.into = into


# By their words: Telegram answers all of these with the same code, 400. The first that fits counts.
BAD_REQUESTS: tuple[tuple[str, type[Refused], str], ...] = (
    ("message is not modified", Unmodified, "tg_same"),
    ("message to react not found", MessageGone, "tg_gone_emoji"),
    ("message to edit not found", MessageGone, "tg_gone_edit"),
    ("message to delete not found", MessageGone, "tg_gone_delete"),
    ("message to be replied not found", MessageGone, "tg_gone_answer"),
    ("message can't be edited", MessageGone, "tg_edit_over"),
    ("message can't be deleted", MessageGone, "tg_delete_over"),
    ("reaction_invalid", ReactionNotAllowed, "tg_emoji_not_allowed"),
    ("reactions_too_many", ReactionNotAllowed, "tg_emoji_full"),
    ("chat not found", ChatUnknown, "tg_chat_unknown"),
    ("rights to send photos", Refused, "tg_no_photos"),
    ("chat_send_photos_forbidden", Refused, "tg_no_photos"),
    ("rights to send documents", Refused, "tg_no_files"),
    ("chat_send_docs_forbidden", Refused, "tg_no_files"),
    ("chat_send_media_forbidden", Refused, "tg_no_files"),
    ("not enough rights", Refused, "tg_right_missing"),
    ("have no rights", Refused, "tg_no_writing"),
    ("need administrator rights", Refused, "tg_right_missing"),
    ("chat_admin_required", Refused, "tg_right_missing"),
    ("chat_write_forbidden", Refused, "tg_no_writing"),
    ("chat_send_plain_forbidden", Refused, "tg_no_writing"),
    ("chat_restricted", Refused, "tg_restricted"),
    # About people whom the bot has met, said where it is no administrator.
    ("participant_id_invalid", Refused, "tg_members_hidden"),
    ("user_id_invalid", Refused, "tg_members_hidden"),
    ("member list is inaccessible", Refused, "tg_members_hidden"),
    ("user not found", Nobody, "tg_nobody"),
    ("member not found", Nobody, "tg_nobody"),
    ("user_not_participant", Nobody, "tg_nobody"),
    ("topic_closed", Refused, "tg_topic_closed"),
    ("topic_deleted", Refused, "tg_topic_deleted"),
    ("message thread not found", Refused, "tg_topic_deleted"),
    ("query is too old", Refused, "tg_press_old"),
)
NOT_IN_CHAT = ("kicked", "not a member", "blocked", "deactivated", "deleted")


def translate(error: Exception) -> Exception:
    """What a call's error means: Later, Refused, Migrated, Conflict, Unrecognised, Garbled, or an OSError.

    Nothing of the SDK's own words is kept but Telegram's description: they may hold the token or people's messages.
    """
    match error:
        case TelegramRetryAfter():
            return Later(float(error.retry_after), f"Telegram asks for a pause of {error.retry_after} s.")
        case TelegramMigrateToChat():
            return Migrated(error.migrate_to_chat_id)
        case TelegramUnauthorizedError():
            return Unrecognised(Refused(both("tg_unauthorised")))
        case TelegramNotFound():  # an unknown method, or a token that is not even well-formed
            return Unrecognised(MethodUnknown(both("tg_method_unknown")))
        case TelegramConflictError():
            return Conflict("Another program gets this bot's updates: stop it, or give it a bot of its own.")
        case TelegramForbiddenError():
            return _forbidden(error.message)
        case TelegramBadRequest():
            return _bad_request(error.message)
        case TelegramNetworkError() | TelegramServerError():
            return _of_the_network(error)
        case TelegramAPIError():
            return _other(error.message)
        case _:
            return _of_the_network(error)


def _of_the_network(error: Exception) -> Exception:
    """What was never answered, or not by Telegram itself."""
    match error:
        case Garbled():
            return Garbled(error.sentence)
        case TelegramEntityTooLarge():  # which the SDK takes for an error of the network
            return Refused(both("tg_large"))
        case TelegramServerError() | ClientDecodeError():
            return ConnectionError("Telegram has trouble of its own.")
        case TelegramNetworkError() | OSError():
            return ConnectionError("Telegram can't be reached.")
        case _:
            return ConnectionError(f"Telegram answered something unexpected ({type(error).__name__}).")


def _forbidden(description: str) -> Refused:
    if any(word in description.lower() for word in NOT_IN_CHAT):
        return NotInChat(both("tg_put_out"))
    return Forbidden(both("tg_forbidden"))


def _bad_request(description: str) -> Refused:
    for words, kind, sentence in BAD_REQUESTS:
        if words in description.lower():
            return kind(both(sentence))
    return Refused(both("tg_refused", why=description.removeprefix("Bad Request: ")))


def _other(description: str) -> Later | Refused:
    """A code of which the SDK knows nothing. One that asks for a pause without its length gets a short one."""
    if description.lower().startswith("too many requests"):
        return Later(SHORT_PAUSE, "Telegram asks for a pause.")
    return Refused(both("tg_refused", why=description))

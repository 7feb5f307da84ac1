"""Slack's errors to ours: try later, or never, each with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.platforms.base import Later, Refused, Unreachable
from workers.core.i18n import both

DEFAULT_PAUSE, LONGEST_PAUSE = 5.0, 900.0
"""Seconds to wait where Slack has a problem and names no time, and the most that we let it name."""

REVOKED = frozenset({"token_revoked", "account_inactive", "invalid_auth", "not_authed", "token_expired"})
UNINVITED = frozenset({"not_in_channel", "channel_not_found"})
# team_added_to_org: the workspace is being moved, and can't be used until that is done.
OUTAGE = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "no_response"}
)
LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})

SENTENCES: dict[str, str] = {
    "is_archived": "slack_archived",
    "thread_locked": "slack_thread_locked",
    "message_not_found": "slack_gone",
    "cant_update_message": "slack_not_changeable",
    "edit_window_closed": "slack_edit_over",
    "too_many_emoji": "slack_emoji_full",
    "too_many_reactions": "slack_reactions_full",
    "invalid_name": "slack_emoji_unknown",
    "msg_too_long": "slack_long",
    "restricted_action": "slack_restricted",
    "restricted_action_read_only_channel": "slack_read_only",
    "user_not_found": "slack_nobody",
    "file_uploads_disabled": "slack_no_files",
}
"""Slack's codes, and the sentences of the catalogue that they mean."""


class Limited(Later):
    """We were too fast for a method: nobody in the workspace may call it for so long."""


class Uninvited(Unreachable):
    """The bot is no member of the channel."""


class Revoked(Unreachable):
    """The workspace's token is worthless: the bot was removed there, or its token was revoked."""


@contextmanager
def translated_errors(bot: str = "backchannel") -> Generator[None]:
    """Turn what the SDK raises into `Later`, `Refused` or an OSError, none of which holds a URL or a token."""
    try:
        yield
    except SlackApiError as error:
        raise translate(error, bot) from None
    except SlackRequestError:
        raise ConnectionError("Slack did not take the file; trying again.") from None
    except aiohttp.ClientError as error:
        raise ConnectionError(f"Slack could not be reached ({type(error).__name__}).") from None


def translate(error: SlackApiError, bot: str = "backchannel") -> Exception:
    """The error that the outbox understands."""
    code, answer = code_of(error), answer_of(error)
    if code in LIMITED or status_of(error) == 429:
        return Limited(retry_after(error), "Slack asks us to slow down.")
    if code in OUTAGE or status_of(error) >= 500 or not code:
        return Later(DEFAULT_PAUSE, f"Slack has a problem ({code or status_of(error)}).")
    if code in REVOKED:
        return Revoked(both("slack_revoked", code=code))
    if code in UNINVITED:
        return Uninvited(both("slack_uninvited", code=code, bot=bot))
    if code == "missing_scope":
        needed = answer.get("needed")
        return Refused(both("slack_scope", needed=needed) if needed else both("slack_scope_unnamed"))
    return Refused(both(SENTENCES[code]) if code in SENTENCES else both("slack_refused", code=code))


def code_of(error: SlackApiError) -> str:
    """Its name, as Slack says it; empty where it answered in another way."""
    return str(answer_of(error).get("error") or "")


def answer_of(error: SlackApiError) -> Mapping[str, Any]:
    """The JSON that Slack answered with, empty if it was none."""
    data = getattr(error.response, "data", None)
    return data if isinstance(data, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]


def status_of(error: SlackApiError) -> int:
    """The HTTP status."""
    response = error.response
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0))


def retry_after(error: SlackApiError) -> float:
    """The seconds that Slack asks for, which the SDK's own handler would read as their first digit."""
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    seconds = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(LONGEST_PAUSE, float(seconds)) if seconds.isdecimal() else DEFAULT_PAUSE

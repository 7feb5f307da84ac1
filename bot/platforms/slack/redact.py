"""Keeps secrets out of the SDK's logs, which print URLs with tickets, request bodies with messages, and tracebacks."""

from __future__ import annotations

import logging
import re

SECRET = re.compile(
    r"\b(?:xox[a-z]|xapp|xoxe)[-.][\w.-]+|(?<=ticket=)[^&\s'\"]+|(?<=code=)[^&\s'\"]+|(?<=code: )\S+"
    r"|https://hooks\.slack\.com/\S+|v0=[0-9a-f]{16,}"
)


class RedactingFilter(logging.Filter):
    """Removes what looks like a secret, and every traceback; the type of its error stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if record.exc_info and record.exc_info[0]:
            text += f" [{record.exc_info[0].__name__}]"
        # The first line: in what follows bodies with people's messages may stand.
        record.msg, record.args = redacted(text).splitlines()[0][:300] if text else "", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def redacted(text: str) -> str:
    """Text with tokens, tickets, codes, signatures and webhook addresses replaced by `…`."""
    return SECRET.sub("…", text)


def sdk_logger() -> logging.Logger:
    """What is given to everything of the SDK that takes a logger. Below WARNING it would print what people wrote."""
    log = logging.getLogger("bot.platforms.slack.sdk")
    log.setLevel(logging.WARNING)
    if not log.filters:
        log.addFilter(RedactingFilter())
    for name in ("slack_bolt", "slack_sdk"):  # modules of the SDK that take none
        named = logging.getLogger(name)
        named.setLevel(max(named.level, logging.WARNING))
    return log

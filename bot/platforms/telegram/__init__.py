"""Telegram, by long polling or webhook.

The files that every platform has: platform, events (updates to our events), sender (our replies to the Bot API),
errors, rate_limit, users, formatting, reading (what people see of a message), http (the webhook), doctor. Telegram
alone has: lazy_models (how the SDK is loaded, before all others), client (calls of the Bot API), updates (raw JSON to
models of ours), refs (how chats and messages are named), reactions, polling.
`bot.wiring.telegram` builds a `TelegramPlatform`; only wiring and doctor import this.
"""

# pyright: reportUnsupportedDunderAll=false

from bot.platforms.telegram import lazy_models

__all__ = [
    "client",
    "doctor",
    "errors",
    "events",
    "formatting",
    "http",
    "lazy_models",
    "platform",
    "polling",
    "rate_limit",
    "reactions",
    "reading",
    "refs",
    "sender",
    "updates",
    "users",
]

"""Slack, over Socket Mode or HTTP, for one workspace or many.

The files that every platform has: platform, events (payloads to our events), sender (our replies to the Web API),
errors, rate_limit, users, formatting, http, doctor. Slack alone has: listeners (what Bolt calls), workspaces,
socket_mode, oauth (installing), surfaces (App Home and "Label this…"), reading (what people see of a message),
emoji_names, custom_emoji, scopes, background_tasks, redact (keeps secrets out of logs). `bot.wiring.slack` builds a
`SlackPlatform`; only wiring and doctor import this.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "background_tasks",
    "custom_emoji",
    "doctor",
    "emoji_names",
    "errors",
    "events",
    "formatting",
    "http",
    "listeners",
    "oauth",
    "platform",
    "rate_limit",
    "reading",
    "redact",
    "scopes",
    "sender",
    "socket_mode",
    "surfaces",
    "users",
    "workspaces",
]

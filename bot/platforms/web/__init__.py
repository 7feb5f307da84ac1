"""The web chat: one page, one WebSocket and one channel, and beside it what the bot has learned.

As on every platform: platform, events (what the page sends to our events), http (the routes). Web alone has: channel
(what people and the bot do, as the pages show it), subscribers (the open pages), login (password, cookie, Host and
Origin), sample (the sample conversation). There is no SDK, so there is no sender, errors or rate_limit. `page/` holds
the files that anybody may load, page.html and login.html stand beside it. `bot.wiring.web` builds a `WebPlatform`.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["channel", "events", "http", "login", "platform", "sample", "subscribers"]

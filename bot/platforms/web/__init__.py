"""The web platform: one channel in a browser, and beside it what the bot has learned."""

from bot.platforms.web.platform import WebPlatform

__all__ = ["WebPlatform"]

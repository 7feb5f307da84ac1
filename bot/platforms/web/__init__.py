"""The web platform: one channel in a browser, and beside it what the bot has learned."""

from bot.platforms.web.server import WebPlatform

__all__ = ["WebPlatform"]

"""What a platform is, and one package for each: a platform translates and decides nothing.

base has the protocol, http_server the HTTP server that all of them run, replay the platform of `backchannel replay`. A
platform imports no other platform and reads no table: `bot.wiring` gives it what it needs.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["base", "http_server", "replay", "slack", "telegram", "web"]

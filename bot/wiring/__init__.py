"""Puts a bot process together: a platform, the store, intake and delivery.

Only here do platforms meet `workers.store`: slack, telegram and web build their platform with what it needs from the
store (slack makes what its App Home and modal show, web prepares the demo); process runs a bot.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["process", "slack", "telegram", "web"]

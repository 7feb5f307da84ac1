"""Puts a bot process together: a platform, the store, intake and delivery.

Only here do platforms meet `workers.store`: slack, telegram and web build their platform with what it needs from the
store; slack_screens makes what Slack's App Home and modal show; demo prepares the sample; process runs a bot.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["demo", "process", "slack", "slack_screens", "telegram", "web"]

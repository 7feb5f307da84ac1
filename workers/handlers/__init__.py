"""From a claimed event to what is written about it.

`claims` takes what waits in the inbox, tries again and puts back; `dispatch` handles the `labels` queue: reactions,
commands, buttons, and that the bot comes and goes. Imported by `serving`, which drains the queues that need the
model, and by `tasks`.
"""

__all__ = ["claims", "dispatch"]  # pyright: ignore[reportUnsupportedDunderAll]

"""What crosses a boundary, and what everybody reads: torch-free, without a database, imported by bot and workers alike.

`events` is what comes in, `replies` what goes out, `buttons` the values that buttons carry. `command_table` holds
the verbs, `i18n` every other sentence that a chat reads, `errors` the error whose text is such a sentence. Imports
nothing of the other rooms.
"""

__all__ = ["buttons", "command_table", "emoji", "errors", "events", "i18n", "replies", "settings"]  # pyright: ignore[reportUnsupportedDunderAll]

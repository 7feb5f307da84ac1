"""The one error that modeling raises on purpose."""

from __future__ import annotations


class ModelingError(Exception):
    """What happened and what to do, in one sentence; chat, command line and log show the same words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def quoted(name: str) -> str:
    """Return a name fit for a sentence, however long it is."""
    return f'"{name[:120]}"'


def short(error: BaseException) -> str:
    """Return the first line of an error, fit for a sentence."""
    lines = str(error).strip().splitlines()
    return (lines[0][:160].rstrip(" .:") if lines else "") or type(error).__name__

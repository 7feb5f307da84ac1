"""The one error that modeling raises on purpose."""

from __future__ import annotations


class ModelingError(Exception):
    """What happened and what to do, in one sentence; chat, command line and log show the same words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

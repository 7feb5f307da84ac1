"""The error whose text is a sentence for people."""

from __future__ import annotations


class BackchannelError(Exception):
    """What happened and what to do, in one sentence that people can read in chat, log or shell."""

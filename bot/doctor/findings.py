"""What `backchannel doctor` finds: one line each, green or red."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at: whether it is as it should be, what was seen, and what to do if not."""

    ok: bool
    what: str
    todo: str = ""

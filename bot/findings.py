"""What a check found out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis: whether it is well, what was seen and, if it is not well, what to do."""

    ok: bool
    what: str
    todo: str = ""

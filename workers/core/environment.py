"""What a process hands on to those that it starts: the settings that they need, and no others."""

from __future__ import annotations

import os


def without_settings(*prefixes: str) -> dict[str, str]:
    """The environment less the variables that begin so. Settings are read whatever their case is."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(prefixes)}

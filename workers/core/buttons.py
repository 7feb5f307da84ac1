"""The values that our buttons carry: built and read in this one file."""

from __future__ import annotations

MORE = "m"
"""The value of a button under a shown label: give me all labels to choose from."""


def agree(label: int) -> str:
    """The value of a button under a shown label: this label is right."""
    return f"l:{label}"

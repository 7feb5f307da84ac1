"""JSON that a platform sends, taken for what it should be: a part of another type counts as one that is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

Json = Mapping[str, Any]


def is_object(value: Any) -> TypeGuard[Json]:
    """Whether it is an object."""
    return isinstance(value, Mapping)


def items_of(value: Any) -> list[Any]:
    """The items of a list; none of anything else."""
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def string_of(value: Any) -> str:
    """A string; "" for anything else."""
    return value if isinstance(value, str) else ""


def joined_lines(parts: Iterable[str]) -> str:
    """Parts that say something, one below the other."""
    return "\n".join(filter(None, parts))

"""Counts what a platform sends and this version does not know: it is left out, and the rest is read."""

from __future__ import annotations

import logging
from collections import Counter

log = logging.getLogger(__name__)

MOST, LONGEST = 200, 40
"""Kinds that are told apart, and characters of a name that are shown: both come from outside."""


class UnknownKinds:
    """What one platform sent of kinds that nobody here knows."""

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self.counts: Counter[str] = Counter()

    def count(self, what: str, kind: object) -> None:
        """Count one, such as a `block` of the kind `hologram`. Logged the 1st, 10th, 100th … time."""
        name = f"{what} “{kind[:LONGEST] if isinstance(kind, str) else type(kind).__name__}”"
        if name not in self.counts and len(self.counts) >= MOST:
            name = "of further kinds"
        self.counts[name] += 1
        number = self.counts[name]
        if str(number).strip("0") == "1":
            log.warning("%s sent something unknown, which is left out: %s (%d so far).", self._platform, name, number)

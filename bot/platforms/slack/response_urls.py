"""Where to reach somebody who typed a slash command in a channel that we can't write in."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from pydantic import SecretStr

from workers.core.events import ChatRef

REMEMBERED, GOOD_FOR = 1000, 1800.0
"""How many are kept, and the seconds for which Slack takes them."""


class ResponseUrls:
    """The last one of each chat. Whoever has it can speak there, so it is a secret."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._urls: OrderedDict[str, tuple[float, SecretStr]] = OrderedDict()

    def remember(self, chat: ChatRef, url: str) -> None:
        """Keep the newest."""
        if url:
            self._urls[chat.key] = self._clock(), SecretStr(url)
            self._urls.move_to_end(chat.key)
        while len(self._urls) > REMEMBERED:
            self._urls.popitem(last=False)

    def take(self, chat: ChatRef) -> SecretStr | None:
        """The chat's, if it is still good; it is given out once."""
        at, url = self._urls.pop(chat.key, (0.0, None))
        return url if url and self._clock() - at < GOOD_FOR else None

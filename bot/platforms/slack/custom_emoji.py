"""Which emoji of their own a workspace has: one that nobody there can put on a message teaches a label nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from cachetools import TTLCache

from bot.platforms.slack.emoji_names import neutral_of
from bot.platforms.slack.errors import translated_errors
from bot.platforms.slack.workspaces import Workspace, Workspaces
from workers.core.emoji import CUSTOM

CACHE_SIZE, MAX_AGE = 500, 30.0
"""Workspaces, and the seconds after which Slack is asked again: somebody may have just added one."""
NAME = re.compile(rf"(?<!\S){CUSTOM.pattern}(?!\S)")


class CustomEmoji:
    """Looks up what `emoji.list` says."""

    def __init__(self, workspaces: Workspaces, clock: Callable[[], float] = time.monotonic) -> None:
        self._workspaces = workspaces
        self._names: TTLCache[str, frozenset[str]] = TTLCache(CACHE_SIZE, MAX_AGE, clock)

    async def missing(self, workspace: Workspace, text: str) -> list[str]:
        """The emoji in a text, as `:name:`, that Slack has not and the workspace has not. Raises as `Platform.send`."""
        named = list(dict.fromkeys(form for form in map(_form, NAME.findall(text)) if CUSTOM.fullmatch(form)))
        if not named:
            return []
        if workspace.id not in self._names:
            with translated_errors():
                answer: Any = await self._workspaces.client_of(workspace).emoji_list()
            emoji = cast(Mapping[str, str], answer.get("emoji") or {})
            self._names[workspace.id] = frozenset(emoji)
        return [form for form in named if form.strip(":") not in self._names[workspace.id]]


def _form(code: str) -> str:
    return neutral_of(code.strip(":"))

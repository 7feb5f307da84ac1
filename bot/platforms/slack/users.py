"""Who people are, by `users.info`: their names, whether they are admins, and whether they are guests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

from bot.platforms.base import Standing
from bot.platforms.slack.background_tasks import BackgroundTasks
from bot.platforms.slack.errors import Limited, translated_errors
from bot.platforms.slack.rate_limit import RateLimit
from bot.platforms.slack.workspaces import Workspace, Workspaces

CACHE_SIZE, MAX_AGE = 5000, 6 * 3600.0
"""People, and the seconds after which Slack is asked about them again; meanwhile the old name goes on being used."""
GUEST_TIMEOUT = 2.0
"""Seconds that an event may wait for the question whether somebody is a guest."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What Slack says of somebody."""

    name: str
    admin: bool
    guest: bool


class Users:
    """Caches a few thousand people; names are looked up beside the events, never before their acknowledgement."""

    def __init__(
        self,
        workspaces: Workspaces,
        background: BackgroundTasks,
        rate_limit: RateLimit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workspaces, self._background, self._rate_limit, self._clock = workspaces, background, rate_limit, clock
        self._profiles: LRUCache[tuple[str, str], tuple[float, Profile]] = LRUCache(CACHE_SIZE)
        self._asked: set[tuple[str, str]] = set()

    def name(self, workspace: Workspace, user: str) -> str:
        """The name of somebody, or the id while it is not known."""
        cached = self._profiles.get((workspace.id, user))
        return cached[1].name if cached else user

    def learn(self, workspace: Workspace, user: str) -> None:
        """Ask who somebody is, beside everything else, unless that is known already."""
        key = (workspace.id, user)
        if key in self._asked or self._fresh(key):
            return

        async def look() -> None:
            try:
                await self.profile(workspace, user)
            finally:
                self._asked.discard(key)

        self._asked.add(key)
        if not self._background.start(look):
            self._asked.discard(key)

    async def is_guest(self, workspace: Workspace, user: str) -> bool:
        """Whether somebody in a channel that companies share belongs to another.

        Raises OSError if it takes long: then the event is not acknowledged, and comes again.
        """
        profile = self._fresh((workspace.id, user))
        if profile is None:
            # Slack waits three seconds for the acknowledgement, and the commit needs some of them.
            async with asyncio.timeout(GUEST_TIMEOUT):
                profile = await self.profile(workspace, user)
        return profile.guest

    async def standing(self, workspace: Workspace, user: str) -> Standing:
        """Whether somebody is an admin, asked anew: rights change. Raises as `Platform.send`."""
        profile = await self.profile(workspace, user)
        return Standing(False, "guest") if profile.guest else Standing(profile.admin)

    async def profile(self, workspace: Workspace, user: str) -> Profile:
        """Ask Slack about somebody. Raises as `Platform.send`."""
        self._rate_limit.check(workspace.id, "users.info")
        try:
            with translated_errors():
                answer: Any = await self._workspaces.client_of(workspace).users_info(user=user)
        except Limited as limited:
            self._rate_limit.close(workspace.id, "users.info", limited.seconds)
            raise
        profile = profile_of(answer["user"], workspace)
        self._profiles[workspace.id, user] = self._clock(), profile
        return profile

    def _fresh(self, key: tuple[str, str]) -> Profile | None:
        at, profile = self._profiles.get(key, (0.0, None))
        return profile if self._clock() - at < MAX_AGE else None


def profile_of(user: Mapping[str, Any], workspace: Workspace) -> Profile:
    """A user as Slack describes one. Guests, and people of other workspaces, are never admins of this one."""
    profile: Mapping[str, Any] = user.get("profile") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    elsewhere = user.get("team_id") not in (None, "", workspace.id)
    guest = elsewhere or any(user.get(flag) for flag in ("is_restricted", "is_ultra_restricted", "is_stranger"))
    admin = any(user.get(flag) for flag in ("is_admin", "is_owner", "is_primary_owner"))
    return Profile(next(filter(None, names), str(user.get("id"))), admin and not guest, guest)

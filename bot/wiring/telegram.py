"""The Telegram platform wired to the store: which process asks for updates, and where a forum's messages stand."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time

from tenacity import RetryCallState, retry, retry_if_exception_type, wait_fixed

from bot.platforms.telegram.client import Client
from bot.platforms.telegram.platform import TelegramPlatform
from bot.platforms.telegram.refs import NAME, topic_of
from bot.settings import TelegramSettings
from workers.store import leases, messages
from workers.store.database import Database, DatabaseAway
from workers.store.leases import Lease

log = logging.getLogger(__name__)

LEASE = 15.0
"""Seconds after which a standby takes over from a process that gives no sign of life."""
REDACTED_LOGGERS = ("aiogram", "aiohttp")
"""Loggers that are silenced: they might print addresses, in which the token stands."""


def telegram_platform(database: Database, settings: TelegramSettings) -> TelegramPlatform:
    """The bot on Telegram. Raises BackchannelError where the token or the secret can't be one."""
    for name in REDACTED_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)

    @retry(retry=retry_if_exception_type(DatabaseAway), wait=wait_fixed(1.0), before_sleep=_log_retry)
    async def find_topic(group: int, message: int) -> int | None:
        return await asyncio.to_thread(stored_topic, database, group, message)

    lease = StoredPollingLease(database, f"{NAME}:{Client(settings).id}")
    return TelegramPlatform(settings, lease, find_topic)


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.error("It can't be looked up where a message stands; trying again. %s", error)


def stored_topic(database: Database, group: int, message: int) -> int | None:
    """The forum topic in which a stored message stands; None if it is in none, or not stored."""
    with database.read() as c:
        chat = messages.chat_of_message(c, NAME, str(group), str(message))
    return topic_of(chat) if chat else None


class StoredPollingLease:
    """The right to ask for updates, kept in the database while its holder gives signs of life."""

    def __init__(self, database: Database, name: str, seconds: float = LEASE) -> None:
        self._database, self._name, self._seconds = database, name, seconds
        self._holder = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lease: Lease | None = None

    async def acquire(self) -> bool:
        """Whether the lease is ours now; no while the database is away."""
        try:
            self._lease = await asyncio.to_thread(self._acquire)
        except DatabaseAway as error:
            log.error("It can't be seen which process may ask Telegram for updates. %s", error)
            return False
        return self._lease is not None

    async def hold(self) -> None:
        """Renew the lease three times in its length; returns when it is lost, or might be."""
        held_until = time.monotonic() + self._seconds
        while time.monotonic() < held_until:
            await asyncio.sleep(self._seconds / 3)
            # Counted from before the question, so that we never think it ours for longer than the database does.
            began = time.monotonic()
            try:
                if not await asyncio.to_thread(self._renew):
                    break
                held_until = began + self._seconds
            except DatabaseAway as error:
                log.error("The right to ask Telegram for updates can't be renewed. %s", error)
        log.warning("Another process asks Telegram for updates now; this one stands by.")

    async def release(self) -> None:
        """Give the lease back."""
        try:
            await asyncio.to_thread(self._release)
        except DatabaseAway as error:
            log.error("The right to ask Telegram for updates can't be given back; it expires by itself. %s", error)

    def _acquire(self) -> Lease | None:
        with self._database.write() as c:
            return leases.acquire(c, self._name, self._holder, self._seconds, time.time())

    def _renew(self) -> bool:
        assert self._lease is not None
        with self._database.write() as c:
            return leases.renew(c, self._lease, self._seconds, time.time())

    def _release(self) -> None:
        if self._lease is not None:
            with self._database.write() as c:
                leases.release(c, self._lease)

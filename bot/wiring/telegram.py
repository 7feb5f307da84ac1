"""The Telegram platform wired to the store: whose turn it is to ask for updates, and where a forum's messages stand."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time

from bot.platforms.telegram.address import NAME, topic_of
from bot.platforms.telegram.client import Client
from bot.platforms.telegram.platform import TelegramPlatform
from bot.settings import TelegramSettings
from workers.store import leases, messages
from workers.store.database import Database, DatabaseAway
from workers.store.leases import Lease

log = logging.getLogger(__name__)

LEASE = 15.0
"""Seconds after which a standby takes over from a process that gives no sign of life."""
QUIET = ("aiogram", "aiohttp")
"""Loggers that might print addresses, in which the token stands."""


def telegram_platform(database: Database, settings: TelegramSettings) -> TelegramPlatform:
    """The bot on Telegram. Raises BackchannelError where the token or the secret can't be one."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)

    async def find_topic(group: int, message: int) -> int | None:
        while True:
            try:
                return await asyncio.to_thread(stored_topic, database, group, message)
            except DatabaseAway as error:
                log.error("It can't be looked up where a message stands; trying again. %s", error)
                await asyncio.sleep(1.0)

    turn = LeasedTurn(database, f"{NAME}:{Client(settings).id}")
    return TelegramPlatform(settings, turn, find_topic)


def stored_topic(database: Database, group: int, message: int) -> int | None:
    """The forum topic in which a stored message stands; None if it is in none, or not stored."""
    with database.read() as c:
        chat = messages.chat_of_message(c, NAME, str(group), str(message))
    return topic_of(chat) if chat else None


class LeasedTurn:
    """A turn that lasts as long as its holder gives signs of life to the database."""

    def __init__(self, database: Database, name: str, seconds: float = LEASE) -> None:
        self._database, self._name, self._seconds = database, name, seconds
        self._holder = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lease: Lease | None = None

    async def take(self) -> bool:
        """Whether the lease is ours now; no while the database is away."""
        try:
            self._lease = await asyncio.to_thread(self._acquire)
        except DatabaseAway as error:
            log.error("It can't be seen whose turn it is. %s", error)
            return False
        return self._lease is not None

    async def keep(self) -> None:
        """Renew the lease three times in its length; returns when it is lost, or might be."""
        held_until = time.monotonic() + self._seconds
        while time.monotonic() < held_until:
            await asyncio.sleep(self._seconds / 3)
            began = time.monotonic()
            try:
                if not await asyncio.to_thread(self._renew):
                    break
                held_until = began + self._seconds
            except DatabaseAway as error:
                log.error("The turn to ask for updates can't be held. %s", error)
        log.warning("Another process asks Telegram for updates now; this one stands by.")

    async def leave(self) -> None:
        """Give the lease back."""
        try:
            await asyncio.to_thread(self._release)
        except DatabaseAway as error:
            log.error("The turn to ask for updates can't be given back; it runs out by itself. %s", error)

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

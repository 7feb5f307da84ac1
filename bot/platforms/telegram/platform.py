"""Telegram: events by long polling or webhook, replies as messages and emoji."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from aiogram.methods import AnswerCallbackQuery, GetChatMember, GetMe, SetMyCommands, SetWebhook

from bot.platforms.base import Accept, Later, Refused, Standing
from bot.platforms.serving import bind, serving
from bot.platforms.telegram import http
from bot.platforms.telegram.address import NAME, chat_ref, group_of
from bot.platforms.telegram.client import Client
from bot.platforms.telegram.commands import menu
from bot.platforms.telegram.errors import Migrated, PutOut, TokenRefused
from bot.platforms.telegram.events import ASKED_FOR, Around, Me, events, moved
from bot.platforms.telegram.memory import Topics
from bot.platforms.telegram.polling import Health, Turn, poll
from bot.platforms.telegram.rate_limit import Limits, RateLimit
from bot.platforms.telegram.reading import read
from bot.platforms.telegram.sender import Sender
from bot.platforms.telegram.users import MASK
from bot.settings import TelegramSettings
from workers.core.errors import BackchannelError
from workers.core.events import Button, ChatRef, Event, Person, Presence
from workers.core.i18n import say
from workers.core.replies import Reply

log = logging.getLogger(__name__)

SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
TRIES = 5
AGAIN = 1.0


class TelegramPlatform:
    """One bot. `turn` decides which process asks for updates, `find_topic` knows where a message of a forum stands."""

    name = NAME

    def __init__(
        self,
        settings: TelegramSettings,
        turn: Turn,
        find_topic: Callable[[int, int], Awaitable[int | None]],
        limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> None:
        """Raises BackchannelError where the token or the secret can't be one."""
        self._secret = settings.secret.get_secret_value() if settings.secret else ""
        if settings.mode == "webhook" and not SECRET.fullmatch(self._secret):
            raise BackchannelError(
                "BACKCHANNEL_TELEGRAM__SECRET may have 1 to 256 letters, digits, underscores and hyphens: choose such."
            )
        self._settings, self._turn, self._topics = settings, turn, Topics(find_topic)
        self._client = Client(settings)
        self._pace = RateLimit(limits)
        self._sender = Sender(self._client, self._pace)
        self._health = Health()
        self._me: Me | None = None
        self._accept: Accept | None = None
        self._refused = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()
        self.port = 0

    # ── listening ───────────────────────────────────────────────────────────────────────────────────

    async def listen(self, accept: Accept) -> None:
        """Hand over events until cancelled. Raises TokenRefused, or BackchannelError for an address we can't have."""
        self._accept = accept
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._client.close)
            by_webhook = self._settings.mode == "webhook"
            served = http.app(self._health, http.Webhook(self._secret, self.take) if by_webhook else None)
            sock = bind(self._settings.host, self._settings.port, "BACKCHANNEL_TELEGRAM")
            self.port = sock.getsockname()[1]
            server = await stack.enter_async_context(serving(served, sock))
            listening = asyncio.create_task(self._push() if by_webhook else self._poll())
            ended = asyncio.create_task(self._refused.wait())
            try:
                done, _ = await asyncio.wait([listening, ended, server], return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancelled(listening, ended, *self._answering)
            for task in done - {ended}:
                task.result()
            raise TokenRefused if ended in done else BackchannelError("The web server for Telegram has stopped.")

    async def _poll(self) -> None:
        await self._start()
        await poll(self._client, self._turn, self.take, self._health)

    async def _push(self) -> None:
        await self._start()
        hook = SetWebhook(
            url=self._settings.public_url.rstrip("/") + http.PATH,
            secret_token=self._secret,
            allowed_updates=list(ASKED_FOR),
            drop_pending_updates=False,
        )
        await self._patiently(lambda: self._client(hook))
        self._health.connected = True
        await asyncio.Event().wait()

    async def _start(self) -> None:
        """Learn who we are, and tell Telegram our commands."""
        me = await self._patiently(lambda: self._client(GetMe()))
        self._me = Me(me["id"], me.get("username", ""))
        for language, code in (("en", None), ("zh", "zh")):
            try:
                await self._client(SetMyCommands(commands=menu(language), language_code=code))
            except (OSError, Later, Refused) as error:  # people can type them all the same
                log.warning("The commands can't be registered: %s", error)

    async def _patiently(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Call again and again while Telegram is away."""
        pause = 0.5
        while True:
            try:
                return await call()
            except (OSError, Later) as error:
                log.warning("%s Trying again.", error)
                await asyncio.sleep(error.seconds if isinstance(error, Later) else pause)
                pause = min(2 * pause, 20.0)

    async def take(self, raw: dict[str, Any]) -> None:
        """Store all that an update says. Returns when that is done, or can never be done."""
        update = read(raw)
        if update is None:
            return
        me = self._me or await self._known()
        self._topics.see(update)
        topic = await self._topics.of_reaction(update)
        found = events(update, Around(me, time.time(), topic, self._sender.said))
        wanted = [await self._stored(event) for event in found]
        if update.callback_query is not None:
            language = "zh" if (update.callback_query.from_user.language_code or "").startswith("zh") else "en"
            off = any(isinstance(event, Button) for event in found) and not all(wanted)
            self._answer(update.callback_query.id, say(language, "not_here") if off else None)

    async def _known(self) -> Me:
        """Who we are, for an update that comes before Telegram has said so."""
        while self._me is None:
            await asyncio.sleep(0.05)
        return self._me

    async def _stored(self, event: Event) -> bool:
        """An event that can't be stored is our mistake: it must not stop all that follow."""
        assert self._accept is not None
        for left in reversed(range(TRIES)):
            try:
                return await self._accept(event)
            except Exception as error:
                log.error("The event %s can't be stored (%s).", event.key, type(error).__name__)
                if left:
                    await asyncio.sleep(AGAIN)
        return True

    def _answer(self, query: str, text: str | None) -> None:
        """End the waiting of whoever pressed a button; nothing depends on it."""

        async def answer() -> None:
            try:
                await self._client(AnswerCallbackQuery(callback_query_id=query, text=text, show_alert=bool(text)))
            except (BackchannelError, OSError) as error:
                log.info("A button press is not answered: %s", error)

        task = asyncio.create_task(answer())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────

    async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
        """Carry out a reply; see `Platform`."""
        return await self._heeding(reply.chat, key, self._sent(reply, handle))

    async def _sent(self, reply: Reply, handle: str | None) -> str | None:
        match reply.kind:
            case "react":
                return await self._sender.react(reply, handle)
            case "post":
                return await self._sender.post(reply)
            case "edit_post":
                return await self._sender.edit(reply, handle)
            case "document":
                return await self._sender.document(reply)
            case "picture":
                return await self._sender.picture(reply)
            case "check_admin":
                raise Refused("Delivery answers this question itself.")

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        """Administrators of the group are admins, but only people whom the settings name may let the bot in.

        Anybody can add a bot to a group of their own and be its administrator.
        """
        if person.id.startswith(MASK):
            return Standing(False, "anonymous")
        if verb == "here":
            return Standing(False, "named_only")
        if group_of(chat) > 0:
            return Standing(False)  # one's own chat with the bot has no administrators
        asked = GetChatMember(chat_id=group_of(chat), user_id=int(person.id))
        try:
            member = await self._heeding(chat, f"standing:{person.id}", self._client(asked))
        except PutOut:
            raise
        except Refused:
            return Standing(False)
        return Standing(member["status"] in ("creator", "administrator"))

    async def _heeding(self, chat: ChatRef, key: str, call: Awaitable[Any]) -> Any:
        """Tell the others what a call has taught us: the group moved, we were put out, the token is gone."""
        try:
            return await call
        except Later as later:
            self._pace.pause(group_of(chat), later.seconds)
            raise
        except Migrated as migrated:
            await self._tell(moved(self._client.id, group_of(chat), migrated.into, time.time()))
            raise Later(1.0, "The group became a supergroup; its new number is used from now on.") from None
        except PutOut:
            if group_of(chat) < 0:
                left = f"{NAME}:{self._client.id}:left:{key}"
                where = chat_ref(group_of(chat))
                await self._tell(Presence(key=left, at=time.time(), chat=where, state="left", sees_reactions=False))
            raise
        except TokenRefused:
            self._refused.set()
            raise Later(5.0, "Telegram does not know the bot's token any more.") from None

    async def _tell(self, event: Event) -> None:
        if self._accept is not None:
            await self._accept(event)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

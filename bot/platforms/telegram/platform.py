"""The Telegram platform: events by long polling or webhook, replies as messages and emoji."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiogram.methods import AnswerCallbackQuery, GetChatMember, GetMe, SetMyCommands, SetWebhook
from aiogram.types import BotCommand
from cachetools import LRUCache
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_exponential

from bot.platforms.base import Accept, Ailment, Later, Refused, Standing, not_listening, well
from bot.platforms.http_server import bind, serving
from bot.platforms.telegram import http
from bot.platforms.telegram.client import Client
from bot.platforms.telegram.errors import Garbled, MethodUnknown, Migrated, Nobody, NotInChat, TokenRefused
from bot.platforms.telegram.events import BotAccount, Context, events, moved
from bot.platforms.telegram.polling import Health, PollingLease, poll
from bot.platforms.telegram.rate_limit import Limits, RateLimit
from bot.platforms.telegram.refs import NAME, chat_ref, group_of
from bot.platforms.telegram.sender import Sender
from bot.platforms.telegram.updates import ASKED_FOR, Query, Update, read
from bot.platforms.telegram.users import ANONYMOUS_PREFIX
from bot.settings import TelegramSettings
from workers.core.command_table import VERBS
from workers.core.errors import BackchannelError
from workers.core.events import Button, ChatRef, Edit, Event, Message, Person, Presence, Reaction
from workers.core.i18n import say
from workers.core.replies import Reply

log = logging.getLogger(__name__)

SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
STORE_TRIES, STORE_PAUSE = 5, 1.0
"""Tries to store an event that the inbox refuses, and the seconds between them."""
TOPICS_KEPT = 20_000
"""Messages of forums whose topic is remembered."""
USERNAMES_KEPT = 20_000
"""Usernames that are remembered, in no place but this process: they may change hands."""


class TelegramPlatform:
    """One bot. `lease` decides which process asks for updates, `find_topic` knows where a message of a forum stands."""

    name = NAME

    def __init__(
        self,
        settings: TelegramSettings,
        lease: PollingLease,
        find_topic: Callable[[int, int], Awaitable[int | None]],
        limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> None:
        """Raises BackchannelError where the token or the secret can't be one."""
        self._secret = settings.secret.get_secret_value() if settings.secret else ""
        if settings.mode == "webhook" and not SECRET.fullmatch(self._secret):
            raise BackchannelError(
                "BACKCHANNEL_TELEGRAM__SECRET may have 1 to 256 letters, digits, underscores and hyphens: choose such."
            )
        self._settings, self._lease, self._topics = settings, lease, Topics(find_topic)
        self._client = Client(settings)
        self._rate_limit = RateLimit(limits)
        self._sender = Sender(self._client, self._rate_limit)
        self._health = Health()
        self.ailment: Ailment = well
        self._me: BotAccount | None = None
        self._accept: Accept = not_listening
        self._token_refused = asyncio.Event()
        self._usernames: LRUCache[tuple[int, str], int] = LRUCache(USERNAMES_KEPT)
        self._answering: set[asyncio.Task[None]] = set()
        self.port = 0

    # ── listening ───────────────────────────────────────────────────────────────────────────────────

    async def listen(self, accept: Accept) -> None:
        """Hand over events until cancelled. Raises TokenRefused, or BackchannelError for an address we can't have."""
        self._accept = accept
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._client.close)
            by_webhook = self._settings.mode == "webhook"
            served = http.app(
                self._health, self.ailment, http.Webhook(self._secret, self.store) if by_webhook else None
            )
            sock = bind(self._settings.host, self._settings.port, "BACKCHANNEL_TELEGRAM")
            self.port = sock.getsockname()[1]
            server = await stack.enter_async_context(serving(served, sock))
            listening = asyncio.create_task(self._serve_webhook() if by_webhook else self._poll())
            ended = asyncio.create_task(self._token_refused.wait())
            try:
                done, _ = await asyncio.wait([listening, ended, server], return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancel(listening, ended, *self._answering)
            for task in done - {ended}:
                task.result()
            raise TokenRefused if ended in done else BackchannelError("The web server for Telegram has stopped.")

    async def _poll(self) -> None:
        await self._start()
        await poll(self._client, self._lease, self.store, self._health)

    async def _serve_webhook(self) -> None:
        await self._start()
        hook = SetWebhook(
            url=self._settings.public_url.rstrip("/") + http.PATH,
            secret_token=self._secret,
            allowed_updates=list(ASKED_FOR),
            # Telegram has kept for a day what came while we were away.
            drop_pending_updates=False,
        )
        try:
            await with_retry(lambda: self._client(hook))
            self._health.connected = True
        except MethodUnknown as error:  # one that is set from before goes on
            log.error("The webhook can't be set: %s", error)
        await asyncio.Event().wait()

    async def _start(self) -> None:
        """Learn who we are, and tell Telegram our commands."""
        me = await with_retry(lambda: self._client(GetMe()))
        self._me = BotAccount(me["id"], me.get("username", ""))
        for language, code in (("en", None), ("zh", "zh")):
            try:
                await self._client(SetMyCommands(commands=menu(language), language_code=code))
            except TokenRefused:
                raise
            except (OSError, BackchannelError) as error:  # people can type them all the same
                log.warning("The commands can't be registered: %s", error)

    async def store(self, raw: dict[str, Any]) -> None:
        """Store all that an update says. Returns when that is done, or can never be done."""
        update = read(raw)
        if update is None:
            return
        while self._me is None:  # an update may come before Telegram has said who we are
            await asyncio.sleep(0.05)
        self._topics.see(update)
        topic = await self._topics.of_reaction(update)
        translated = events(update, Context(self._me, time.time(), topic, self._sender.posts, self._usernames))
        stored = [await self._stored(event) for event in translated]
        self._remember_usernames(update, translated, stored)
        if update.callback_query is not None and update.callback_query.id is not None:
            off = any(isinstance(event, Button) for event in translated) and not all(stored)
            self._answer(update.callback_query.id, say(language_of(update.callback_query), "not_here") if off else None)

    def _remember_usernames(self, update: Update, translated: Sequence[Event], stored: Sequence[bool]) -> None:
        """Only where somebody switched the bot on: elsewhere it keeps nothing."""
        pairs = zip(translated, stored, strict=True)
        if any(kept and isinstance(event, Message | Edit | Reaction | Button) for event, kept in pairs):
            for chat, user in update.people():
                if user.username:
                    self._usernames[chat, user.username.lower()] = user.id

    async def _stored(self, event: Event) -> bool:
        """Whether the event is stored. One that can't be stored is our mistake: it must not stop all that follow."""
        for left in reversed(range(STORE_TRIES)):
            try:
                return await self._accept(event)
            except Exception as error:
                log.error("The event %s can't be stored (%s).", event.key, type(error).__name__)
                if left:
                    await asyncio.sleep(STORE_PAUSE)
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
        return await self._acting_on_errors(reply.chat, key, self._send(reply, handle))

    async def _send(self, reply: Reply, handle: str | None) -> str | None:
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
            case "take_back":
                return await self._sender.take_back(reply, handle)
            case "check_admin":
                raise Refused("Delivery answers this question itself.")

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        """Administrators of the group are admins, but only people whom the settings name may let the bot in.

        Anybody can add a bot to a group of their own and be its administrator.
        """
        if person.id.startswith(ANONYMOUS_PREFIX):
            return Standing(False, "anonymous")
        if verb == "here":
            return Standing(False, "named_only")
        if group_of(chat) > 0:
            return Standing(False)  # one's own chat with the bot has no administrators
        question = GetChatMember(chat_id=group_of(chat), user_id=int(person.id))
        try:
            member = await self._acting_on_errors(chat, f"standing:{person.id}", self._client(question))
        # Any other refusal says nothing about the person.
        except Nobody:
            return Standing(False)
        return Standing(member.get("status") in ("creator", "administrator"))

    async def _acting_on_errors(self, chat: ChatRef, key: str, call: Awaitable[Any]) -> Any:
        """Await a call, and act on errors that concern more than this call: group moved, bot put out, token gone."""
        try:
            return await call
        except Later as later:
            self._rate_limit.pause(group_of(chat), later.seconds)
            raise
        except Migrated as migrated:
            await self._accept(moved(self._client.id, group_of(chat), migrated.into, time.time()))
            raise Later(1.0, "The group became a supergroup; its new number is used from now on.") from None
        except NotInChat:
            # Groups have negative numbers; a person who blocked the bot is no chat that it left.
            if group_of(chat) < 0:
                left = f"{NAME}:{self._client.id}:left:{key}"
                event = Presence(
                    key=left, at=time.time(), chat=chat_ref(group_of(chat)), state="left", sees_reactions=False
                )
                await self._accept(event)
            raise
        except TokenRefused:
            # `getMe` said so: `listen` ends by it, and the reply waits for a start with a good token.
            self._token_refused.set()
            raise Later(5.0, "Telegram does not know the bot's token any more.") from None


class Topics:
    """In which topic of a forum a message stands, which reactions do not say.

    Caches the latest messages of forums, and asks `find` (group, message -> topic) about older ones.
    """

    def __init__(self, find: Callable[[int, int], Awaitable[int | None]]) -> None:
        self._find = find
        self._topics: LRUCache[tuple[int, int], int | None] = LRUCache(TOPICS_KEPT)

    def see(self, update: Update) -> None:
        """Note where a message stands."""
        message = update.message or update.edited_message
        if message is not None and message.chat.is_forum:
            topic = message.message_thread_id if message.is_topic_message else None
            self._topics[message.chat.id, message.message_id] = topic

    async def of_reaction(self, update: Update) -> int | None:
        """The topic of the message that a reaction is on; None outside of topics, or if nobody knows."""
        reaction = update.message_reaction
        if reaction is None or not reaction.chat.is_forum:
            return None
        key = (reaction.chat.id, reaction.message_id)
        return self._topics[key] if key in self._topics else await self._find(*key)


def language_of(query: Query) -> str:
    """That of whoever pressed, as their client says it."""
    code = query.sender.language_code if query.sender else None
    return "zh" if (code or "").startswith("zh") else "en"


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def menu(language: str) -> list[BotCommand]:
    """The commands as Telegram shows them while people type; `labels add` is typed as an argument."""
    verbs = [verb for verb in VERBS.values() if " " not in verb.name]
    return [BotCommand(command=verb.name, description=verb.help(language)) for verb in verbs]


def _log_retry(state: RetryCallState) -> None:
    log.warning("%s Trying again.", state.outcome.exception() if state.outcome else "")


def _pause(state: RetryCallState) -> float:
    """The seconds that Telegram asks for, else 0.5, 1, 2 … 20."""
    error = state.outcome.exception() if state.outcome else None
    return error.seconds if isinstance(error, Later) else wait_exponential(multiplier=0.5, max=20)(state)


@retry(retry=retry_if_exception_type((OSError, Later, Garbled)), wait=_pause, before_sleep=_log_retry)
async def with_retry(call: Callable[[], Awaitable[Any]]) -> Any:
    """Call again and again while Telegram is away."""
    return await call()

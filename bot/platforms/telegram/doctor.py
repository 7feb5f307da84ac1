"""What `backchannel doctor` asks Telegram: token, privacy, updates, the clock, and one reaction there and back."""

from __future__ import annotations

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from aiogram.methods import (
    DeleteMessage,
    GetChatMember,
    GetMe,
    GetWebhookInfo,
    SendMessage,
    SetMessageReaction,
    TelegramMethod,
)
from aiogram.types import ReactionTypeEmoji

from bot.doctor.findings import Finding
from bot.platforms.telegram.client import Client
from bot.platforms.telegram.http import PATH
from bot.platforms.telegram.updates import ASKED_FOR
from bot.settings import TelegramSettings
from workers.core.errors import BackchannelError

MAX_SKEW = 60.0
"""Seconds by which our clock may differ from Telegram's."""
LATELY = 3600.0
PRIVACY = (
    "Send /setprivacy to @BotFather, choose the bot and Disable, then put it out of the group and add it again; or "
    "make it an administrator of each group, which it needs for reactions anyway."
)
ADMIN = "Make it an administrator in the group's settings; it needs no particular right."
ERRORS = (BackchannelError, OSError)


async def examine(settings: TelegramSettings, chat: str | None) -> list[Finding]:
    """Look at everything; what is wrong is a finding and never raised.

    `chat`: the number of a group, such as -1001234567890; a message is sent there, marked and deleted again.
    """
    try:
        client = Client(settings)
    except BackchannelError as error:
        return [_problem(str(error), "Copy the token from @BotFather once more.")]
    try:
        return await _examined(client, settings, chat)
    finally:
        await client.close()


async def _examined(client: Client, settings: TelegramSettings, chat: str | None) -> list[Finding]:
    try:
        me = await client(GetMe())
    except ERRORS as error:
        return [_problem(str(error), "Copy the token from @BotFather once more, or look at the network.")]
    findings = [_ok(f"the token is that of @{me['username']}.")]
    about_chat, admin = await _chat(client, chat) if chat else ([], False)
    if me.get("can_read_all_group_messages") or admin:
        findings.append(_ok("the bot reads what is written in groups."))
    else:
        findings.append(_problem("privacy mode hides most messages in groups from the bot.", PRIVACY))
    findings += await _updates(client, settings)
    return [*findings, await _clock(settings.api_url), *about_chat]


async def _updates(client: Client, settings: TelegramSettings) -> list[Finding]:
    """Which updates Telegram gives out, and where to."""
    try:
        info = await client(GetWebhookInfo())
    except ERRORS as error:
        return [_problem(f"it can't be seen where updates go. {error}", "Try again.")]
    missing = ", ".join(sorted(set(ASKED_FOR) - set(info.get("allowed_updates", ()))))
    if missing:
        start = "Start the bot (`backchannel up`), which asks for all that it needs."
        about_kinds = _problem(f"nobody has asked yet for updates of the kinds {missing}.", start)
    else:
        about_kinds = _ok("Telegram tells of messages, edits, reactions, buttons and the bot's own place.")
    return [about_kinds, *_webhook(info, settings)]


def _webhook(info: dict[str, Any], settings: TelegramSettings) -> list[Finding]:
    url = info.get("url", "")
    if settings.mode == "polling":
        todo = "Start the bot, which takes the webhook away, or set BACKCHANNEL_TELEGRAM__MODE=webhook."
        return [_problem("a webhook gets the updates, so that polling gets none.", todo)] if url else []
    if url != settings.public_url.rstrip("/") + PATH:
        todo = "Start the bot, which sets its webhook; BACKCHANNEL_TELEGRAM__PUBLIC_URL says where it is."
        return [_problem("the webhook is not set to this bot's address." if url else "no webhook is set.", todo)]
    waiting = info.get("pending_update_count", 0)
    if time.time() - info.get("last_error_date", 0) < LATELY:
        reason = info.get("last_error_message", "no reason")
        todo = "Look at what stands before the bot (DNS, certificate, proxy) and at the bot's log."
        return [_problem(f"the webhook failed within the last hour ({reason}); {waiting} updates wait.", todo)]
    return [_ok(f"the webhook is set; {waiting} updates wait.")]


async def _clock(api_url: str) -> Finding:
    """Compare clocks by an answer to a request that carries no token."""
    asked = time.time()
    try:
        timeout = aiohttp.ClientTimeout(total=10)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(api_url, allow_redirects=False) as answer,
        ):
            theirs = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (aiohttp.ClientError, OSError, ValueError):
        return _ok("its server tells no time to compare our clock with.")
    # Half-way: the question and its answer took time.
    skew = abs((asked + time.time()) / 2 - theirs)
    what = f"our clock differs from Telegram's by {skew:.0f} s."
    return _ok(what) if skew <= MAX_SKEW else _problem(what, "Set this machine's clock, by NTP best.")


async def _chat(client: Client, chat: str) -> tuple[list[Finding], bool]:
    """The bot's place in a group, whether it is an administrator there, and a reaction there and back."""
    group, _, topic = chat.partition(":")
    try:
        where, thread = int(group), int(topic) if topic else None
    except ValueError:
        return [_problem(f"{chat!r} is no chat.", "Name a group by its number, such as -1001234567890.")], False
    try:
        member = await client(GetChatMember(chat_id=where, user_id=client.id))
    except ERRORS as error:
        return [_problem(f"the bot's place in {chat} can't be seen. {error}", "Add the bot to the group.")], False
    if member["status"] in ("left", "kicked"):
        return [_problem(f"the bot is not in {chat}.", "Add the bot to the group.")], False
    admin = member["status"] in ("administrator", "creator")
    blind = _problem(f"the bot is no administrator of {chat}, so nobody tells it of reactions.", ADMIN)
    sees = _ok(f"the bot is an administrator of {chat} and hears of reactions.")
    return [sees if admin else blind, await _round_trip(client, where, thread)], admin


async def _round_trip(client: Client, chat: int, topic: int | None) -> Finding:
    try:
        message = SendMessage(chat_id=chat, message_thread_id=topic, text="…", disable_notification=True)
        number = int((await client(message))["message_id"])
        await _mark_and_delete(client, chat, number)
    except ERRORS as error:
        return _problem(f"a test reaction in {chat} failed. {error}", "Do what the sentence says.")
    return _ok(f"a test reaction in {chat} went there and back.")


async def _mark_and_delete(client: Client, chat: int, message: int) -> None:
    """Put an emoji on a message, take it away, and the message, too."""
    try:
        await client(_reaction(chat, message, "👍"))
        await client(_reaction(chat, message, None))
    finally:
        with suppress(*ERRORS):  # what went wrong before says more
            await client(DeleteMessage(chat_id=chat, message_id=message))


def _reaction(chat: int, message: int, emoji: str | None) -> TelegramMethod[Any]:
    reaction: list[Any] = [ReactionTypeEmoji(emoji=emoji)] if emoji else []
    return SetMessageReaction(chat_id=chat, message_id=message, reaction=reaction)


def _ok(what: str) -> Finding:
    return Finding(True, f"Telegram: {what}")


def _problem(what: str, todo: str) -> Finding:
    return Finding(False, f"Telegram: {what}", todo)

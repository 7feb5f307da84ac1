"""Our replies to calls of the Bot API. What a call left behind comes back as the handle of the next one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from aiogram.methods import (
    DeleteMessage,
    EditEphemeralMessageText,
    EditMessageText,
    SendDocument,
    SendMessage,
    SendPhoto,
    SetMessageReaction,
)
from aiogram.types import (
    BufferedInputFile,
    EphemeralMessageParameters,
    InlineKeyboardMarkup,
    ReactionTypeEmoji,
    ReplyParameters,
)
from cachetools import FIFOCache

from bot.platforms.base import Refused, Unreachable, post_handle
from bot.platforms.telegram.client import Client
from bot.platforms.telegram.errors import (
    ChatUnknown,
    Forbidden,
    MessageGone,
    NotInChat,
    ReactionNotAllowed,
    Unmodified,
)
from bot.platforms.telegram.formatting import CAPTION, Piece, clipped, keyboard, pieces, under_label, units, with_bar
from bot.platforms.telegram.rate_limit import RateLimit
from bot.platforms.telegram.reactions import allowed
from bot.platforms.telegram.refs import BEFORE_MIGRATION, chat_ref, group_of, topic_of
from bot.platforms.telegram.users import ANONYMOUS_PREFIX
from workers.core.events import ChatRef
from workers.core.i18n import both
from workers.core.replies import Document, EditPost, Picture, Post, React, TakeBack, alone, alone_id

EMOJI = "emoji"
"""The handle of an emoji that the bot has put on a message; any other handle is the number of a message."""
LARGEST_FILE, LARGEST_PHOTO = 50_000_000, 10_000_000
"""Bytes that Telegram takes."""
CACHE_SIZE = 20_000


class Sender:
    """Carries out replies, no faster than Telegram allows. Raises what `Client` raises."""

    def __init__(self, client: Client, rate_limit: RateLimit) -> None:
        self._client, self._rate_limit = client, rate_limit
        self.posts: FIFOCache[tuple[int, int], None] = FIFOCache(CACHE_SIZE)
        """The bot's latest posts, as (chat, message): those of a channel come back as forwards to its group."""

    # ── emoji ───────────────────────────────────────────────────────────────────────────────────────

    async def react(self, reply: React, handle: str | None) -> str | None:
        """Put an emoji on a message or, where Telegram has no such emoji, show the label in a short answer."""
        if reply.ref.message_id.startswith(BEFORE_MIGRATION):
            raise Refused(both("tg_old_message"))
        emoji = allowed(reply.emoji) if reply.emoji else None
        try:
            if emoji:
                await self._set_reaction(reply, emoji)
            elif handle in (None, EMOJI):
                await self._set_reaction(reply, None)
        except ReactionNotAllowed:  # this group allows only some
            if not reply.label:
                raise
            emoji = None
        if emoji or reply.emoji is None:
            await self._remove_label(reply.chat, handle)
            return EMOJI if emoji else None
        return await self._show_label(reply, handle)

    async def _set_reaction(self, reply: React, emoji: str | None) -> None:
        chat = group_of(reply.chat)
        await self._rate_limit.turn(chat, 0)
        reaction: list[Any] = [ReactionTypeEmoji(emoji=emoji)] if emoji else []
        await self._client(
            SetMessageReaction(chat_id=chat, message_id=int(reply.ref.message_id), reaction=reaction, is_big=False)
        )

    async def _show_label(self, reply: React, handle: str | None) -> str:
        piece = clipped(label_line(reply))
        buttons = under_label(reply.label_id)
        if handle not in (None, EMOJI):
            try:
                await self._change(reply.chat, handle, piece, buttons)
                return handle
            # Somebody deleted the answer: it is said anew.
            except MessageGone:
                pass
        return await self._post(reply.chat, [piece], buttons, reply.ref.message_id)

    async def _remove_label(self, chat: ChatRef, handle: str | None) -> None:
        if handle in (None, EMOJI):
            return
        with suppress(MessageGone):
            await self._delete(chat, handle)

    async def _delete(self, chat: ChatRef, handle: str) -> None:
        await self._rate_limit.turn(group_of(chat), 0)
        await self._client(DeleteMessage(chat_id=group_of(chat), message_id=int(handle)))

    # ── words ───────────────────────────────────────────────────────────────────────────────────────

    async def post(self, reply: Post) -> str:
        """Say it, in several messages if it is long; the buttons are under the last, which is the post's handle."""
        parts = pieces(with_bar(reply.text, reply.progress))
        return await self._post(reply.chat, parts, keyboard(reply.choices), reply.reply_to, reply.to)

    async def take_back(self, reply: TakeBack, handle: str | None) -> None:
        """Delete an answer that others see, too. In one's own chat with the bot there are no others."""
        if handle is None or alone(handle) or handle.startswith(BEFORE_MIGRATION) or group_of(reply.chat) > 0:
            return
        with suppress(MessageGone):
            await self._delete(reply.chat, handle)

    async def edit(self, reply: EditPost, handle: str | None) -> str:
        """Replace what a post says."""
        handle = post_handle(handle)
        if handle.startswith(BEFORE_MIGRATION):
            raise Refused(both("tg_old_post"))
        await self._change(reply.chat, handle, clipped(with_bar(reply.text, reply.progress)), keyboard(reply.choices))
        return handle

    async def _change(self, chat: ChatRef, handle: str, piece: Piece, buttons: InlineKeyboardMarkup | None) -> None:
        await self._rate_limit.turn(group_of(chat))
        words: dict[str, Any] = {"text": piece.text, "entities": list(piece.entities) or None, "reply_markup": buttons}
        if seen := alone(handle):
            ids = {"receiver_user_id": int(seen[0]), "ephemeral_message_id": int(seen[1])}
            edit = EditEphemeralMessageText(chat_id=group_of(chat), **ids, **words)
        else:
            edit = EditMessageText(chat_id=group_of(chat), message_id=int(handle), **words)
        with suppress(Unmodified):
            await self._client(edit)

    async def _post(
        self,
        chat: ChatRef,
        parts: list[Piece],
        buttons: InlineKeyboardMarkup | None,
        to: str | None,
        person: str | None = None,
    ) -> str:
        if not any(part.text.strip() for part in parts):
            raise Refused(both("refused_empty"))
        await self._rate_limit.turn(group_of(chat), len(parts))
        for part in parts[:-1]:
            await self._send_message(chat, part, None, to, person)
            await self._rate_limit.gap()
            to = None
        return await self._send_message(chat, parts[-1], buttons, to, person)

    async def _send_message(
        self, chat: ChatRef, piece: Piece, buttons: InlineKeyboardMarkup | None, to: str | None, person: str | None
    ) -> str:
        entities = list(piece.entities) or None
        message = SendMessage(text=piece.text, entities=entities, reply_markup=buttons, **_to(chat, to))
        handle, sent = await self._to_one(chat, message, person)
        self.posts[group_of(chat), sent["message_id"]] = None
        return handle

    async def _to_one(
        self, chat: ChatRef, message: SendMessage | SendPhoto, person: str | None
    ) -> tuple[str, dict[str, Any]]:
        """Send so that only this person sees it, where Telegram does that; else all do, until it is taken back.

        Telegram does it in a group whose administrator the bot is, since version 10.2 of the Bot API; a server of an
        earlier one leaves out what it does not know. https://core.telegram.org/bots/api#ephemeral-messages-and-commands
        """
        if person is not None and person.isdecimal() and group_of(chat) < 0:
            only = EphemeralMessageParameters(receiver_user_id=int(person))
            try:
                sent = await self._client(message.model_copy(update={"ephemeral_message_parameters": only}))
            except Unreachable:
                raise
            except Refused:
                pass
            else:
                shown = sent.get("ephemeral_message_id")
                return alone_id(person, str(shown)) if shown else _id(sent), sent
        sent = await self._client(message)
        return _id(sent), sent

    # ── files ───────────────────────────────────────────────────────────────────────────────────────

    async def document(self, reply: Document) -> str:
        """Hand over a text file."""
        content = reply.content.encode()
        if len(content) > LARGEST_FILE:
            raise Refused(both("tg_large_file"))
        file = BufferedInputFile(content, reply.filename)
        if reply.to is not None and group_of(reply.chat) < 0:
            return await self._document_in_private(reply, reply.to, file)
        return await self._document(reply, file)

    async def _document(self, reply: Document, file: BufferedInputFile) -> str:
        caption = await self._caption(reply.chat, reply.text)
        await self._rate_limit.turn(group_of(reply.chat))
        return _id(await self._client(SendDocument(document=file, **caption, **_to(reply.chat, reply.reply_to))))

    async def _document_in_private(self, reply: Document, person: str, file: BufferedInputFile) -> str:
        """Groups have negative numbers, and a person's own chat with the bot has the person's."""
        if person.startswith(ANONYMOUS_PREFIX):
            raise Refused(both("tg_private_anonymous"))
        private = reply.model_copy(update={"chat": chat_ref(int(person)), "reply_to": None})
        try:
            return await self._document(private, file)
        # No word about the group: a bot may not write to whoever has never written to it, or blocked it.
        except (NotInChat, ChatUnknown, Forbidden):
            raise Refused(both("tg_private_closed")) from None

    async def picture(self, reply: Picture) -> str:
        """Show a picture, with what is on it in words under it."""
        if len(reply.content) > LARGEST_PHOTO:
            raise Refused(both("tg_large_picture"))
        caption = await self._caption(reply.chat, reply.text or reply.alt)
        file = BufferedInputFile(reply.content, reply.filename)
        await self._rate_limit.turn(group_of(reply.chat))
        photo = SendPhoto(photo=file, **caption, **_to(reply.chat, reply.reply_to))
        handle, _ = await self._to_one(reply.chat, photo, reply.to)
        return handle

    async def _caption(self, chat: ChatRef, text: str) -> dict[str, Any]:
        """The words under a file; more of them than fit there become a message before it."""
        if units(text) > CAPTION:
            await self._post(chat, pieces(text), None, None)
            return {}
        piece = clipped(text, CAPTION)
        return {"caption": piece.text or None, "caption_entities": list(piece.entities) or None}


def label_line(reply: React) -> str:
    """A label in words: `🐞 bug 87%`, with a question mark after a mere guess."""
    words = [reply.emoji or "", reply.label, f"{reply.probability:.0%}" if reply.probability else ""]
    return " ".join(word for word in words if word) + ("?" if reply.guess else "")


def _to(chat: ChatRef, to: str | None) -> dict[str, Any]:
    """The chat, the topic and, if Telegram still knows it, the message that is answered."""
    answered = to if to and not to.startswith(BEFORE_MIGRATION) else None
    # The message may have been deleted by now, and what was to be said still counts.
    reply = ReplyParameters(message_id=int(answered), allow_sending_without_reply=True) if answered else None
    return {"chat_id": group_of(chat), "message_thread_id": topic_of(chat), "reply_parameters": reply}


def _id(sent: dict[str, Any]) -> str:
    return str(sent["message_id"])

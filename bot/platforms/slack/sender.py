"""Our replies to Slack's Web API, one at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.platforms.base import Refused, post_handle
from bot.platforms.slack.emoji_names import name_of
from bot.platforms.slack.errors import Limited, Revoked, code_of, translated_errors
from bot.platforms.slack.events import NEW_THREAD
from bot.platforms.slack.formatting import literal, message
from bot.platforms.slack.rate_limit import RateLimit
from bot.platforms.slack.response_urls import ResponseUrls
from bot.platforms.slack.workspaces import Workspaces
from workers.core.events import ChatRef, MessageRef
from workers.core.i18n import both
from workers.core.replies import Document, EditPost, Picture, Post, React, Reply, alone, alone_id

FileT = TypeVar("FileT", Document, Picture)
NO_PREVIEWS: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}


class Sender:
    """Carries out replies. A workspace that no longer takes its token is marked, and the reply refused."""

    def __init__(self, workspaces: Workspaces, rate_limit: RateLimit, response_urls: ResponseUrls) -> None:
        self._workspaces, self._rate_limit, self._response_urls = workspaces, rate_limit, response_urls

    async def send(self, reply: Reply, handle: str | None) -> str | None:
        """See `Platform.send`. The handle of a post is its `ts`, that of a reaction the name of the emoji."""
        match reply:
            case React():
                return await self._react(reply, handle)
            case Post(to=str() as person):
                return await self._whisper(reply, person)
            case Post():
                return await self._post(reply)
            case EditPost():
                return await self._edit(reply, handle)
            case Document():
                return await self._upload(await self._in_private(reply), reply.content.encode(), None)
            case Picture():
                return await self._picture(reply)
            case _:
                return None  # TakeBack: nobody else saw it. CheckAdmin: whoever delivers it asks `standing`.

    async def _post(self, reply: Post) -> str:
        body = message(reply.text, reply.choices, reply.progress)
        async with self._call(reply.chat, "chat.postMessage", limited=True) as client:
            answer: Any = await client.chat_postMessage(
                channel=reply.chat.chat_id, thread_ts=thread_of(reply.reply_to), **NO_PREVIEWS, **body
            )
        return str(answer["ts"])

    async def _whisper(self, reply: Post, person: str) -> str:
        """Say something to one person alone; where the bot may not, Slack may still take it as the answer."""
        try:
            # In a DM with the bot nobody else reads, and what is said there stays.
            return await self._post(reply) if is_dm(reply.chat) else await self._ephemeral(reply, person)
        except Refused:
            body = message(reply.text, reply.choices)
            if not await self._response_urls.whisper(reply.chat, person, body):
                raise
            return alone_id(person, "")

    async def _ephemeral(self, reply: Post, person: str) -> str:
        # Slack shows it in a thread only where somebody has written in that already.
        thread = None if (reply.reply_to or "").startswith(NEW_THREAD) else reply.reply_to
        async with self._call(reply.chat, "chat.postEphemeral") as client:
            answer: Any = await client.chat_postEphemeral(
                channel=reply.chat.chat_id, user=person, thread_ts=thread, **message(reply.text, reply.choices)
            )
        return alone_id(person, str(answer["message_ts"]))

    async def _edit(self, reply: EditPost, handle: str | None) -> str:
        handle = post_handle(handle)
        if seen := alone(handle):
            await self._edit_alone(reply, handle, seen[0])
        else:
            await self._update(reply, handle)
        return handle

    async def _edit_alone(self, reply: EditPost, handle: str, person: str) -> None:
        """Slack changes what one person sees only right after that person pressed a button there; else it is new."""
        if not await self._response_urls.replace(reply.chat, handle, message(reply.text, reply.choices)):
            await self._whisper(Post(chat=reply.chat, text=reply.text, choices=reply.choices, to=person), person)

    async def _update(self, reply: EditPost, ts: str) -> None:
        body = message(reply.text, reply.choices, reply.progress)
        async with self._call(reply.chat, "chat.update", limited=True) as client:
            await client.chat_update(channel=reply.chat.chat_id, ts=ts, **body)

    async def _in_private(self, reply: FileT) -> FileT:
        """The same as a reply in the DM with the one person who may have it."""
        if reply.to is None or is_dm(reply.chat):
            return reply
        async with self._call(reply.chat, "conversations.open") as client:
            answer: Any = await client.conversations_open(users=reply.to)
        chat = reply.chat.model_copy(update={"chat_id": answer["channel"]["id"]})
        return reply.model_copy(update={"chat": chat, "reply_to": None})

    async def _picture(self, reply: Picture) -> str | None:
        """A picture for one person of a channel: its words there, and all of it in the DM, for files show to all."""
        if reply.to is None or is_dm(reply.chat):
            return await self._upload(reply, reply.content, reply.alt)
        words = Post(chat=reply.chat, text=reply.text or reply.alt, reply_to=reply.reply_to, to=reply.to)
        handle = await self._whisper(words, reply.to)
        with suppress(Refused):  # the words have said what is on it
            await self._upload(await self._in_private(reply), reply.content, reply.alt)
        return handle

    async def _upload(self, reply: Document | Picture, content: bytes, alt: str | None) -> str:
        async with self._call(reply.chat, "files.completeUploadExternal", limited=True) as client:
            answer: Any = await client.files_upload_v2(
                content=content,
                filename=reply.filename,
                alt_txt=alt,
                channel=reply.chat.chat_id,
                initial_comment=literal(reply.text) or None,
                thread_ts=thread_of(reply.reply_to),
            )
        return str(answer["file"]["id"])

    async def _react(self, reply: React, handle: str | None) -> str | None:
        """Take the emoji before away, then put the new one: tried again from any point, it comes to the same end."""
        name = name_of(reply.emoji) if reply.emoji else None
        if reply.emoji and name is None:
            raise Refused(both("slack_emoji_nameless", emoji=reply.emoji))
        if handle and handle != name:
            await self._set_reaction(reply.ref, handle, add=False)
        if name:
            await self._set_reaction(reply.ref, name, add=True)
        return name

    async def _set_reaction(self, ref: MessageRef, name: str, add: bool) -> None:
        reaction = {"channel": ref.chat_id, "timestamp": ref.message_id, "name": name}
        method, no_change = ("reactions.add", "already_reacted") if add else ("reactions.remove", "no_reaction")
        async with self._call(ref.chat, method) as client:
            try:
                await (client.reactions_add(**reaction) if add else client.reactions_remove(**reaction))
            except SlackApiError as error:
                # Taking it away from what is gone is done already.
                gone = not add and code_of(error) in ("message_not_found", "invalid_name")
                if code_of(error) != no_change and not gone:
                    raise

    @asynccontextmanager
    async def _call(self, chat: ChatRef, method: str, limited: bool = False) -> AsyncGenerator[AsyncWebClient]:
        """The chat's client, when its turn has come; errors become what the outbox understands."""
        workspace = await self._workspaces.needed(chat.workspace)
        self._rate_limit.check(workspace.id, method)
        # Slack takes about one post a second in a channel; reactions it counts by the workspace and the method alone.
        if limited:
            await self._rate_limit.turn(chat.key)
        try:
            with translated_errors():
                yield self._workspaces.client_of(workspace)
        except Limited as error:
            self._rate_limit.close(workspace.id, method, error.seconds)
            raise
        except Revoked as error:
            if await self._workspaces.takes_token(workspace):
                raise Refused(both("slack_method_refused")) from error
            await self._workspaces.revoke(workspace.id)
            raise


def thread_of(reply_to: str | None) -> str | None:
    """The thread to write in, which may begin with this."""
    return reply_to.removeprefix(NEW_THREAD) if reply_to else None


def is_dm(chat: ChatRef) -> bool:
    """Whether it is a conversation of two; the ids of those begin with D."""
    return chat.chat_id.startswith("D")

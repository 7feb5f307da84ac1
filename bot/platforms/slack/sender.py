"""Our replies to Slack's Web API, one at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.platforms.base import Refused, post_handle
from bot.platforms.slack.emoji_names import name_of
from bot.platforms.slack.errors import Limited, Revoked, code_of, translated_errors
from bot.platforms.slack.formatting import literal, message
from bot.platforms.slack.rate_limit import RateLimit
from bot.platforms.slack.workspaces import Workspaces
from workers.core.events import ChatRef, MessageRef
from workers.core.i18n import both
from workers.core.replies import Document, EditPost, Picture, Post, React, Reply

NO_PREVIEWS: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}


class Sender:
    """Carries out replies. A workspace that no longer takes its token is marked, and the reply refused."""

    def __init__(self, workspaces: Workspaces, rate_limit: RateLimit) -> None:
        self._workspaces, self._rate_limit = workspaces, rate_limit

    async def send(self, reply: Reply, handle: str | None) -> str | None:
        """See `Platform.send`. The handle of a post is its `ts`, that of a reaction the name of the emoji."""
        match reply:
            case React():
                return await self._react(reply, handle)
            case Post():
                return await self._post(reply)
            case EditPost():
                return await self._edit(reply, handle)
            case Document():
                return await self._upload(await self._in_private(reply), reply.content.encode(), None)
            case Picture():
                return await self._upload(reply, reply.content, reply.alt)
            case _:
                return None  # CheckAdmin: whoever delivers it asks `standing`

    async def _post(self, reply: Post) -> str:
        body = message(reply.text, reply.choices, reply.progress)
        async with self._call(reply.chat, "chat.postMessage", limited=True) as client:
            answer: Any = await client.chat_postMessage(
                channel=reply.chat.chat_id, thread_ts=reply.reply_to, **NO_PREVIEWS, **body
            )
        return str(answer["ts"])

    async def _edit(self, reply: EditPost, handle: str | None) -> None:
        ts, body = post_handle(handle), message(reply.text, reply.choices, reply.progress)
        async with self._call(reply.chat, "chat.update", limited=True) as client:
            await client.chat_update(channel=reply.chat.chat_id, ts=ts, **body)

    async def _in_private(self, reply: Document) -> Document:
        """The same as a reply in the DM with the one person who may have it; the ids of DMs begin with D."""
        if reply.to is None or reply.chat.chat_id.startswith("D"):
            return reply
        async with self._call(reply.chat, "conversations.open") as client:
            answer: Any = await client.conversations_open(users=reply.to)
        chat = reply.chat.model_copy(update={"chat_id": answer["channel"]["id"]})
        return reply.model_copy(update={"chat": chat, "reply_to": None})

    async def _upload(self, reply: Document | Picture, content: bytes, alt: str | None) -> str:
        async with self._call(reply.chat, "files.completeUploadExternal", limited=True) as client:
            answer: Any = await client.files_upload_v2(
                content=content,
                filename=reply.filename,
                alt_txt=alt,
                channel=reply.chat.chat_id,
                initial_comment=literal(reply.text) or None,
                thread_ts=reply.reply_to,
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

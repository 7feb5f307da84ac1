"""The live channel: what people do becomes events, and events and replies become things to show."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cachetools import FIFOCache

from bot.platforms.base import Accept, Refused, not_listening, post_handle
from bot.platforms.web.events import Action, PageError, Remove, Revise, event_of, key_of
from bot.platforms.web.subscribers import Subscriber, Subscribers, Wire
from workers.core.events import (
    Button,
    ChatRef,
    Command,
    Delete,
    Edit,
    Event,
    Message,
    Moved,
    Person,
    Presence,
    Reaction,
)
from workers.core.replies import Document, EditPost, Picture, Post, React, Reply

if TYPE_CHECKING:
    from workers.store.history import Line

BOT = Person(id="", name="Backchannel")
CACHE_SIZE = 5000
ASKING = 200
"""Latest actions of which it is known on which page they were done."""
NOT_STORED_SECONDS = 60.0
"""How long a message that the workers have not stored yet is still shown to a page that loads."""


class Clock:
    """Seconds since the epoch that never stand still and never go back within a process."""

    def __init__(self, time_of_day: Callable[[], float] = time.time) -> None:
        self._time_of_day, self._last = time_of_day, 0.0

    def now(self) -> float:
        """A time later than every one before it."""
        # A step that a float of today still shows: events are put in order by their time.
        self._last = max(self._time_of_day(), self._last + 1e-5)
        return self._last


class Channel:
    """One chat as the pages see it. Nothing here is the truth: a page that loads asks the store."""

    def __init__(self, chat: ChatRef, subscribers: Subscribers) -> None:
        self.chat, self.subscribers, self.clock = chat, subscribers, Clock()
        self.accept: Accept = not_listening
        self._acknowledgements: FIFOCache[str, asyncio.Task[Wire]] = FIFOCache(CACHE_SIZE)
        self._written: FIFOCache[str, tuple[str, float]] = FIFOCache(CACHE_SIZE)
        self._not_stored: FIFOCache[str, Wire] = FIFOCache(CACHE_SIZE)
        self._asking: FIFOCache[str, Subscriber] = FIFOCache(ASKING)

    async def perform(self, action: Action, page: Subscriber | None = None) -> Wire:
        """Carry out an action once, however often it is sent. Returns the acknowledgement. `page`: who asks for it.

        Raises what `accept` raises, and then the action may be sent again; `PageError` if it may not be done.
        """
        if page is not None:
            self._asking[key_of(action)] = page
        task = self._acknowledgements.get(action.id)
        if task is None:
            task = asyncio.create_task(self._perform(action))
            self._acknowledgements[action.id] = task
            task.add_done_callback(lambda done: self._forget_failure(action.id, done))
        # Whoever closes the page must not take back a commit that others wait for.
        return await asyncio.shield(task)

    async def publish(self, event: Event) -> bool:
        """Commit an event, then show it. Returns whether the chat is enabled."""
        stored = await self.accept(event)
        self.show_event(event, stored)
        return stored

    async def _perform(self, action: Action) -> Wire:
        author, at = self._written.get(getattr(action, "message_id", ""), (None, None))
        if isinstance(action, Revise | Remove) and author != action.name:
            raise PageError("not_yours", "Only whoever wrote a message can change it.", action.id)
        stored = await self.publish(event_of(action, self.chat, self.clock.now(), at))
        return {"kind": "ack", "id": action.id, "stored": stored}

    def _forget_failure(self, action_id: str, task: asyncio.Task[Wire]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._acknowledgements.pop(action_id, None)

    # ── what is shown ───────────────────────────────────────────────────────────────────────────────

    def show_event(self, event: Event, stored: bool) -> None:
        """Show on every page what somebody did."""
        match event:
            case Message():
                self._written[event.ref.message_id] = event.author.id, event.at
                line = line_of(event.ref.message_id, event.author, event.at, event.text, reply_to=event.reply_to)
                if stored:
                    self._not_stored[event.ref.message_id] = line
                self.subscribers.broadcast({"kind": "line", "line": line, "stored": stored})
            case Edit():
                # It would be shown with its old text to a page that loads.
                self._not_stored.pop(event.ref.message_id, None)
                self.subscribers.broadcast({"kind": "edited", "message_id": event.ref.message_id, "text": event.text})
            case Delete():
                self._not_stored.pop(event.ref.message_id, None)
                self.subscribers.broadcast({"kind": "deleted", "message_id": event.ref.message_id})
            case Reaction() if stored:
                self.subscribers.broadcast(
                    {
                        "kind": "reaction",
                        "message_id": event.ref.message_id,
                        "emoji": event.emoji,
                        "person": event.annotator.id,
                        "added": event.added,
                    }
                )
            case Command():
                line = line_of(event.key, event.caller, event.at, f"/{event.text}")
                self.subscribers.broadcast({"kind": "command", "line": line, "stored": stored})
            case Reaction() | Button() | Presence() | Moved():
                pass  # not stored, or answered by the bot in its own words

    def show_reply(self, reply: Reply, key: str, handle: str | None) -> str | None:
        """Show a reply; the id of a new post follows from `key`, so a second try shows the same one."""
        if reply.chat != self.chat:
            raise Refused(f"The web page has no channel {reply.chat.key}; it shows {self.chat.key} only.")
        match reply:
            case React():
                self._not_stored.pop(reply.ref.message_id, None)
                marks = reply.model_dump(include={"emoji", "label", "probability", "guess"})
                self.subscribers.broadcast({"kind": "react", "message_id": reply.ref.message_id, **marks})
                return None
            case Post():
                choices = [choice.model_dump() for choice in reply.choices]
                return self._show_post(key, reply.text, reply.reply_to, choices=choices, progress=reply.progress)
            case Document():
                return self._hand_over(key, reply)
            case Picture():
                return self._show_post(key, reply.text, reply.reply_to, picture=data_url(reply), alt=reply.alt)
            case EditPost():
                changed = reply.model_dump(mode="json", include={"text", "choices", "progress"})
                self.subscribers.broadcast({"kind": "edit_post", "message_id": post_handle(handle), **changed})
                return None
            case _:
                return None  # CheckAdmin: whoever delivers it asks `standing`

    def _hand_over(self, key: str, reply: Document) -> str:
        """Show a file on every page; one that is for one person has its content only on the page that asked for it."""
        page = self._asking.get(key.rpartition(":")[0]) if reply.to else None
        line = line_of(post_id(key), BOT, self.clock.now(), reply.text) | {"bot": True, "filename": reply.filename}
        whole: Wire = {"kind": "line", "line": line | {"content": reply.content}, "stored": True}
        if reply.to is None:
            self.subscribers.broadcast(whole)
            return post_id(key)
        self.subscribers.broadcast({"kind": "line", "line": line, "stored": True}, without=page)
        if page is not None:
            page.send(whole)
        return post_id(key)

    def _show_post(self, key: str, text: str, reply_to: str | None, **more: object) -> str:
        line = line_of(post_id(key), BOT, self.clock.now(), text, reply_to) | {"bot": True, **more}
        self.subscribers.broadcast({"kind": "line", "line": line, "stored": True})
        return post_id(key)

    def lines(self, stored: Sequence[Line]) -> list[Wire]:
        """What a page shows when it loads: the store's lines, then what was accepted but is not stored yet."""
        stored_ids = {line.message_id for line in stored}
        for line in stored:
            if not line.bot:
                self._written[line.message_id] = line.author.id, line.at
        oldest = time.time() - NOT_STORED_SECONDS
        for message_id, line in list(self._not_stored.items()):
            if message_id in stored_ids or float(str(line["at"])) < oldest:
                del self._not_stored[message_id]
        return [line.model_dump(mode="json") for line in stored] + list(self._not_stored.values())


def post_id(key: str) -> str:
    """The message id of a post: the same for the same reply."""
    # Hashed, since a key is longer than an id may be, and has slashes.
    return "post-" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:24]


def data_url(reply: Picture) -> str:
    """The picture as an address that a page can show."""
    return "data:image/png;base64," + base64.b64encode(reply.content).decode()


def line_of(message_id: str, author: Person, at: float, text: str, reply_to: str | None = None) -> Wire:
    """A new line, in the shape of the store's own `Line`."""
    return {
        "message_id": message_id,
        "author": author.model_dump(),
        "bot": False,
        "at": at,
        "text": text,
        "edited": False,
        "deleted": False,
        "reply_to": reply_to,
        "reactions": [],
        "prediction": None,
        "choices": [],
        "progress": None,
    }

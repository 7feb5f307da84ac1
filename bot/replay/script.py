"""The participants of a replay: authors who write, annotators who react, an admin who types commands."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.replay.observer import Observer, Outcome, written
from bot.replay.server import ReplayServer
from workers.core.emoji import PALETTE
from workers.core.errors import BackchannelError
from workers.core.events import Button, ChatRef, Command, Message, MessageRef, Person, Reaction
from workers.core.replies import EditPost, Post, React, Reply

ADMIN = Person(id="admin", name="Admin")
AUTHORS = tuple(Person(id=f"author-{n}", name=f"Author {n}") for n in range(1, 8))
ANNOTATORS = tuple(Person(id=f"annotator-{n}", name=f"Annotator {n}") for n in range(1, 4))
NONE: Mapping[str, str] = MappingProxyType({})

Deliver = Callable[[Message | Reaction | Button | Command], Awaitable[object]]


def chat_ref(chat_id: str) -> ChatRef:
    """A chat of the replay platform."""
    return ChatRef(platform="replay", workspace="file", chat_id=chat_id)


def ref_of(chat: ChatRef, message_id: str) -> MessageRef:
    """The message of this id in a chat."""
    return MessageRef(**chat.model_dump(), message_id=message_id)


@dataclass(frozen=True, slots=True)
class Played:
    """A row of a file as it was written into a chat; the first row after the header is number 1."""

    file: str
    row: int
    text: str


@dataclass(slots=True)
class Participants:
    """Write rows of (text, label) into chats; remember what they did, so that a report can check the outcome.

    `played`: which row each message is.
    `given`: the (ref, annotator, emoji) of each label, where a pressed button has "" as its emoji.
    `labels_before`: how many labels had been given when a message was accepted.
    """

    server: ReplayServer
    observer: Observer
    rng: random.Random
    deliver: Deliver
    emoji: dict[str, str] = field(default_factory=dict[str, str])
    truth: dict[str, str] = field(default_factory=dict[str, str])
    played: dict[str, Played] = field(default_factory=dict[str, Played])
    accepted: dict[str, float] = field(default_factory=dict[str, float])
    labels_before: dict[str, int] = field(default_factory=dict[str, int])
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    labelled_when: dict[str, int] = field(default_factory=dict[str, int])
    given: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    _posts: dict[str, Post] = field(default_factory=dict[str, Post])
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _shown: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    reacted_at: dict[str, float] = field(default_factory=dict[str, float])

    def on_reply(self, key: str, reply: Reply, now: float) -> None:
        """What the bot did, as the server saw it."""
        if isinstance(reply, React):
            self.reacted_at.setdefault(reply.ref.key, now)
            self._shown.setdefault(reply.ref.key, asyncio.Event()).set()
        elif isinstance(reply, Post):
            self._posts[key] = reply
        elif isinstance(reply, EditPost):
            self._posts[reply.post] = Post(chat=reply.chat, text=reply.text, choices=reply.choices)

    # ── the admin ──────────────────────────────────────────────────────────────────────────────────

    async def run_command(self, chat: ChatRef, text: str) -> list[str]:
        """Type a command and wait for its answers. Returns the keys of the posts."""
        key = f"{chat.key}/command/{next(self._numbers)}"
        self.observer.patience.waiting_for = f"an answer to `{text}`"
        command = Command(key=key, at=time.time(), chat=chat, caller=ADMIN, text=text, admin=True, operator=True)
        await self.deliver(command)
        await until(lambda: f"{key}:0" in self._posts)
        posts = await self.observer.posts(key)  # what belongs to one answer is committed together, but sent one by one
        await until(lambda: all(post in self._posts for post in posts))
        return posts

    async def enable(self, chat: ChatRef, mode: str) -> None:
        await self.run_command(chat, "here")
        await self.run_command(chat, f"mode {mode}")

    async def add_labels(self, chat: ChatRef, names: Sequence[str], descriptions: Mapping[str, str] = NONE) -> None:
        """Make the file's labels the label set, each with an emoji of its own, and a description where it has one."""
        for name, emoji in zip(names, emoji_for(len(names)), strict=True):
            self.emoji[name] = emoji
            line = f"labels add {quoted(name)} {emoji} {descriptions.get(name, '')}".rstrip()
            (key,) = await self.run_command(chat, line)
            if f"{emoji} {name}" not in self.text_of(key):
                raise BackchannelError(f"The label {name!r} was not accepted: {self.text_of(key)}")

    def text_of(self, key: str) -> str:
        """The text of a post now."""
        return self._posts[key].text

    # ── authors and annotators ─────────────────────────────────────────────────────────────────────

    async def write(self, ref: MessageRef, number: int, row: Played, label: str) -> None:
        """One author writes one message; returns once the bot has stored it."""
        self.truth[ref.key], self.played[ref.key] = label, row
        author = AUTHORS[number % len(AUTHORS)]
        message = Message(key=written(ref.key), at=time.time(), ref=ref, author=author, text=row.text)
        if not await self.deliver(message):
            self.observer.nothing(ref.key)

    def counts(self, ref: MessageRef) -> None:
        """The message is one of those that the report counts; those of a test are none."""
        self.accepted[ref.key] = time.time()
        self.labels_before[ref.key] = len(self.labelled_when)

    async def outcome(self, ref: MessageRef) -> Outcome | None:
        """Wait until the message is predicted and, where the bot shows it, until its emoji is there.

        None where the bot has handled it and predicted nothing.
        """
        outcome = await self.observer.outcome(ref.key)
        if outcome is None:
            return None
        self.outcomes[ref.key] = outcome
        if outcome.shown:
            await self._shown.setdefault(ref.key, asyncio.Event()).wait()
        return outcome

    async def react(self, ref: MessageRef) -> None:
        """An annotator puts the true label's emoji on a message."""
        annotator = self.rng.choice(ANNOTATORS)
        key = f"{ref.key}/reaction/{annotator.id}"
        emoji = self.emoji[self.truth[ref.key]]
        reaction = Reaction(key=key, at=time.time(), ref=ref, annotator=annotator, emoji=emoji, added=True)
        self.given.append((ref.key, annotator.id, emoji))
        self.labelled_when[ref.key] = len(self.labelled_when) + 1
        await self.deliver(reaction)

    async def answer_questions(self, chat: ChatRef, budget: int) -> None:
        """Let the bot ask, and answer truly, until the budget is spent or it has nothing to ask."""
        answered = 0
        while answered < budget:
            keys = await self.run_command(chat, f"ask {min(10, budget - answered)}")
            questions = [key for key in keys if self._posts[key].choices]
            if not questions:
                return
            for key in questions:
                await self.press(chat, key)
            answered += len(questions)
            await self.observer.head_is_current()

    async def press(self, chat: ChatRef, key: str) -> None:
        post = self._posts[key]
        asked = ref_of(chat, post.reply_to or "")
        label = self.truth[asked.key]
        choice = next(choice for choice in post.choices if choice.text == f"{self.emoji[label]} {label}")
        pressed = f"{chat.key}/button/{next(self._numbers)}"
        self.labelled_when[asked.key] = len(self.labelled_when) + 1
        at = ref_of(chat, f"bot:{key}")
        annotator = self.rng.choice(ANNOTATORS)
        self.given.append((asked.key, annotator.id, ""))
        await self.deliver(Button(key=pressed, at=time.time(), ref=at, presser=annotator, value=choice.value))


def quoted(name: str) -> str:
    """A label's name in quotes that it has not itself: an emoji in it belongs to it."""
    pairs = ("“”", '""', "«»", "「」")
    opening, closing = next((pair for pair in pairs if not set(pair) & set(name)), pairs[0])
    return f"{opening}{name}{closing}"


async def until(ready: Callable[[], bool]) -> None:
    """Look until it is so; whose patience it is decides how long."""
    while not ready():
        await asyncio.sleep(0.005)


def emoji_for(count: int) -> list[str]:
    """`count` distinct emoji; beyond the palette, custom ones."""
    return [*PALETTE[:count], *(f":label_{number}:" for number in range(len(PALETTE), count))]

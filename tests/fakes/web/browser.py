"""What stands behind the page in its tests: an intake, a store and a bot, in memory and scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from bot.platforms.web.platform import WebPlatform
from bot.platforms.web.sample import sample_labels
from workers.core.events import Button, ChatRef, Command, Delete, Edit, Event, Message, Person, Reaction
from workers.core.replies import Choice, EditPost, Post, React
from workers.store.accuracy import AccuracyPoint
from workers.store.history import Line, PredictionView, ReactionView
from workers.store.overview import JobView, LabelView, Overview, VersionView

VERBS = [
    {
        "verb": "help",
        "arguments": "[verb]",
        "help": {"en": "What can be typed here", "zh": "可以输入什么"},
        "admin": False,
    },
    {"verb": "here", "arguments": "[en|zh]", "help": {"en": "Switch on", "zh": "启用"}, "admin": True},
    {
        "verb": "mode",
        "arguments": "shadow|suggest",
        "help": {"en": "Watch or suggest", "zh": "观察或建议"},
        "admin": True,
    },
    {
        "verb": "labels",
        "arguments": "",
        "help": {"en": "The labels and their counts", "zh": "标签和次数"},
        "admin": False,
    },
    {
        "verb": "labels add",
        "arguments": "<name> [emoji]",
        "help": {"en": "Add a label", "zh": "新增标签"},
        "admin": True,
    },
    {
        "verb": "label",
        "arguments": "<name>|none",
        "help": {"en": "As a reply: label it", "zh": "回复：打标签"},
        "admin": False,
    },
    {
        "verb": "ask",
        "arguments": "[n]",
        "help": {"en": "Ask about the least sure", "zh": "询问最没把握的"},
        "admin": False,
    },
    {
        "verb": "retrain",
        "arguments": "[method]",
        "help": {"en": "Train a new version", "zh": "训练新版本"},
        "admin": True,
    },
    {"verb": "cancel", "arguments": "[job]", "help": {"en": "Stop the running job", "zh": "取消任务"}, "admin": True},
    {"verb": "rollback", "arguments": "", "help": {"en": "Back to the version before", "zh": "回退"}, "admin": True},
]
SIGNS = {
    "bug": ("crash", "崩", "error", "报错"),
    "question": ("?", "？"),
    "praise": ("love", "谢", "thank"),
    "idea": ("would be", "希望"),
    "spam": ("http", "加微信"),
    "chatter": ("lunch", "午饭"),
}


@dataclass
class FarSide:
    """Accepts events once by key, keeps them, and answers like a very simple bot."""

    events: list[Event] = field(default_factory=list[Event])
    enabled: bool = True
    broken: bool = False
    answers: bool = True
    labels: int = 40
    coverage: float | None = 0.63
    precision: float | None = 0.92
    jobs: list[JobView] = field(default_factory=list[JobView])
    platform: WebPlatform | None = None
    step: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0.15)
    """What each tenth of a training waits for."""
    _keys: set[str] = field(default_factory=set[str])
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _posts: int = 0

    async def accept(self, event: Event) -> bool:
        if self.broken:
            raise OSError("the disk is full")
        if not self.enabled and not isinstance(event, Command):
            return False
        if event.key not in self._keys:
            self._keys.add(event.key)
            self.events.append(event)
            if self.answers:
                self._later(self.answer(event))
        return True

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answer(self, event: Event) -> None:
        await asyncio.sleep(0.02)
        if isinstance(event, Message | Edit):
            await self.send(self.react(event), f"react:{event.key}")
        elif isinstance(event, Reaction):
            self.labels += 1 if event.added else -1
        elif isinstance(event, Command) and event.text.startswith("retrain"):
            await self.retrain(event.chat)
        elif isinstance(event, Command) and event.text.startswith("ask"):
            choices = (Choice(text="👾 bug", value="q1:bug"), Choice(text="none of these", value="q1:none"))
            await self.send(
                Post(chat=event.chat, text="What kind of message is “it hangs”?", choices=choices), event.key
            )
        elif isinstance(event, Command):
            self.enabled = self.enabled or event.text.startswith("here")
            await self.send(Post(chat=event.chat, text=f"You typed `{event.text}`."), event.key)
        elif isinstance(event, Button):
            await self.send(
                EditPost(chat=event.ref.chat, post="", text=f"Noted: {event.value}"), event.key, event.ref.message_id
            )

    async def send(self, reply: Any, key: str, handle: str | None = None) -> str | None:
        assert self.platform is not None
        return await self.platform.send(reply, key, handle)

    def react(self, event: Message | Edit) -> React:
        text = event.text.lower()
        name = next((label for label, signs in SIGNS.items() if any(sign in text for sign in signs)), None)
        found = next((label for label in sample_labels() if label.name == name), None)
        if found is None:
            return React(ref=event.ref, emoji=None)
        sure = 0.42 if len(event.text) < 12 else 0.6 + (len(event.text) * 37 % 39) / 100
        return React(ref=event.ref, emoji=found.emoji, label=found.name, probability=sure, guess=sure < 0.5)

    async def retrain(self, chat: ChatRef) -> None:
        post = await self.send(Post(chat=chat, text="Training is queued.", progress=0.0), "post:train")
        for step in range(1, 11):
            await self.step()
            share = step / 10
            self.jobs = [JobView(id=1, kind="train", state="running", fraction=share, stage="epoch 2 of 3", error=None)]
            words = f"Training: epoch 2 of 3 ({share:.0%})."
            await self.send(EditPost(chat=chat, post="post:train", text=words, progress=share), f"edit:{step}", post)
        self.jobs = [JobView(id=1, kind="train", state="done", fraction=1.0, stage="", error=None)]
        words = "Version 2 is active: accuracy 0.91, before 0.84."
        await self.send(EditPost(chat=chat, post="post:train", text=words), "edit:last", post)

    def history(self, chat: ChatRef) -> list[Line]:
        """The lines as the store would tell them, from the events alone."""
        lines: dict[str, Line] = {}
        for event in self.events:
            if isinstance(event, Message):
                prediction = self.react(event)
                view = PredictionView(
                    emoji=prediction.emoji or "", label=prediction.label, probability=prediction.probability,
                    guess=prediction.guess, shown=prediction.emoji is not None,
                )  # fmt: skip
                lines[event.ref.message_id] = Line(
                    message_id=event.ref.message_id, author=event.author, bot=False, at=event.at, text=event.text,
                    reply_to=event.reply_to, prediction=view if self.answers else None,
                )  # fmt: skip
            elif isinstance(event, Edit | Delete | Reaction):
                lines[event.ref.message_id] = changed(lines[event.ref.message_id], event)
        return list(lines.values())[-200:]

    def overview(self, chat: ChatRef) -> Overview:
        reactions = [event for event in self.events if isinstance(event, Reaction) and event.added]
        counts = {label.emoji: sum(event.emoji == label.emoji for event in reactions) for label in sample_labels()}
        labels = [
            LabelView(id=i, **label.model_dump(), count=counts[label.emoji] + (7 * i) % 11)
            for i, label in enumerate(sample_labels(), 1)
        ]
        curve = [AccuracyPoint(labels=n, accuracy=0.9 - 0.6 / (1 + n / 8)) for n in range(2, self.labels, 3)]
        metrics: list[tuple[str, str, dict[str, float]]] = [
            ("retired", "base", {}),
            ("retired", "frozen", {"accuracy": 0.84}),
            ("active", "lora", {"accuracy": 0.91}),
        ]
        versions = [
            VersionView(id=i, state=state, method=method, metrics=numbers, created_at=1.7e9 + i, note="")
            for i, (state, method, numbers) in enumerate(metrics, 1)
        ]
        return Overview(
            enabled=self.enabled, mode="suggest", language="en", labels=labels, accuracy=curve, versions=versions,
            jobs=self.jobs, messages=sum(isinstance(event, Message) for event in self.events), labelled=self.labels,
            disputed=0, head_revision=self.labels, coverage=self.coverage, precision=self.precision,
        )  # fmt: skip

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind that came in."""
        return [event for event in self.events if isinstance(event, kind)]


def changed(line: Line, event: Edit | Delete | Reaction) -> Line:
    if isinstance(event, Edit):
        return line.model_copy(update={"text": event.text, "edited": True})
    if isinstance(event, Delete):
        return line.model_copy(update={"text": "", "deleted": True})
    people = {view.emoji: list(view.people) for view in line.reactions}
    holders = [one for one in people.get(event.emoji, []) if one != event.annotator.id]
    people[event.emoji] = [*holders, event.annotator.id] if event.added else holders
    views = [ReactionView(emoji=emoji, people=who) for emoji, who in people.items() if who]
    return line.model_copy(update={"reactions": views})


def person(name: str) -> Person:
    return Person(id=name, name=name)


@asynccontextmanager
async def open_page(
    far: FarSide, *, host: str = "127.0.0.1", port: int = 0, password: str | None = None, **behind: str
):
    """A WebPlatform that listens, with `far` behind it; yields the platform."""
    secret = SecretStr(password) if password else None
    far.platform = WebPlatform(host, port, secret, history=far.history, overview=far.overview, verbs=VERBS, **behind)
    listening = asyncio.create_task(far.platform.listen(far.accept))
    ready = asyncio.create_task(far.platform.ready.wait())
    await asyncio.wait([listening, ready], return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        ready.cancel()
        await listening
    try:
        yield far.platform
    finally:
        listening.cancel()
        await asyncio.wait([listening])

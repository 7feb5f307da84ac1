"""What every platform owes to the rest: one suite that web, Slack and Telegram all pass.

A platform brings a `Far`: people who act on the far side of the real protocol, and what they see there. Its tests are
a subclass of `Contract` whose fixture `far` yields one, with `far.platform` listening and handing to `far.gathered`.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pytest

from bot.platforms.base import Platform
from tests.waiting import moment, soon
from workers.core.events import Button, ChatRef, Command, Delete, Edit, Event, Message, MessageRef, Person, Reaction
from workers.core.replies import Choice, Document, EditPost, Picture, Post, React

T = TypeVar("T")
ODD = "<b> &amp; `code` *star* _line_ [x](y) @here 🐞👩‍💻 中文，“引号” \\ end"


@dataclass
class Gathered:
    """Stands where intake stands: an event is kept once by its key, unless it is told to wait, fail or not care."""

    events: list[Event] = field(default_factory=list[Event])
    open: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    enabled: bool = True
    tries: int = 0

    def __post_init__(self) -> None:
        self.open.set()

    async def accept(self, event: Event) -> bool:
        self.tries += 1
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            raise OSError("The database is away.")
        if self.enabled and event.key not in [known.key for known in self.events]:
            self.events.append(event)
        return self.enabled

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


@dataclass(frozen=True)
class Seen:
    """A post of the bot as people see it; `under` is the message that it answers or the thread that it is in."""

    id: str
    text: str
    choices: tuple[Choice, ...] = ()
    under: str | None = None


class Far(Protocol):
    """The far side. People are named; ids are the platform's, as our refs carry them."""

    platform: Platform
    gathered: Gathered
    chat: ChatRef
    shows_any_emoji: bool

    async def say(self, person: str, text: str) -> str: ...
    async def edit(self, message_id: str, text: str) -> None: ...
    async def react(self, person: str, message_id: str, emoji: str) -> None: ...
    async def unreact(self, person: str, message_id: str, emoji: str) -> None: ...
    async def command(self, person: str, text: str) -> None: ...
    async def command_under(self, person: str, text: str, message_id: str) -> None: ...
    async def press(self, person: str, post_id: str, value: str) -> None: ...
    async def again(self) -> None:
        """Deliver the last thing that happened a second time."""
        ...

    async def echo(self, text: str) -> None:
        """The bot's own words come back as an event."""
        ...

    def acknowledged(self) -> int:
        """How many of the things that happened were acknowledged, each counted once."""
        ...

    def person(self, name: str, admin: bool = False) -> Person:
        """Somebody as our events name them."""
        ...

    def posts(self) -> list[Seen]:
        """What the bot said, as it reads now."""
        ...

    def emoji(self, message_id: str) -> str | None:
        """The emoji (neutral) or the words by which the bot shows a label on a message."""
        ...

    def files(self) -> list[tuple[str, bytes, str]]:
        """Name, content and caption of pictures and documents."""
        ...


class Contract:
    """Subclass it with a fixture `far`."""

    @pytest.fixture
    async def far(self) -> Any:
        raise NotImplementedError

    async def one(self, far: Far, kind: type[T], count: int = 1) -> T:
        found = await soon(lambda: far.gathered.of(kind), lambda those: len(those) >= count)
        assert len(found) == count
        return found[-1]

    async def test_a_message_comes_in_as_it_was_written(self, far: Far) -> None:
        id = await far.say("Ana", ODD)
        message = await self.one(far, Message)
        assert (message.ref.message_id, message.ref.chat, message.text) == (id, far.chat, ODD)
        assert message.author.id == far.person("Ana").id
        assert not message.bot

    async def test_what_is_delivered_twice_has_one_key(self, far: Far) -> None:
        id = await far.say("Ana", "once")
        await far.again()
        await far.react("Bo", id, "👍")
        await far.again()
        await far.say("Ana", "the last word")
        await soon(lambda: [message.text for message in far.gathered.of(Message)][-1:] == ["the last word"])
        assert len(far.gathered.events) == 3

    async def test_its_own_words_are_nobodys_message(self, far: Far) -> None:
        await far.echo("I am the bot")
        await far.say("Ana", "I am not")
        assert (await self.one(far, Message)).text == "I am not"

    async def test_emoji_come_and_go(self, far: Far) -> None:
        id = await far.say("Ana", "look")
        await far.react("Bo", id, "👍")
        await far.unreact("Bo", id, "👍")
        await self.one(far, Reaction, 2)
        first, second = far.gathered.of(Reaction)
        assert (first.emoji, first.added, second.emoji, second.added) == ("👍", True, "👍", False)
        assert first.annotator.id == far.person("Bo").id
        assert first.ref == second.ref == MessageRef(**far.chat.model_dump(), message_id=id)
        assert (first.at, first.sequence) < (second.at, second.sequence)

    async def test_skin_tones_don_t_make_another_emoji(self, far: Far) -> None:
        id = await far.say("Ana", "look")
        await far.react("Bo", id, "👍🏽")
        assert (await self.one(far, Reaction)).emoji == "👍"

    async def test_an_edit_brings_the_new_text(self, far: Far) -> None:
        id = await far.say("Ana", "befor")
        await far.edit(id, "before")
        edit = await self.one(far, Edit)
        assert (edit.ref.message_id, edit.text) == (id, "before")

    async def test_a_command_keeps_every_word(self, far: Far) -> None:
        await far.command("Ana", "labels add bug 🐞 it's <broken> & 坏了")
        command = await self.one(far, Command)
        assert command.chat == far.chat
        assert (command.verb, command.arguments) == ("labels", "add bug 🐞 it's <broken> & 坏了")
        assert command.caller.id == far.person("Ana").id
        assert far.gathered.of(Message) == []

    async def test_a_command_may_be_about_a_message(self, far: Far) -> None:
        id = await far.say("Bo", "it broke")
        await far.command_under("Ana", "label bug", id)
        command = await soon(lambda: far.gathered.of(Command))
        assert command[0].reply_to == MessageRef(**far.chat.model_dump(), message_id=id)
        assert command[0].text == "label bug"

    async def test_a_button_brings_its_value_back(self, far: Far) -> None:
        choices = (Choice(text="🐞 bug", value="a:1:2"), Choice(text="都不是", value="a:1:none"))
        handle = await far.platform.send(Post(chat=far.chat, text="Which?", choices=choices), "k1", None)
        [seen] = far.posts()
        assert [choice.text for choice in seen.choices] == ["🐞 bug", "都不是"]
        await far.press("Ana", seen.id, "a:1:none")
        button = await self.one(far, Button)
        assert (button.ref.message_id, button.ref.chat, button.value) == (handle, far.chat, "a:1:none")
        assert button.presser.id == far.person("Ana").id

    async def test_all_of_many_labels_are_offered(self, far: Far) -> None:
        choices = tuple(Choice(text=f"🐞 label {number}", value=f"a:1:{number}") for number in range(80))
        await far.platform.send(Post(chat=far.chat, text="Which?", choices=choices), "k1", None)
        offered = [choice.value for seen in far.posts() for choice in seen.choices]
        assert offered == [choice.value for choice in choices]

    async def test_a_post_reads_as_it_was_meant_and_stands_where_it_belongs(self, far: Far) -> None:
        id = await far.say("Ana", "help")
        handle = await far.platform.send(Post(chat=far.chat, text=ODD, reply_to=id), "k1", None)
        [seen] = far.posts()
        assert (seen.id, seen.under) == (handle, id)
        assert "".join(seen.text.split("`")) == "".join(ODD.split("`")), "code may be drawn, all else is as it was"

    async def test_a_long_text_is_there_to_its_end(self, far: Far) -> None:
        lines = "\n".join(f"{number} 🐞 " + "word " * 20 for number in range(120))
        await far.platform.send(Post(chat=far.chat, text=lines), "k1", None)
        said = "".join("".join(seen.text.split()) for seen in far.posts())
        assert said == "".join(lines.split())

    async def test_a_post_is_changed_in_place(self, far: Far) -> None:
        first = Post(chat=far.chat, text="Training 0%", choices=(Choice(text="Cancel", value="j:1"),), progress=0.0)
        handle = await far.platform.send(first, "k1", None)
        half = EditPost(chat=far.chat, post="k1", text="Training half", choices=first.choices, progress=0.5)
        await far.platform.send(half, "k2", handle)
        assert [choice.value for choice in far.posts()[0].choices] == ["j:1"]
        for key in ("k3", "k4"):  # said again, it stays said
            await far.platform.send(EditPost(chat=far.chat, post="k1", text="Done", choices=()), key, handle)
        [seen] = far.posts()
        assert (seen.text, seen.choices) == ("Done", ())

    async def test_the_bots_emoji_is_put_changed_and_taken_away(self, far: Far) -> None:
        id = await far.say("Ana", "it broke")
        ref = MessageRef(**far.chat.model_dump(), message_id=id)
        handle: str | None = None
        for step, (emoji, label) in enumerate([("👍", "praise"), ("👎", "bug"), ("👎", "bug"), (None, "")]):
            react = React(ref=ref, emoji=emoji, label=label, label_id=step + 1, probability=0.87)
            handle = await far.platform.send(react, f"k{step}", handle)
            assert far.emoji(id) == emoji

    async def test_an_emoji_that_the_platform_lacks_is_shown_in_words(self, far: Far) -> None:
        id = await far.say("Ana", "it broke")
        ref = MessageRef(**far.chat.model_dump(), message_id=id)
        react = React(ref=ref, emoji="🐞", label="bug", label_id=7, probability=0.87)
        handle = await far.platform.send(react, "k1", None)
        if far.shows_any_emoji:
            assert far.emoji(id) == "🐞"
            return
        assert "🐞 bug" in (far.emoji(id) or "")
        assert handle is not None
        await far.press("Ana", handle, "l:7")
        assert (await self.one(far, Button)).value == "l:7"
        await far.platform.send(React(ref=ref, emoji=None), "k2", handle)
        assert far.emoji(id) is None

    async def test_pictures_and_documents_arrive_whole(self, far: Far) -> None:
        picture = Picture(chat=far.chat, filename="chart.png", content=PNG, alt="A line goes up.", text="Accuracy")
        await far.platform.send(picture, "k1", None)
        text = '{"text": "坏了"}\n'
        await far.platform.send(
            Document(chat=far.chat, filename="labels.jsonl", content=text, text="1 row"), "k2", None
        )
        (_, png, first), (name, jsonl, second) = far.files()
        assert (png, first) == (PNG, "Accuracy")
        assert (name, jsonl.decode(), second) == ("labels.jsonl", text, "1 row")

    async def test_nothing_is_acknowledged_before_it_is_stored(self, far: Far) -> None:
        far.gathered.open.clear()
        saying: Awaitable[str] = asyncio.ensure_future(far.say("Ana", "patience"))
        await soon(lambda: far.gathered.tries)
        await moment()
        assert far.acknowledged() == 0
        far.gathered.open.set()
        await saying
        await soon(far.acknowledged, lambda count: count == 1)
        assert len(far.gathered.events) == 1

    async def test_what_could_not_be_stored_comes_again(self, far: Far) -> None:
        far.gathered.failures = 2
        await far.say("Ana", "patience")
        assert (await self.one(far, Message)).text == "patience"
        await soon(far.acknowledged, lambda count: count == 1)
        assert far.gathered.tries >= 3

    async def test_a_chat_that_nobody_enabled_hears_nothing(self, far: Far) -> None:
        far.gathered.enabled = False
        id = await far.say("Ana", "is anybody there?")
        await far.react("Bo", id, "👍")
        await soon(far.acknowledged, lambda count: count == 2)
        assert (far.posts(), far.emoji(id)) == ([], None)

    async def test_who_may_is_asked_of_the_platform(self, far: Far) -> None:
        assert (await far.platform.standing(far.chat, far.person("Root", admin=True), "retrain")).admin


class DeletingFar(Far, Protocol):
    """A far side whose platform tells that a message was deleted."""

    async def delete(self, message_id: str) -> None: ...


class ContractWithDeletes(Contract):
    """For platforms that tell when a message was deleted: Telegram never does."""

    async def test_a_delete_is_told(self, far: DeletingFar) -> None:
        id = await far.say("Ana", "gone soon")
        await far.delete(id)
        assert (await self.one(far, Delete)).ref.message_id == id


def png(width: int, height: int) -> bytes:
    """A small white picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\x00" + b"\xff" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PNG = png(16, 16)

"""The server over real HTTP and WebSocket: who may come in, and what becomes of what the page sends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.platforms.base import Refused
from bot.platforms.web.events import TEXT_LIMIT
from tests.fakes.web.browser import FarSide, open_page
from tests.fakes.web.client import hear, page, say
from tests.waiting import moment
from workers.core.events import ChatRef, Command, Delete, Edit, Message, MessageRef, Person, Reaction
from workers.core.replies import Document, EditPost, Post, React


async def test_a_message_is_stored_then_acknowledged_then_seen_by_everybody() -> None:
    far = FarSide()
    async with open_page(far) as platform, page(platform) as mine, page(platform) as other:
        await mine.send(say("the board crashes", reply_to="m1"))
        line = (await hear(other, "line"))["line"]
        assert (line["author"]["name"], line["text"], line["reply_to"]) == ("Ada", "the board crashes", "m1")
        assert (await hear(mine, "ack"))["stored"] is True
        mark = await hear(other, "react")
        assert (mark["message_id"], mark["label"]) == (line["message_id"], "bug")
        [event] = far.of(Message)
        assert event.ref.message_id == line["message_id"]
        assert event.key.endswith("mabcdefg-0000000001")


async def test_the_same_act_sent_again_is_the_same_event_even_after_a_reconnect_and_a_restart() -> None:
    far = FarSide(answers=False)
    async with open_page(far) as platform:
        for _ in range(2):
            async with page(platform) as it:
                await it.send(say("once"))
                await hear(it, "ack")
    async with open_page(far) as platform, page(platform) as it:
        await it.send(say("once"))
        await hear(it, "ack")
        hello_again = await platform.snapshot()
    assert len(far.of(Message)) == 1
    assert len(hello_again["lines"]) == 1  # type: ignore[arg-type]


async def test_two_sockets_that_send_the_same_act_at_once_store_it_once() -> None:
    far = FarSide(answers=False)
    slow = far.accept

    async def accept(event: Any) -> bool:
        await moment()
        return await slow(event)

    far.accept = accept  # type: ignore[method-assign]
    async with open_page(far) as platform, page(platform) as one, page(platform) as two:
        await asyncio.gather(one.send(say("both")), two.send(say("both")))
        await asyncio.gather(hear(one, "ack"), hear(two, "ack"))
        shown = (await platform.snapshot())["lines"]
    assert len(far.of(Message)) == 1
    assert len(shown) == 1  # type: ignore[arg-type]


async def test_what_cannot_be_stored_is_not_acknowledged_and_can_be_sent_again() -> None:
    far = FarSide(broken=True)
    async with open_page(far) as platform, page(platform) as it:
        await it.send(say("keep me"))
        assert (await hear(it, "later"))["id"] == "mabcdefg-0000000001"
        far.broken = False
        await it.send(say("keep me"))
        assert (await hear(it, "ack"))["stored"] is True
    assert [event.text for event in far.of(Message)] == ["keep me"]


async def test_times_only_go_forward() -> None:
    far = FarSide(answers=False)
    async with open_page(far) as platform, page(platform) as it:
        for number in range(50):
            await it.send(say(f"{number}", number))
        for _ in range(50):
            await hear(it, "ack")
    times = [event.at for event in far.of(Message)]
    assert times == sorted(set(times))


async def test_edit_delete_reaction_button_and_command_become_events() -> None:
    far = FarSide(answers=False)
    async with open_page(far) as platform, page(platform) as it:
        await it.send(say("first"))
        message = (await hear(it, "line"))["line"]["message_id"]
        acts: list[dict[str, object]] = [
            {"kind": "edit", "message_id": message, "text": "second"},
            {"kind": "react", "message_id": message, "emoji": "👾", "added": True},
            {"kind": "press", "message_id": "post-1", "value": "q1:bug"},
            {"kind": "run", "text": "label bug", "reply_to": message},
            {"kind": "delete", "message_id": message},
        ]
        for number, act in enumerate(acts, 2):
            await it.send(json.dumps({**act, "name": "Ada", "id": f"mabcdefg-{number:010d}"}))
            await hear(it, "ack")
    assert [event.kind for event in far.events] == ["message", "edit", "reaction", "button", "command", "delete"]
    command = far.of(Command)[0]
    assert (command.text, command.reply_to.message_id, command.admin) == ("label bug", message, True)
    assert far.of(Reaction)[0].annotator == Person(id="Ada", name="Ada")
    assert far.of(Edit)[0].ref == far.of(Delete)[0].ref


async def test_only_the_author_may_change_a_message() -> None:
    far = FarSide(answers=False)
    async with open_page(far) as platform, page(platform) as it:
        await it.send(say("mine"))
        message = (await hear(it, "line"))["line"]["message_id"]
        await it.send(json.dumps({"kind": "delete", "name": "Eve", "id": "mabcdefg-eeeeee", "message_id": message}))
        assert (await hear(it, "refused"))["code"] == "not_yours"
    assert not far.of(Delete)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (say(""), "empty"),
        (say(" \n\u200a"), "empty"),
        (say("\x00"), "empty"),
        (say("x" * (TEXT_LIMIT + 1)), "too_long"),
        ("not json", "malformed"),
        ("[]", "malformed"),
        ("[" * 50_000, "malformed"),
        (say("x", id="../../etc"), "malformed"),
        (say("x", surprise=1), "malformed"),
        (
            json.dumps(
                {"kind": "react", "id": "mabcdefg-zzzzzz", "name": "A", "message_id": "m 1", "emoji": "", "added": 1}
            ),
            "malformed",
        ),
    ],
    ids=range(10),
)
async def test_nonsense_gets_a_sentence_and_the_socket_stays_open(frame: str, code: str) -> None:
    far = FarSide(answers=False)
    async with open_page(far) as platform, page(platform) as it:
        await it.send(frame)
        answer = await hear(it, "refused")
        assert answer["code"] == code
        assert answer["why"].endswith(".")
        await it.send(say("still here", 2))
        await hear(it, "ack")
    assert [event.text for event in far.of(Message)] == ["still here"]


async def test_a_hundred_kilobytes_a_nul_and_a_lone_surrogate_are_stored() -> None:
    far = FarSide(answers=False)
    async with open_page(far) as platform, page(platform) as it:
        for number, text in enumerate(["é" * 100_000, "a\x00b", "broken \ud83d half"]):
            await it.send(say(text, number))
            await hear(it, "ack")
    assert [event.text for event in far.of(Message)] == ["é" * 100_000, "ab", "broken \ufffd half"]


async def test_a_message_in_a_channel_that_is_not_enabled_is_shown_and_marked() -> None:
    far = FarSide(enabled=False)
    async with open_page(far) as platform, page(platform) as it:
        await it.send(say("hello?"))
        assert (await hear(it, "line"))["stored"] is False
        assert (await hear(it, "ack"))["stored"] is False
        assert (await platform.snapshot())["lines"] == []


async def test_a_message_that_is_accepted_but_not_stored_yet_survives_a_reload() -> None:
    far = FarSide(answers=False)
    async with open_page(far) as platform:
        platform._history = lambda chat: []  # the workers are busy
        async with page(platform) as it:
            await it.send(say("patience"))
            await hear(it, "ack")
        async with page(platform) as it:
            assert [line["text"] for line in (await hear(it, "hello"))["lines"]] == ["patience"]


# ── what the bot says ───────────────────────────────────────────────────────────────────────────────


async def test_a_reply_sent_twice_is_the_same_post() -> None:
    async with open_page(FarSide()) as platform, page(platform) as it:
        post = Post(chat=platform.chat, text="hello", progress=0.5)
        first, second = await platform.send(post, "k1", None), await platform.send(post, "k1", None)
        assert first == second != await platform.send(post, "k2", None)
        assert (await hear(it, "line"))["line"]["message_id"] == first
        await platform.send(EditPost(chat=platform.chat, post="k1", text="done"), "k3", first)
        assert (await hear(it, "edit_post"))["message_id"] == first
        await platform.send(Document(chat=platform.chat, filename="a.jsonl", content="{}"), "k4", None)
        assert (await hear(it, "line"))["line"]["filename"] == "a.jsonl"


async def test_a_file_for_one_person_is_on_the_page_that_asked_for_it_alone() -> None:
    async with open_page(FarSide(answers=False)) as platform, page(platform) as mine, page(platform) as other:
        typed = {"kind": "run", "id": "mabcdefg-0000000001", "name": "Ada", "text": "export"}
        await mine.send(json.dumps(typed))
        await hear(mine, "ack")
        file = Document(chat=platform.chat, filename="a.jsonl", content="{}", to="Ada")
        await platform.send(file, "web:mabcdefg-0000000001:0", None)
        assert (await hear(mine, "line"))["line"]["content"] == "{}"
        theirs = (await hear(other, "line"))["line"]
        assert (theirs["filename"], theirs.get("content")) == ("a.jsonl", None)


async def test_what_the_page_cannot_show_is_refused_with_a_sentence() -> None:
    async with open_page(FarSide()) as platform:
        elsewhere = ChatRef(platform="web", workspace="local", chat_id="other")
        for reply in (Post(chat=elsewhere, text="x"), EditPost(chat=platform.chat, post="lost", text="x")):
            with pytest.raises(Refused, match=r"\.$"):
                await platform.send(reply, "k", None)
        assert (await platform.standing(platform.chat, Person(id="Ada"), "retrain")).admin
        assert not (await platform.standing(elsewhere, Person(id="Ada"), "retrain")).admin


async def test_the_overview_is_pushed_when_it_changes() -> None:
    far = FarSide()
    async with open_page(far) as platform, page(platform) as it:
        await hear(it, "overview")
        far.labels += 1
        assert (await hear(it, "overview"))["overview"]["labelled"] == far.labels


async def test_a_page_that_does_not_read_is_sent_away_and_holds_up_nobody() -> None:
    async with open_page(FarSide()) as platform:
        subscriber = platform.subscribers.add()
        ref = MessageRef(**platform.chat.model_dump(), message_id="m")
        for _ in range(5000):
            await platform.send(React(ref=ref, emoji="👾"), "k", None)
        assert subscriber.lost
        assert subscriber.queue.qsize() == 1

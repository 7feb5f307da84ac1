"""Replies through the real SDK: what people see, and what each error of Slack means."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.delivery import deliver
from bot.platforms.base import Later, Refused
from bot.platforms.slack.platform import SlackPlatform
from tests.bot.platforms.slack.conftest import SCREENS, Inbox, running, settings
from tests.fakes.slack.people import FarPeople
from tests.fakes.slack.server import FarSlack
from tests.fakes.slack.shapes import Trouble
from tests.fakes.slack.web_api import Channel, Team
from tests.waiting import soon
from workers.core.events import ChatRef, MessageRef
from workers.core.replies import Choice, Document, EditPost, Picture, Post, React, Reply
from workers.store import outbox
from workers.store.database import Database


def chat(channel: str = "C1") -> ChatRef:
    return ChatRef(platform="slack", workspace="T1", chat_id=channel)


def ref(ts: str, channel: str = "C1") -> MessageRef:
    return MessageRef(platform="slack", workspace="T1", chat_id=channel, message_id=ts)


def texts(far: FarSlack, ts: str, channel: str = "C1") -> list[str]:
    blocks = far.web.channels[channel].messages[ts]["blocks"]
    return [block["text"]["text"] for block in blocks if block["type"] == "section"]


async def test_a_post_has_text_buttons_and_its_thread(far: FarSlack, platform: SlackPlatform):
    choices = tuple(Choice(text=f"Choice {number}", value=f"v{number}") for number in range(60))
    post = Post(chat=chat(), text="5 < 6 & <!channel>", choices=choices, reply_to="1700000000.000100")
    ts = await platform.send(post, "k", None)
    assert ts is not None
    assert texts(far, ts) == ["5 &lt; 6 &amp; &lt;!channel&gt;"]
    message = far.web.channels["C1"].messages[ts]
    rows = [block["elements"] for block in message["blocks"] if block["type"] == "actions"]
    assert [len(row) for row in rows] == [25, 25, 10]
    assert [button["value"] for row in rows for button in row] == [choice.value for choice in choices]
    assert message["thread_ts"] == "1700000000.000100"
    assert message["text"]


@pytest.mark.parametrize("size", [1, 2999, 3000, 3001, 20_000, 400_000])
@pytest.mark.parametrize("letter", ["x", "<", "words of it \n"])
async def test_a_text_of_any_length_fits_slack(far: FarSlack, platform: SlackPlatform, size: int, letter: str):
    text = (letter * size)[:size]
    ts = await platform.send(Post(chat=chat(), text=text), "k", None)
    assert ts is not None
    shown = "".join(texts(far, ts)).replace("&lt;", "<")
    if size <= 20_000:
        assert "".join(shown.split()) == "".join(text.split())


async def test_progress_moves_in_the_same_message(far: FarSlack, platform: SlackPlatform):
    post = Post(chat=chat(), text="Training", progress=0.0, choices=(Choice(text="Cancel", value="j:1"),))
    ts = await platform.send(post, "k", None)
    assert ts is not None
    for share in (0.5, 1.0):
        await platform.send(EditPost(chat=chat(), post="k", text="Training", progress=share), "k2", ts)
        assert f"{100 * share:.0f}%" in texts(far, ts)[0]
    assert len(far.web.channels["C1"].messages) == 1
    assert all(block["type"] == "section" for block in far.web.channels["C1"].messages[ts]["blocks"])


async def test_the_one_emoji_is_put_changed_and_taken_away(far: FarSlack, platform: SlackPlatform, people: FarPeople):
    ts = await people.say("U2", "The board crashes")
    handle = None
    for emoji, names in (("🐞", ["ladybug"]), ("🐞", ["ladybug"]), (":shipit:", ["shipit"]), (None, [])):
        handle = await platform.send(React(ref=ref(ts), emoji=emoji), "k", handle)
        assert far.web.marks["C1", ts] == names
        assert handle == (names[0] if names else None)
    assert await platform.send(React(ref=ref(ts), emoji=None), "k", "ladybug") is None


async def test_a_reaction_that_broke_half_way_comes_to_the_same_end(
    far: FarSlack, platform: SlackPlatform, people: FarPeople
):
    ts = await people.say("U2", "The board crashes")
    await platform.send(React(ref=ref(ts), emoji="🐞"), "k", None)
    far.web.fail("reactions.add", Trouble("internal_error"))
    with pytest.raises(Later):
        await platform.send(React(ref=ref(ts), emoji="❓"), "k", "ladybug")
    assert await platform.send(React(ref=ref(ts), emoji="❓"), "k", "ladybug") == "question"
    assert far.web.marks["C1", ts] == ["question"]


async def test_files_go_up_by_the_current_flow(far: FarSlack, platform: SlackPlatform):
    document = Document(
        chat=chat(), filename="labels.jsonl", content='{"text": "ü"}\n', text="1 message", reply_to="1.0"
    )
    picture = Picture(chat=chat(), filename="a.png", content=b"\x89PNG\x00", alt="A chart", text="Accuracy")
    first, second = await platform.send(document, "k", None), await platform.send(picture, "k2", None)
    assert first is not None
    assert second is not None
    upload = far.web.uploads[first]
    assert (upload["content"].decode(), upload["comment"], upload["thread"]) == (document.content, "1 message", "1.0")
    assert (far.web.uploads[second]["content"], far.web.uploads[second]["alt"]) == (picture.content, "A chart")


REFUSED = [
    ("is_archived", "unarchive"),
    ("not_in_channel", "/invite"),
    ("channel_not_found", "/invite"),
    ("msg_too_long", "longer than"),
    ("thread_locked", "locked"),
    ("something_new", "something_new"),
]


@pytest.mark.parametrize(("code", "sentence"), REFUSED)
async def test_what_will_never_work_is_refused_in_a_sentence(
    far: FarSlack, platform: SlackPlatform, code: str, sentence: str
):
    far.web.fail("chat.postMessage", Trouble(code))
    with pytest.raises(Refused, match=sentence):
        await platform.send(Post(chat=chat(), text="x"), "k", None)


MARKS = ["too_many_emoji", "too_many_reactions", "message_not_found", "is_archived", "thread_locked", "invalid_name"]


@pytest.mark.parametrize("code", MARKS)
async def test_a_reaction_that_slack_will_not_have_is_refused(far: FarSlack, platform: SlackPlatform, code: str):
    far.web.fail("reactions.add", Trouble(code))
    with pytest.raises(Refused):
        await platform.send(React(ref=ref("1.0"), emoji="🐞"), "k", None)


async def test_a_missing_scope_is_named(far: FarSlack, platform: SlackPlatform):
    far.team.scopes.discard("chat:write")
    with pytest.raises(Refused, match=r"lacks the scope chat:write"):
        await platform.send(Post(chat=chat(), text="x"), "k", None)


WAIT = [
    (Trouble("ratelimited", 429, {"Retry-After": "30"}), 30.0),
    (Trouble("ratelimited", 200, {}), 5.0),
    (Trouble("internal_error"), 5.0),
    (Trouble("", 503), 5.0),
    (Trouble("", 500), 5.0),
]


@pytest.mark.parametrize(("trouble", "seconds"), WAIT)
async def test_what_passes_is_waited_for(far: FarSlack, platform: SlackPlatform, trouble: Trouble, seconds: float):
    far.web.fail("chat.postMessage", trouble)
    with pytest.raises(Later) as later:
        await platform.send(Post(chat=chat(), text="x"), "k", None)
    assert later.value.seconds == seconds


async def test_while_slack_wants_a_pause_nothing_is_sent_at_all(far: FarSlack, platform: SlackPlatform):
    far.web.fail("chat.postMessage", Trouble("ratelimited", 429, {"Retry-After": "30"}))
    for _ in range(3):
        with pytest.raises(Later):
            await platform.send(Post(chat=chat(), text="x"), "k", None)
    assert len(far.web.called("chat.postMessage")) == 1


async def test_a_network_that_is_down_is_an_outage(inbox: Inbox):
    async with FarSlack().serving() as far:
        platform = SlackPlatform(settings(far), None, SCREENS)
        async with running(platform, inbox.accept):
            pass
    with pytest.raises((OSError, Later)):
        await platform.send(Post(chat=chat(), text="x"), "k", None)


async def test_posts_in_a_channel_are_paced_and_other_channels_do_not_wait(
    far: FarSlack, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
):
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        """A pause ends when the other channel has its post: were that held up too, this would hang."""
        pauses.append(seconds)
        if seconds:
            await soon(lambda: ("G1", "x") in posted())

    def posted() -> list[tuple[str, str]]:
        return [(args["channel"], args["text"]) for args in far.web.called("chat.postMessage")]

    async with running(SlackPlatform(settings(far), None, SCREENS, pause=5.0), inbox.accept) as platform:
        monkeypatch.setattr("bot.platforms.slack.rate_limit.asyncio", SimpleNamespace(sleep=sleep))
        one = [platform.send(Post(chat=chat(), text=f"{number}"), "k", None) for number in range(3)]
        await asyncio.gather(*one, platform.send(Post(chat=chat("G1"), text="x"), "k", None))
    assert [round(pause) for pause in sorted(pauses)] == [0, 0, 5, 10]
    assert sorted(text for channel, text in posted() if channel == "C1") == ["0", "1", "2"]


async def test_whoever_typed_where_the_bot_cannot_write_is_answered_all_the_same(
    far: FarSlack, platform: SlackPlatform, people: FarPeople
):
    far.web.channels["C7"] = Channel("C7")
    await people.slash("labels", channel="C7")
    assert await platform.send(Post(chat=chat("C7"), text="answer", to="U1"), "k", None)
    (whisper,) = far.web.whispers
    assert (whisper["text"], whisper["response_type"]) == ("answer", "ephemeral")
    with pytest.raises(Refused, match="/invite"):
        await platform.send(Post(chat=chat("C7"), text="answer", to="U2"), "k", None)


async def test_what_one_person_was_shown_is_changed_in_place_after_a_press(
    far: FarSlack, platform: SlackPlatform, people: FarPeople
):
    post = Post(chat=chat(), text="Sure?", choices=(Choice(text="Yes", value="y:1"),), to="U1")
    handle = await platform.send(post, "k", None)
    edit = EditPost(chat=chat(), post="k", text="Done.")
    await platform.send(edit, "k2", handle)
    assert "replace_original" not in far.web.whispers[-1], "nobody has pressed yet: it is said anew"
    await people.press("y:1", far.web.whispers[0]["ts"], "U1")
    await platform.send(edit, "k3", handle)
    assert (far.web.whispers[-1]["text"], far.web.whispers[-1]["replace_original"]) == ("Done.", True)
    assert far.web.channels["C1"].messages == {}


async def test_a_picture_for_one_person_is_in_words_there_and_whole_in_private(far: FarSlack, platform: SlackPlatform):
    far.web.channels["DU1"] = Channel("DU1", {far.team.bot, "U1"})
    picture = Picture(chat=chat(), filename="a.png", content=b"\x89PNG", alt="A chart", text="Accuracy", to="U1")
    assert await platform.send(picture, "k", None)
    assert [one["text"] for one in far.web.whispers] == ["Accuracy"]
    assert [upload["channel"] for upload in far.web.uploads.values()] == ["DU1"]


async def test_a_storm_of_429s_drops_nothing_keeps_order_and_starves_nobody(
    far: FarSlack, platform: SlackPlatform, inbox: Inbox, tmp_path: Path
):
    channels, each, calls = [f"C{number}" for number in range(10, 18)], 12, [0]
    for name in channels:
        far.web.channels[name] = Channel(name, {far.team.bot})

    def limit(team: Team, args: dict[str, object]) -> None:
        calls[0] += 1
        if calls[0] % 3 == 0:
            raise Trouble("ratelimited", 429, {"Retry-After": "0"})

    far.web.limits["chat.postMessage"] = limit
    database = Database(f"sqlite:///{tmp_path}/db.sqlite3")
    database.migrate()
    replies: list[tuple[str, Reply]] = [
        (f"{name}-{number}", Post(chat=chat(name), text=f"{number}")) for number in range(each) for name in channels
    ]
    with database.write() as c:
        outbox.add(c, replies, time.time())
    task = asyncio.create_task(deliver(database, platform, inbox.accept))
    await soon(lambda: sum(len(far.web.channels[name].messages) for name in channels) == each * len(channels))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    for name in channels:
        said = [message["text"] for message in far.web.channels[name].messages.values()]
        assert said == [str(number) for number in range(each)]
    halves = [args["channel"] for args in far.web.called("chat.postMessage")][: len(replies) // 2]
    assert set(halves) == set(channels), "nobody had to wait for all of another's"
    database.dispose()

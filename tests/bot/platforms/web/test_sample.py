"""The sample conversation: what it is made of, and that it plays as real events."""

from __future__ import annotations

import httpx

from bot.platforms.web.sample import sample_labels, sample_lines
from tests.fakes.web.browser import FarSide, open_page
from tests.fakes.web.client import hear, page, url
from tests.waiting import moment, soon
from workers.core.events import Message, Reaction


def test_the_sample_is_about_three_hundred_messages_of_six_balanced_labels() -> None:
    lines, names = sample_lines(), [label.name for label in sample_labels()]
    assert 280 <= len(lines) <= 320
    assert len(names) == len({label.emoji for label in sample_labels()}) == 6
    assert {line.label for line in lines} == set(names)
    assert all(40 <= sum(line.label == name for line in lines) <= 60 for name in names)
    assert len({line.text for line in lines}) == len(lines)
    chinese = sum(any("\u4e00" <= letter <= "\u9fff" for letter in line.text) for line in lines)
    assert 0.4 <= chinese / len(lines) <= 0.6


async def test_the_sample_plays_real_events_and_can_be_stopped() -> None:
    far = FarSide()
    async with open_page(far) as platform, page(platform) as it, httpx.AsyncClient() as client:
        ours = {"origin": f"http://127.0.0.1:{platform.port}"}
        started = (await client.post(url(platform, "/sample"), headers=ours)).json()
        assert started["playing"]
        for _ in range(5):
            await hear(it, "line")
        stopped = (await client.delete(url(platform, "/sample"), headers=ours)).json()
        assert not stopped["playing"]
        assert 5 <= stopped["done"] < stopped["total"]
        count = len(far.events)
        await moment()
        assert len(far.events) == count


async def test_a_third_of_the_sample_is_labelled_by_somebody_else_than_its_author() -> None:
    far = FarSide(answers=False)
    async with open_page(far) as platform:
        await platform.player.start(seconds=0.5)
        await soon(lambda: not platform.player.state()["playing"])
    messages = {event.ref: event for event in far.of(Message)}
    assert [event.text for event in messages.values()] == [line.text for line in sample_lines()]
    meant = {line.text: line.label for line in sample_lines()}
    emoji = {label.name: label.emoji for label in sample_labels()}
    reactions = far.of(Reaction)
    assert 0.2 < len(reactions) / len(messages) < 0.47
    for reaction in reactions:
        message = messages[reaction.ref]
        assert reaction.annotator != message.author
        assert reaction.emoji == emoji[meant[message.text]]

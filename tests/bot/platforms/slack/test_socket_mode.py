"""Events over Socket Mode: acknowledged once they are stored, and sent again until they are."""

from __future__ import annotations

import asyncio

import pytest

from bot.platforms.slack.platform import SlackPlatform
from tests.bot.platforms.slack.conftest import SCREENS, Inbox, running, settings
from tests.fakes.slack import payloads
from tests.fakes.slack.people import FarPeople
from tests.fakes.slack.server import FarSlack
from tests.waiting import HANG, soon
from workers.core.errors import BackchannelError
from workers.core.events import Message


async def test_a_message_is_acknowledged_after_it_is_stored(people: FarPeople, inbox: Inbox):
    ts = await people.say("U2", "The board crashes")
    (event,) = inbox.events
    assert isinstance(event, Message)
    assert (event.ref.workspace, event.ref.chat_id, event.ref.message_id) == ("T1", "C1", ts)


async def test_nothing_is_acknowledged_while_it_cannot_be_stored(far: FarSlack, people: FarPeople, inbox: Inbox):
    far.socket.patience = 0.2
    inbox.away = True
    saying = asyncio.create_task(people.say("U2", "The board crashes"))
    await soon(lambda: any(envelope.sent > 2 for envelope in far.socket.waiting.values()))
    assert not saying.done()
    inbox.away = False
    await asyncio.wait_for(saying, HANG)
    assert len(inbox.events) == 1


async def test_an_envelope_that_was_not_acknowledged_comes_again_over_the_next_connection(
    far: FarSlack, people: FarPeople, inbox: Inbox
):
    far.socket.patience = 60.0
    inbox.away = True
    saying = asyncio.create_task(people.say("U2", "The board crashes"))
    await soon(lambda: any(envelope.sent for envelope in far.socket.waiting.values()))
    inbox.away = False
    far.socket.drop()
    await asyncio.wait_for(saying, HANG)
    assert len(inbox.events) == 1
    assert far.socket.opened == 2


async def test_what_comes_twice_has_one_key(people: FarPeople, inbox: Inbox):
    await people.say("U2", "The board crashes")
    await people.again()
    assert len(inbox.events) == 1


async def test_a_connection_is_renewed_when_slack_asks_for_it(far: FarSlack, people: FarPeople, inbox: Inbox):
    for number in range(3):
        await far.socket.ask_to_reconnect()
        wanted = number + 2
        await soon(lambda wanted=wanted: far.socket.opened == wanted and len(far.socket.connections) == 1)
        await people.say("U2", f"Message {number}")
    assert len(inbox.events) == 3


async def test_an_address_that_no_longer_works_is_not_tried_for_ever(far: FarSlack, inbox: Inbox):
    far.socket.refused.append("internal_error")
    far.socket.broken_links = 1
    async with running(SlackPlatform(settings(far), None, SCREENS), inbox.accept):
        assert far.socket.opened == 1


async def test_several_processes_share_the_events(far: FarSlack, people: FarPeople, inbox: Inbox):
    async with running(SlackPlatform(settings(far), None, SCREENS), inbox.accept):
        assert len(far.socket.connections) == 2
        for number in range(20):
            await people.say("U2", f"Message {number}")
    assert len(inbox.events) == 20


async def test_a_wrong_app_token_is_said_at_once(far: FarSlack, inbox: Inbox):
    wrong = SlackPlatform(settings(far, app_token="xapp-1-wrong"), None, SCREENS)
    with pytest.raises(BackchannelError, match="BACKCHANNEL_SLACK__APP_TOKEN"):
        await wrong.listen(inbox.accept)


async def test_a_wrong_bot_token_is_said_at_once(far: FarSlack, inbox: Inbox):
    wrong = SlackPlatform(settings(far, bot_token="xoxb-1-wrong"), None, SCREENS)
    with pytest.raises(BackchannelError, match="BACKCHANNEL_SLACK__BOT_TOKEN"):
        await wrong.listen(inbox.accept)


async def test_another_app_that_answers_nothing_we_know_is_acknowledged(people: FarPeople, inbox: Inbox):
    await people.send("events_api", payloads.event_callback({"type": "pin_added", "user": "U1", "event_ts": "1.0"}))
    assert inbox.events == []

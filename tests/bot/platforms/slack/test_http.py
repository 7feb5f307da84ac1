"""Requests over HTTP: only what Slack signed just now gets in, and 200 is said once it is stored."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text

from bot.intake import Intake
from bot.platforms.slack.http import BODY_LIMIT
from bot.platforms.slack.platform import SlackPlatform
from tests.bot.platforms.slack.conftest import SCREENS, SECRET, Inbox, running, settings
from tests.fakes.slack import payloads
from tests.fakes.slack.people import FarPeople, HttpLine, signed
from tests.fakes.slack.server import FarSlack
from tests.waiting import HANG, soon
from workers.core.events import ChatRef, Person
from workers.store import chats
from workers.store.database import Database

BODY = json.dumps(payloads.event_callback(payloads.message("hi")))


def good() -> dict[str, str]:
    """Headers of now: Slack's signatures grow old within minutes."""
    return signed(BODY, SECRET)


FORGED: dict[str, Callable[[], dict[str, str]]] = {
    "unsigned": dict,
    "signed with another secret": lambda: signed(BODY, "guess"),
    "signed for another body": lambda: signed(BODY + " ", SECRET),
    "six minutes old": lambda: signed(BODY, SECRET, time.time() - 360),
    "six minutes ahead": lambda: signed(BODY, SECRET, time.time() + 360),
    "without a time": lambda: {"X-Slack-Signature": good()["X-Slack-Signature"]},
    "without a signature": lambda: {"X-Slack-Request-Timestamp": good()["X-Slack-Request-Timestamp"]},
    "with a time that is no number": lambda: good() | {"X-Slack-Request-Timestamp": "now"},
    "with a signature that is none": lambda: good() | {"X-Slack-Signature": "v0=\u00e9"},
    "with an empty signature": lambda: good() | {"X-Slack-Signature": ""},
}


async def posted(port: int, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    url, kind = f"http://127.0.0.1:{port}/slack/events", {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers | kind) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("forged", FORGED)
async def test_a_request_that_slack_did_not_sign_just_now_is_refused(forged: str, http: SlackPlatform, inbox: Inbox):
    assert (await posted(http.port, BODY.encode(), FORGED[forged]()))[0] == 401
    assert inbox.events == []


async def test_a_body_that_is_no_text_or_too_long_is_refused(http: SlackPlatform, inbox: Inbox):
    assert (await posted(http.port, b"\xff\xfe", good()))[0] == 401
    assert (await posted(http.port, b" " * (BODY_LIMIT + 1), good()))[0] == 413
    assert inbox.events == []


async def test_a_signed_request_gets_in_and_a_repeated_one_is_stored_once(callers: FarPeople, inbox: Inbox):
    await callers.say("U2", "The board crashes")
    await callers.again()
    assert len(inbox.events) == 1


async def test_slack_checks_the_address_before_it_sends_anything(http: SlackPlatform):
    body = json.dumps({"token": "XXYYZZ", "challenge": "3eZbrw1a", "type": "url_verification"})
    status, text_ = await posted(http.port, body.encode(), signed(body, SECRET))
    assert status == 200
    assert "3eZbrw1a" in text_


async def test_slash_commands_buttons_and_the_modal_come_in_over_http(far: FarSlack, callers: FarPeople, inbox: Inbox):
    assert await callers.slash("labels") == ""
    await callers.press("l:3", "1700000000.000900")
    ts = await callers.say("U2", "The board crashes")
    view = await callers.label_this(ts)
    await callers.submit(view, "bug")
    assert [event.kind for event in inbox.events] == ["command", "button", "message", "message", "command"]


async def test_somebody_who_calls_where_the_bot_is_off_is_told_so_alone(
    far: FarSlack, callers: FarPeople, inbox: Inbox
):
    inbox.off = {"C1"}
    answer = await callers.slash("labels")
    assert answer["response_type"] == "ephemeral"
    assert "Backchannel is off" in answer["text"]
    await callers.say("U1", "<@UBOT> labels")
    whisper = (await soon(lambda: far.web.whispers))[0]
    assert (whisper["user"], whisper["channel"]) == ("U1", "C1")
    assert inbox.events == []


async def test_without_the_database_nothing_is_acknowledged_and_later_everything_is(
    far: FarSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    database = Database(f"sqlite:///{tmp_path}/db.sqlite3")
    database.migrate()
    with database.write() as c:
        where = ChatRef(platform="slack", workspace="T1", chat_id="C1")
        chats.enable(c, where, Person(id="U1"), "en", 0.0)
    intake = Intake(database, lambda *_: None)
    platform = SlackPlatform(settings(far, "http"), None, SCREENS)
    async with running(platform, intake.accept):
        line = HttpLine(f"http://127.0.0.1:{platform.port}/slack/events", SECRET)
        people = FarPeople(far, line)
        with database.write():  # somebody else holds the only write lock
            saying = asyncio.create_task(people.say("U2", "The board crashes"))
            await soon(lambda: line.statuses)
            assert line.statuses[0] != 200
        await asyncio.wait_for(saying, HANG)
        await people.again()
    intake.stop()
    with database.read() as c:
        assert c.execute(text("select count(*) from inbox")).scalar_one() == 1
    database.dispose()


async def test_healthz_says_whether_slack_can_reach_us(http: SlackPlatform):
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{http.port}/healthz") as answer:
        assert answer.status == 200


async def test_healthz_says_no_while_socket_mode_is_not_connected(far: FarSlack, platform: SlackPlatform):
    async def status() -> int:
        url = f"http://127.0.0.1:{platform.port}/healthz"
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            return answer.status

    assert await status() == 200
    far.socket.refused.extend(["internal_error"] * 50)
    far.socket.drop()
    await soon(lambda: not platform.connected.is_set())
    assert await status() == 503


async def test_in_socket_mode_nobody_can_post_events(platform: SlackPlatform):
    assert (await posted(platform.port, BODY.encode(), good()))[0] == 404

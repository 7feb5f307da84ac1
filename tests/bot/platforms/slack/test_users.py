"""Who may what: admins, guests and people of other companies; and what people are called."""

from __future__ import annotations

from typing import Any

import pytest

from bot.platforms.base import Later, Refused, Standing
from bot.platforms.slack.platform import SlackPlatform
from tests.bot.platforms.slack.conftest import Inbox
from tests.fakes.slack.people import FarPeople
from tests.fakes.slack.server import FarSlack, person
from tests.fakes.slack.shapes import Trouble
from tests.waiting import soon
from workers.core.events import ChatRef, Person

HERE = ChatRef(platform="slack", workspace="T1", chat_id="C1")
ADMIN, NOBODY, GUEST = Standing(True), Standing(False), Standing(False, "guest")

STANDINGS: list[tuple[str, dict[str, Any], str, Standing]] = [
    ("an admin", {"is_admin": True}, "T1", ADMIN),
    ("an owner", {"is_owner": True}, "T1", ADMIN),
    ("the first owner", {"is_primary_owner": True}, "T1", ADMIN),
    ("a member", {}, "T1", NOBODY),
    ("a guest", {"is_restricted": True}, "T1", GUEST),
    ("a guest of one channel", {"is_ultra_restricted": True}, "T1", GUEST),
    ("a stranger", {"is_stranger": True}, "T1", GUEST),
    ("an admin of another company", {"is_admin": True}, "T9", GUEST),
    ("a guest who claims to be an admin", {"is_admin": True, "is_restricted": True}, "T1", GUEST),
]


@pytest.mark.parametrize(("who", "flags", "team", "wanted"), STANDINGS, ids=[row[0] for row in STANDINGS])
async def test_who_is_an_admin(
    who: str, flags: dict[str, Any], team: str, wanted: Standing, far: FarSlack, platform: SlackPlatform
):
    far.web.users["U7"] = person("U7", team, **flags)
    assert await platform.standing(HERE, Person(id="U7"), "retrain") == wanted


async def test_an_admin_who_no_longer_is_one_is_not_remembered_as_one(far: FarSlack, platform: SlackPlatform):
    assert (await platform.standing(HERE, Person(id="U1"), "retrain")).admin
    far.web.users["U1"]["is_admin"] = False
    assert not (await platform.standing(HERE, Person(id="U1"), "retrain")).admin


async def test_a_question_that_slack_cannot_answer_is_asked_later_or_never(far: FarSlack, platform: SlackPlatform):
    with pytest.raises(Refused):
        await platform.standing(HERE, Person(id="U404"), "retrain")
    far.web.fail("users.info", Trouble("ratelimited", 429, {"Retry-After": "7"}))
    with pytest.raises(Later):
        await platform.standing(HERE, Person(id="U1"), "retrain")


async def test_a_name_is_asked_for_once_and_beside_the_events(far: FarSlack, people: FarPeople, inbox: Inbox):
    for _ in range(5):
        await people.say("U2", "The board crashes")

    async def name() -> str:
        await people.say("U2", "The board crashes again")
        return inbox.events[-1].author.name

    assert inbox.events[0].author.name == "U2"
    await soon(name, lambda name: name == "Name of U2")
    assert len(far.web.called("users.info")) == 1


async def test_names_that_cannot_be_had_hold_up_nothing(far: FarSlack, people: FarPeople, inbox: Inbox):
    far.web.fail("users.info", *[Trouble("ratelimited", 429, {"Retry-After": "900"})] * 50)
    for number in range(10):
        await people.say(f"U{number + 100}", "The board crashes")
    assert len(inbox.events) == 10
    assert len(far.web.called("users.info")) <= 4, "once told to wait it does not go on asking"


async def test_nobody_is_asked_about_where_nobody_enabled_the_bot(far: FarSlack, people: FarPeople, inbox: Inbox):
    inbox.off = {"C1"}
    await people.say("U2", "The board crashes")
    inbox.off = set()
    await people.say("U1", "The board crashes")
    await soon(lambda: far.web.called("users.info"))
    assert [args["user"] for args in far.web.called("users.info")] == ["U1"]


async def test_in_a_shared_channel_only_this_company_labels(far: FarSlack, people: FarPeople, inbox: Inbox):
    far.web.users["U8"] = person("U8", "T9")
    far.web.users["U9"] = person("U9", "T1", is_restricted=True)
    ts = await people.say("U2", "The board crashes")
    for user in ("U2", "U8", "U9"):
        event = {"type": "reaction_added", "user": user, "reaction": "ladybug", "event_ts": far.web.ts()}
        await people.emit(event | {"item": {"type": "message", "channel": "C1", "ts": ts}}, is_ext_shared_channel=True)
    reactions = [event for event in inbox.events if event.kind == "reaction"]
    assert [reaction.annotator.id for reaction in reactions] == ["U2"]


async def test_a_stranger_who_cannot_be_asked_about_yet_is_asked_about_again(
    far: FarSlack, people: FarPeople, inbox: Inbox
):
    far.socket.patience = 0.3
    far.web.fail("users.info", Trouble("internal_error"), Trouble("internal_error"))
    event = {"type": "reaction_added", "user": "U2", "reaction": "ladybug", "event_ts": far.web.ts()}
    item = {"item": {"type": "message", "channel": "C1", "ts": "1.0"}}
    await people.emit(event | item, is_ext_shared_channel=True)
    assert [event.kind for event in inbox.events] == ["reaction"]

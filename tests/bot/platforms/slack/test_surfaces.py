"""The modal of the shortcut and the App Home."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.platforms.slack import surfaces
from bot.platforms.slack.platform import SlackPlatform
from bot.platforms.slack.surfaces import Target
from bot.wiring.slack import SlackScreens, sections, sparkline
from tests.bot.platforms.slack.conftest import Inbox, overview
from tests.fakes.slack import payloads
from tests.fakes.slack.people import FarPeople
from tests.fakes.slack.server import FarSlack, person
from tests.fakes.slack.shapes import Trouble, check_blocks
from tests.waiting import soon
from workers.core.events import ChatRef, Command, Message
from workers.store.accuracy import AccuracyPoint
from workers.store.overview import JobView, LabelView, VersionView

HERE = ChatRef(platform="slack", workspace="T1", chat_id="C1")


def options(view: dict[str, Any]) -> list[str]:
    return [option["value"] for option in view["blocks"][0]["element"]["options"]]


async def test_the_shortcut_labels_a_message_that_we_never_saw(far: FarSlack, people: FarPeople, inbox: Inbox):
    old = payloads.message("The old board <https://x.org|crashed>", "U2", ts="1500000000.000100")
    far.web.channels["C1"].messages[old["ts"]] = old
    view = await people.label_this(old["ts"])
    assert options(view) == ["bug", "question", "none"]
    assert inbox.events == [], "nothing is stored before somebody has chosen"
    await people.submit(view, "bug")
    message, command = inbox.events
    assert isinstance(message, Message)
    assert isinstance(command, Command)
    assert (message.text, message.author.id, message.at) == ("The old board crashed", "U2", 1500000000.0001)
    assert (command.text, command.reply_to, command.caller.id) == ("label bug", message.ref, "U1")
    assert command.thread is None, "nobody has written under it yet, where an answer would be shown to nobody"
    assert command.closes
    await people.again()
    assert len(inbox.events) == 2


async def test_in_a_chat_where_the_bot_is_off_the_modal_says_so(far: FarSlack, people: FarPeople, inbox: Inbox):
    message = payloads.message("Secret", "U2", "G1", ts="1500000000.000100")
    far.web.channels["G1"].messages[message["ts"]] = message
    view = await people.label_this(message["ts"], channel="G1")
    assert "Backchannel is off" in view["blocks"][0]["text"]["text"]
    assert inbox.events == []


async def test_a_chat_that_was_switched_off_meanwhile_stores_nothing(far: FarSlack, people: FarPeople, inbox: Inbox):
    ts = await people.say("U2", "The board crashes")
    inbox.events.clear()
    view = await people.label_this(ts)
    inbox.off = {"C1"}
    answer = await people.submit(view, "bug")
    assert answer["response_action"] == "update"
    assert inbox.events == []


async def test_on_our_own_message_it_says_why_there_is_nothing_to_choose(
    far: FarSlack, people: FarPeople, inbox: Inbox
):
    ts = await people.own_message("I think so")
    far.web.channels["C1"].messages[ts] = {"bot_id": "BBOT", "user": "UBOT", "text": "I think so", "ts": ts}
    view = await people.label_this(ts)
    assert "I wrote that message myself" in view["blocks"][0]["text"]["text"]
    assert "submit" not in view
    assert inbox.events == []


async def test_a_click_that_came_too_late_opens_nothing_and_harms_nothing(
    far: FarSlack, people: FarPeople, inbox: Inbox
):
    ts = await people.say("U2", "The board crashes")
    far.web.fail("views.open", Trouble("expired_trigger_id"))
    with pytest.raises(KeyError):
        await people.label_this(ts)
    assert await people.label_this(ts)


@pytest.mark.parametrize("text", ["x" * 9000, '"' * 9000, "ü" * 9000, "\n" * 9000, "🐞" * 9000, ""])
def test_a_modal_carries_its_message_within_slacks_limit(text: str) -> None:
    target = Target("C1", "1.0", "", "U2", "Bob", text, False, False)
    packed = surfaces.packed(target)
    assert len(packed) <= 3000
    back = Target(**json.loads(packed))
    assert text.startswith(back.text)
    assert len(back.text) > 1000 or back.text == text


def test_a_modal_has_at_most_a_hundred_labels_and_always_the_answer_that_none_fits() -> None:
    labels = [LabelView(id=n, name=f"{n} {'x' * 75}", description="", emoji="🐞", count=1) for n in range(150)]
    crowded = overview(HERE).model_copy(update={"labels": labels})
    offered = SlackScreens(lambda _: crowded, "zh").options(HERE)
    assert isinstance(offered, list)
    view = surfaces.modal_view(Target("C1", "1.0", "", "U2", "Bob", "hi", False, False), offered, "zh")
    assert len(options(view)) == 100
    assert options(view)[-1] == "none"
    assert all(len(option["text"]["text"]) <= 75 for option in view["blocks"][0]["element"]["options"])


def test_without_labels_the_modal_says_what_to_do() -> None:
    empty = overview(HERE).model_copy(update={"labels": []})
    sentence = SlackScreens(lambda _: empty, "en").options(HERE)
    assert isinstance(sentence, str)
    view = surfaces.closing(sentence, "en")
    assert "labels add" in view["blocks"][0]["text"]["text"]
    assert "submit" not in view


def text_of(view: dict[str, Any]) -> str:
    return "\n".join(block["text"]["text"] for block in view["blocks"] if "text" in block)


async def test_the_home_shows_each_what_is_theirs_to_see_and_do(
    far: FarSlack, people: FarPeople, platform: SlackPlatform, inbox: Inbox
):
    far.web.users["U9"] = person("U9", "T1")
    for user, dm in (("U1", "D1"), ("U2", "D2"), ("U9", "D9")):
        await people.emit(payloads.home_opened(user, dm))
    await soon(lambda: {"U1", "U2", "U9"} <= set(far.web.views))
    views = far.web.views
    assert "🐞 bug · 3" in text_of(views["U9"])
    assert "9 messages, 5 labelled, 1 disputed" in text_of(views["U9"])
    for user in ("U1", "U2"):
        assert "🐞 bug\n" in text_of(views[user])
        assert "labelled" not in text_of(views[user]), "nothing of chats that they may not be in"
    buttons = {
        user: [element["value"] for element in views[user]["blocks"][-1].get("elements", [])]
        for user in ("U1", "U2", "U9")
    }
    assert buttons == {"U1": ["retrain"], "U2": [], "U9": ["retrain", "rollback"]}
    await people.send("interactive", payloads.press_home("retrain", views["U1"]["private_metadata"]))
    (command,) = inbox.events
    assert isinstance(command, Command)
    assert (command.text, command.private, command.chat.chat_id) == ("retrain", True, "D1")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_home_full_of_things_fits_slack(language: str) -> None:
    label = LabelView(id=1, name="x" * 80, description="", emoji="🐞", count=1)
    version = VersionView(id=1, state="active", method="lora", metrics={"accuracy": 0.9}, created_at=0.0, note="")
    job = JobView(id=1, kind="train", state="running", fraction=0.5, stage="fine-tuning", error=None)
    full = overview(HERE).model_copy(
        update={
            "labels": [label] * 500,
            "versions": [version] * 500,
            "jobs": [job, job.model_copy(update={"state": "failed", "error": "why"})],
            "accuracy": [AccuracyPoint(labels=number, accuracy=number / 60) for number in range(61)],
            "coverage": 0.63,
            "precision": 0.92,
        }
    )
    view = surfaces.home_view(surfaces.Home(sections(full, language, counted=True), surfaces.VERBS), language, "D1")
    check_blocks(view, most=100)
    assert "100.0%" in text_of(view)
    assert {"en": "Speaks about 63%", "zh": "对 63% 的消息"}[language] in text_of(view)


def test_a_sparkline_rises_with_what_it_shows() -> None:
    assert sparkline([0.0, 0.5, 0.99, 1.0]) == "▁▅██"

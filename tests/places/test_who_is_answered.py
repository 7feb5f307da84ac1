"""An answer is for whoever asked; what concerns all is said to all, with who asked for it."""

from __future__ import annotations

import pytest

from tests.fakes.slack.shapes import Trouble
from tests.places.bot import later, settled
from tests.places.conftest import Place
from tests.places.slack import WHERE, SlackPlace
from tests.places.telegram import TelegramPlace

ASKED = [
    ("help", "retrain"),
    ("retrian", "Did you mean"),
    ("labels", "bug"),
    ("models", "Version 1"),
    ("jobs", "no jobs"),
    ("stats", "In this chat"),
    ("mode shadow", "is for admins"),
    ("ask n=99", "from 1 to"),
    ("label", "needs a message"),
]


@pytest.mark.parametrize(("typed", "said"), ASKED, ids=[typed for typed, _ in ASKED])
async def test_an_answer_reaches_only_whoever_asked(place: Place, typed: str, said: str):
    before = place.posts()
    await place.type("Bo", typed)
    assert said in "\n".join(place.private("Bo")[-2:]), "what is long comes in parts"
    assert place.posts() == before
    assert not any(said in one for one in place.private("Cy"))


async def test_a_label_that_was_given_by_a_command_is_noted_for_whoever_gave_it(place: Place):
    message = await place.say("Bo", "the page is blank")
    before = place.posts()
    await place.type("Bo", "label bug", to=message)
    assert "Noted" in place.private("Bo")[-1]
    assert place.posts() == before


async def test_what_concerns_all_is_said_to_all_with_who_asked_for_it(place: Place):
    await place.type("Ada", "bots on")
    assert "what other programs write" in place.posts()[-1]
    assert place.posts()[-1].endswith(f"(Asked for by {place.called('Ada')}.)")


async def test_whoever_is_asked_if_they_are_sure_is_asked_alone_and_all_hear_what_came_of_it(place: Place):
    before = place.posts()
    await place.type("Ada", "leave")
    assert "Switch Backchannel off" in place.private("Ada")[-1]
    assert place.posts() == before
    await place.press("Ada", "Yes")
    assert "Backchannel is off here" in place.posts()[-1]
    assert place.private("Ada")[-1] == "Done."


async def test_a_no_stays_with_whoever_was_asked(place: Place):
    before = place.posts()
    await place.type("Ada", "labels remove bug")
    await place.press("Ada", "No")
    assert place.private("Ada")[-1] == "Left as it was."
    assert place.posts() == before


async def test_in_one_s_own_chat_with_the_bot_an_answer_is_a_post_that_stays(place: Place):
    await place.type("Ada", "labels", "private")
    assert "bug" in place.private("Ada")[-1]
    later(place.database)
    await settled(place.database)
    assert "bug" in place.private("Ada")[-1]


# ── where a platform can't speak to one person ──────────────────────────────────────────────────────


@pytest.mark.parametrize("bare", [TelegramPlace], indirect=True)
@pytest.mark.parametrize("why", ["the server is an old one", "the bot is no administrator"])
async def test_where_all_have_to_see_an_answer_it_is_taken_back_when_it_was_read(place: TelegramPlace, why: str):
    if why == "the server is an old one":
        place.world.ephemeral = False
    else:
        place.world.become("member")
        await settled(place.database)
    before = place.posts()
    await place.type("Bo", "labels")
    assert "bug" in place.posts()[-1]
    later(place.database)
    await settled(place.database)
    assert place.posts() == before


@pytest.mark.parametrize("bare", [SlackPlace], indirect=True)
@pytest.mark.parametrize("code", ["restricted_action_read_only_channel", "not_in_channel", "missing_scope"])
async def test_an_answer_finds_its_way_by_the_command_s_own_address(place: SlackPlace, code: str):
    place.far.web.fail("chat.postEphemeral", Trouble(code))
    await place.type("Bo", "labels")
    assert "bug" in place.private("Bo")[-1]
    assert place.far.web.whispers[-1]["response_type"] == "ephemeral"


@pytest.mark.parametrize("bare", [SlackPlace], indirect=True)
async def test_what_can_t_be_said_to_all_is_said_to_whoever_asked_with_the_reason(place: SlackPlace):
    before = place.posts()
    place.far.web.fail("chat.postMessage", Trouble("restricted_action_read_only_channel"))
    await place.type("Ada", "bots on")
    assert "what other programs write" in place.private("Ada")[-1]
    assert "Only you see this" in place.private("Ada")[-1]
    assert place.posts() == before


@pytest.mark.parametrize("bare", [SlackPlace], indirect=True)
async def test_between_two_people_a_command_is_answered_by_its_own_address(place: SlackPlace):
    await place.people.slash("help", "U2", "DBOCY")
    await settled(place.database)
    assert "`retrain" in place.private("Bo")[-1]


@pytest.mark.parametrize("bare", [SlackPlace], indirect=True)
async def test_in_a_thread_an_answer_stands_in_the_thread_and_nowhere_in_one_that_nobody_began(place: SlackPlace):
    message = await place.say("Bo", "the page is blank")
    await place.type("Bo", "labels", to=message)
    assert place.far.web.whispers[-1]["thread_ts"] == message
    await place.people.say("U2", f"<@{place.far.team.bot}> labels", WHERE["team"])
    await settled(place.database)
    assert place.far.web.whispers[-1].get("thread_ts") is None
    assert place.far.web.whispers[-1]["channel"] == WHERE["team"]

"""The bot says that it reads where it reads, and that it does not where it does not."""

from __future__ import annotations

import pytest

from tests.places.conftest import Place
from tests.places.slack import SlackPlace
from workers.store.tables import messages


def texts(place: Place) -> list[str]:
    """All that is stored of what people wrote."""
    with place.database.read() as c:
        return [row.text for row in c.execute(messages.select().order_by(messages.c.id))]


# In Telegram nobody can type a command where the bot is not.
@pytest.mark.parametrize("bare", [SlackPlace], indirect=True)
async def test_switched_on_before_the_invitation_it_says_so_when_it_comes(place: Place):
    await place.type("Ada", "here", "new")
    assert "/invite" in place.private("Ada")[-1]
    await place.invite("new")
    assert "has switched me on here: from now on I read" in place.posts("new")[-1]
    assert not any("I read nothing" in said for said in place.posts("new"))
    await place.say("Bo", "is it on?", "new")
    assert texts(place) == ["is it on?"]


async def test_invited_put_out_and_invited_again_it_says_each_time_how_things_are(place: Place):
    await place.invite("new")
    assert "I read nothing" in place.posts("new")[-1]
    await place.say("Bo", "before", "new")
    await place.type("Root", "here", "new")
    await place.say("Bo", "while it is on", "new")
    await place.put_out("new")
    await place.invite("new")
    assert "I am back, and off" in place.posts("new")[-1]
    await place.say("Bo", "after", "new")
    assert texts(place) == ["while it is on"]

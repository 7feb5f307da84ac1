"""What was written while the bot was off is not read later, and what is taken back is gone, also where it is off."""

from __future__ import annotations

from tests.places.conftest import Place
from workers.store.tables import messages


def stored(place: Place) -> list[tuple[str, str | None]]:
    """Author and text of all that is stored of what people wrote."""
    with place.database.read() as c:
        rows = c.execute(messages.select().order_by(messages.c.id))
        return [(row.author_name, row.text) for row in rows]


async def test_an_edit_of_what_was_written_before_it_was_on_is_not_read(bare: Place):
    early = await bare.say("Bo", "my salary is 5000")
    await bare.type("Root", "here")
    await bare.edit("Bo", early, "my salary is 6000")
    assert stored(bare) == []

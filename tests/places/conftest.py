"""The same bot on each platform, in a chat that is switched on, with the labels bug and question."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import with_packaged_model
from tests.places.slack import SlackPlace
from tests.places.telegram import TelegramPlace

Place = SlackPlace | TelegramPlace
EMOJI = {"slack": ("🐞", "❓"), "telegram": ("👾", "🤔")}


@pytest.fixture(params=[SlackPlace, TelegramPlace], ids=lambda place: place.platform)
async def bare(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Nobody has typed anything yet."""
    with with_packaged_model(tmp_path) as database:
        async with request.param(database).open() as place:
            yield place


@pytest.fixture
async def place(bare: Place) -> Place:
    """On in both chats, with two labels."""
    for where in ("team", "secret"):
        await bare.type("Root", "here", where)
    bug, question = EMOJI[bare.platform]
    await bare.type("Root", f"labels add bug {bug} something is broken")
    await bare.type("Root", f"labels add question {question} somebody wants to know something")
    return bare

"""The doctor, with each thing broken in turn."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import SecretStr

from bot.doctor.findings import Finding
from bot.platforms.telegram.doctor import examine
from bot.platforms.telegram.updates import ASKED_FOR
from tests.bot.platforms.telegram.stage import by_webhook, settings
from tests.fakes.telegram.methods import ApiError
from tests.fakes.telegram.server import FarSide
from tests.fakes.telegram.world import BOT, GROUP


@pytest.fixture
async def far() -> AsyncIterator[FarSide]:
    async with FarSide().running() as far:
        far.world.allowed = set(ASKED_FOR)
        yield far


def red(findings: list[Finding]) -> list[Finding]:
    wrong = [finding for finding in findings if not finding.ok]
    assert all(finding.what.endswith(".") and finding.todo.endswith(".") for finding in wrong)
    return wrong


async def test_all_is_green_and_nothing_is_left_behind(far: FarSide) -> None:
    findings = await examine(settings(far), str(GROUP))
    assert red(findings) == []
    assert len(findings) == 6
    assert far.world.messages == {}
    assert [call["reaction"][:10] for call in far.called("setMessageReaction")] == ['[{"type": ', "[]"]


def hooked(far: FarSide, **more: object) -> None:
    far.webhook = {"url": "https://bot.example.org/telegram/webhook", **more}


def member(far: FarSide) -> None:
    far.world.status[GROUP, BOT["id"]] = "member"


def out(far: FarSide) -> None:
    far.world.status[GROUP, BOT["id"]] = "left"


def trouble(method: str, error: ApiError | str) -> Callable[[FarSide], None]:
    def make(far: FarSide) -> None:
        far.trouble = lambda called, _: error if called == method else None

    return make


@pytest.mark.parametrize(
    ("broken", "what", "todo"),
    [
        (trouble("getMe", ApiError(401, "Unauthorized")), "token", "BotFather"),
        (trouble("getMe", "drop"), "can't be reached", "network"),
        (lambda far: setattr(far.world, "allowed", None), "message_reaction", "Start the bot"),
        (lambda far: setattr(far.world, "allowed", {"message"}), "message_reaction", "Start the bot"),
        (hooked, "webhook", "BACKCHANNEL_TELEGRAM__MODE=webhook"),
        (lambda far: setattr(far, "skew", 150.5), "15", "clock"),
        (lambda far: setattr(far, "skew", -150.5), "15", "clock"),
        (member, "administrator", "administrator"),
        (out, "can't be seen", "Add the bot"),
        (trouble("setMessageReaction", ApiError(400, "Bad Request: REACTION_INVALID")), "not allowed", "sentence"),
        (trouble("sendMessage", ApiError(400, "Bad Request: have no rights to send a message")), "may not", "sentence"),
        (trouble("getWebhookInfo", ApiError(502, "Bad Gateway")), "where updates go", "again"),
    ],
)
async def test_each_thing_that_is_broken_is_red_and_says_what_to_do(
    far: FarSide, broken: Callable[[FarSide], None], what: str, todo: str
) -> None:
    broken(far)
    [finding] = red(await examine(settings(far), str(GROUP)))
    assert what in finding.what
    assert todo in finding.todo
    assert far.token not in finding.what + finding.todo
    assert far.world.messages == {}


async def test_privacy_mode_is_red_unless_the_bot_is_an_administrator_of_the_chat_in_question(far: FarSide) -> None:
    far.world.privacy = True
    [finding] = red(await examine(settings(far), None))
    assert "/setprivacy" in finding.todo
    assert red(await examine(settings(far), str(GROUP))) == []


async def test_the_webhook_is_compared_with_the_settings(far: FarSide) -> None:
    chosen = by_webhook(far)

    async def seen() -> str:
        return " ".join(finding.what for finding in red(await examine(chosen, None)))

    assert "no webhook is set" in await seen()
    hooked(far)
    assert "not set to this bot's address" in await seen()
    far.webhook = {"url": f"{chosen.public_url}/telegram/webhook"}
    assert await seen() == ""
    far.webhook |= {"last_error_date": int(time.time()) - 60, "last_error_message": "Connection refused"}
    assert "Connection refused" in await seen()
    far.webhook["last_error_date"] -= 7200
    assert await seen() == ""


@pytest.mark.parametrize("chat", ["general", "-1001:x"])
async def test_a_chat_that_is_none_is_said_to_be_none(far: FarSide, chat: str) -> None:
    [finding] = red(await examine(settings(far), chat))
    assert "is no chat" in finding.what


async def test_without_a_token_there_is_one_red_line(far: FarSide) -> None:
    for token in (None, SecretStr("nonsense")):
        [finding] = await examine(settings(far).model_copy(update={"token": token}), None)
        assert not finding.ok
        assert "nonsense" not in finding.what

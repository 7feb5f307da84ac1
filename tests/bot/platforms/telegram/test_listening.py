"""Updates are confirmed only once they are stored, and one process at a time asks for them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text

from bot.intake import Intake
from bot.platforms.telegram.errors import TokenRefused
from bot.wiring.telegram import StoredPollingLease, stored_topic, telegram_platform
from tests.bot.platforms.contract import Gathered
from tests.bot.platforms.telegram.stage import SECRET, by_webhook, listening, platform_of, settings
from tests.databases import migrated
from tests.fakes.telegram.methods import ApiError
from tests.fakes.telegram.server import FarSide
from tests.fakes.telegram.world import ANA, BO, BOT, FORUM, GROUP, user
from tests.waiting import HANG, moment, soon
from workers.core.errors import BackchannelError
from workers.core.events import ChatRef, Command, Message, Person, Presence
from workers.store import chats
from workers.store.database import Database, DatabaseAway

CHAT = ChatRef(platform="telegram", workspace=str(GROUP), chat_id=str(GROUP))
TOPIC = ChatRef(platform="telegram", workspace=str(FORUM), chat_id=f"{FORUM}:7")


class FlakyDatabase(Database):
    """One that can be away."""

    away = False

    @contextmanager
    def write(self) -> Iterator[Connection]:  # type: ignore[override]
        if self.away:
            raise DatabaseAway("Nothing answers; check that the server runs.")
        with super().write() as c:
            yield c


@pytest.fixture
def database(tmp_path: Path) -> Iterator[FlakyDatabase]:
    with migrated(tmp_path, FlakyDatabase) as database:
        with database.write() as c:
            for chat in (CHAT, TOPIC):
                chats.enable(c, chat, Person(id="11"), "en", 0.0)
        yield database


@pytest.fixture
def intake(database: Database) -> Iterator[Intake]:
    intake = Intake(database, lambda *_: None)
    yield intake
    intake.stop()


@pytest.fixture
async def far() -> AsyncIterator[FarSide]:
    async with FarSide().running() as far:
        yield far


def stored(database: Database) -> list[str]:
    with database.read() as c:
        return list(c.execute(text("select event from inbox order by id")).scalars())


# ── polling ─────────────────────────────────────────────────────────────────────────────────────────


async def test_while_the_database_is_away_nothing_is_confirmed_and_afterwards_all_is_there(
    far: FarSide, database: FlakyDatabase, intake: Intake
) -> None:
    async with listening(platform_of(settings(far)), far, intake.accept):
        database.away = True
        for number in range(5):
            far.world.say(ANA, f"message {number}")
        await soon(lambda: len(far.handed) == 5)
        await moment()
        assert far.confirmed == {}
        database.away = False
        await soon(lambda: len(far.confirmed) == 5)
    assert len(stored(database)) == 5


async def test_what_was_handed_out_to_a_bot_that_ended_is_handed_out_again_and_kept_once(
    far: FarSide, database: Database, intake: Intake
) -> None:
    gathered = Gathered()
    gathered.open.clear()
    async with listening(platform_of(settings(far)), far, gathered.accept):
        far.world.say(ANA, "hello")
        await soon(lambda: gathered.tries)
    assert far.confirmed == {}
    async with listening(platform_of(settings(far)), far, intake.accept):
        await soon(lambda: len(far.confirmed) == 1)
        far.world.again()
        await soon(lambda: not far.world.pending)
    assert len(stored(database)) == 1


async def test_an_event_that_can_never_be_stored_does_not_stop_the_others(far: FarSide, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.platforms.telegram.platform.STORE_PAUSE", 0.01)
    kept: list[str] = []

    async def accept(event: Any) -> bool:
        if event.text == "poison":
            raise ValueError("no way")
        kept.append(event.text)
        return True

    async with listening(platform_of(settings(far)), far, accept):
        far.world.say(ANA, "poison")
        far.world.say(ANA, "hello")
        await soon(lambda: len(far.confirmed) == 2)
    assert kept == ["hello"]


async def test_asking_goes_on_after_drops_server_errors_floods_and_conflicts(far: FarSide) -> None:
    gathered = Gathered()
    troubles: list[ApiError | str | None] = [
        "drop",
        "cut",
        ApiError(502, "Bad Gateway"),
        ApiError(429, "Too Many Requests: retry after 1", retry_after=1),
        ApiError(409, "Conflict: terminated by other getUpdates request"),
    ]
    platform = platform_of(settings(far))
    async with listening(platform, far, gathered.accept):
        far.trouble = lambda method, _: troubles.pop() if troubles and method == "getUpdates" else None
        for number in range(3):
            left = len(troubles)
            far.world.say(ANA, f"message {number}")
            await soon(lambda left=left: len(troubles) < left)
        await soon(lambda: len(far.confirmed) == 3)
        assert not troubles
    assert [message.text for message in gathered.of(Message)] == ["message 0", "message 1", "message 2"]


async def test_a_webhook_that_somebody_has_set_is_taken_away_and_its_updates_are_kept(far: FarSide) -> None:
    far.webhook = {"url": "http://127.0.0.1:9/elsewhere"}
    gathered = Gathered()
    far.world.say(ANA, "sent while there was a webhook")
    async with listening(platform_of(settings(far)), far, gathered.accept):
        await soon(lambda: gathered.of(Message))
    [call] = far.called("deleteWebhook")
    assert call["drop_pending_updates"] == "false"


@pytest.mark.parametrize("error", [ApiError(401, "Unauthorized"), ApiError(404, "Not Found")])
async def test_a_token_that_telegram_does_not_know_ends_the_process_with_a_sentence(
    far: FarSide, error: ApiError
) -> None:
    platform = platform_of(settings(far))
    far.trouble = lambda *_: error
    with pytest.raises(TokenRefused, match="BACKCHANNEL_TELEGRAM__TOKEN") as caught:
        await asyncio.wait_for(platform.listen(Gathered().accept), HANG)
    assert far.token not in repr(caught.value)


async def test_a_token_that_is_revoked_later_ends_the_process_too(far: FarSide) -> None:
    platform = platform_of(settings(far))
    async with listening(platform, far, Gathered().accept) as task:
        far.token = "4242:another"
        far.world.say(ANA, "hello")
        with pytest.raises(TokenRefused):
            await asyncio.wait_for(task, HANG)


NOT_FOUND = ApiError(404, "Not Found: method not found")


@pytest.mark.parametrize("method", ["setMyCommands", "deleteWebhook", "getUpdates", "answerCallbackQuery"])
@pytest.mark.parametrize("error", [NOT_FOUND, ApiError(401, "Unauthorized"), ApiError(418, "Teapot"), "page 403"])
async def test_no_method_that_is_refused_stops_the_bot(far: FarSide, method: str, error: ApiError | str) -> None:
    refused = list[str]()

    def trouble(called: str, fields: Any) -> ApiError | str | None:
        if called != method or len(refused) == 2:
            return None
        refused.append(called)
        return error

    far.trouble = trouble
    gathered = Gathered()
    async with listening(platform_of(settings(far)), far, gathered.accept):
        for _ in range(2):
            far.world.press(ANA, far.world.message(GROUP, BOT, "Which?")["message_id"], "a:1:2")
        await soon(lambda: len(far.confirmed) == 2 and refused)
    assert len(gathered.events) == 2


async def test_a_server_without_webhooks_is_no_server_without_the_bot(
    far: FarSide, caplog: pytest.LogCaptureFixture
) -> None:
    far.trouble = lambda method, _: NOT_FOUND if method == "setWebhook" else None
    task = asyncio.create_task(platform_of(by_webhook(far)).listen(Gathered().accept))
    await soon(lambda: "The webhook can't be set" in caplog.text)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("token", ["no-token", "4242:with space", "abc:def", "4242:"])
async def test_what_can_not_be_a_token_is_refused_without_being_repeated(far: FarSide, token: str) -> None:
    wrong = settings(far).model_copy(update={"token": SecretStr(token)})
    with pytest.raises(BackchannelError, match="BACKCHANNEL_TELEGRAM__TOKEN") as caught:
        platform_of(wrong)
    assert token not in str(caught.value)


async def test_health_says_whether_telegram_answers(far: FarSide) -> None:
    platform = platform_of(settings(far))
    async with listening(platform, far, Gathered().accept), aiohttp.ClientSession() as session:

        async def health() -> int:
            async with session.get(f"http://127.0.0.1:{platform.port}/healthz") as response:
                return response.status

        far.world.say(ANA, "hello")
        await soon(health, lambda status: status == 200)
        far.trouble = lambda *_: "drop"
        far.world.say(ANA, "hello")
        await soon(health, lambda status: status == 503)
        far.trouble = lambda *_: None
        await soon(health, lambda status: status == 200)


async def test_commands_are_registered_in_both_languages(far: FarSide) -> None:
    async with listening(platform_of(settings(far)), far, Gathered().accept):
        calls = far.called("setMyCommands")
    assert [call.get("language_code") for call in calls] == [None, "zh"]
    assert '"retrain"' in calls[0]["commands"]
    assert "labels add" not in calls[0]["commands"]


# ── one poller ──────────────────────────────────────────────────────────────────────────────────────


async def test_the_second_process_stands_by_and_takes_over(far: FarSide, database: Database, intake: Intake) -> None:
    def process() -> Any:
        return platform_of(settings(far), lease=StoredPollingLease(database, "telegram:4242", 30.0))

    standby: asyncio.Task[None]
    async with listening(process(), far, intake.accept):
        standby = asyncio.create_task(process().listen(intake.accept))
        for number in range(4):
            far.world.say(ANA, f"message {number}")
        await soon(lambda: len(far.called("getMe")) == 2)  # the second one is there
        await soon(lambda: not far.world.pending)
        await moment()
        assert len(far.called("deleteWebhook")) == 1, "and asks for nothing"
    far.world.say(ANA, "after the change")
    await soon(lambda: not far.world.pending)
    standby.cancel()
    await asyncio.gather(standby, return_exceptions=True)
    assert len(stored(database)) == 5


async def test_who_can_not_hold_the_lease_stops_asking(database: FlakyDatabase) -> None:
    lease = StoredPollingLease(database, "telegram:4242", 0.3)
    assert await lease.acquire()
    database.away = True
    await asyncio.wait_for(lease.hold(), HANG)
    assert not await lease.acquire()
    database.away = False
    assert await soon(StoredPollingLease(database, "telegram:4242", 300.0).acquire)
    assert not await lease.acquire()


# ── webhook ─────────────────────────────────────────────────────────────────────────────────────────


async def test_the_webhook_is_set_with_its_secret_and_asks_for_reactions(far: FarSide) -> None:
    chosen = by_webhook(far)
    async with listening(platform_of(chosen), far, Gathered().accept):
        [call] = far.called("setWebhook")
    assert call["url"] == f"{chosen.public_url}/telegram/webhook"
    assert call["secret_token"] == SECRET
    assert '"message_reaction"' in call["allowed_updates"]


UPDATE = {
    "update_id": 5,
    "message": {
        "message_id": 1,
        "date": 1,
        "chat": {"id": GROUP, "type": "supergroup", "title": "Support"},
        "from": ANA,
        "text": "hello",
    },
}
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, UPDATE, 401),
        ({HEADER: ""}, UPDATE, 401),
        ({HEADER: SECRET[:-1]}, UPDATE, 401),
        ({HEADER: SECRET + "x"}, UPDATE, 401),
        ({HEADER: SECRET}, b"{", 400),
        ({HEADER: SECRET}, b"\xff\xfe", 400),
        ({HEADER: SECRET}, b"[1]", 400),
        ({HEADER: SECRET}, b"[" * 100_000, 400),
        ({HEADER: SECRET}, {"update_id": "5"}, 400),
        ({HEADER: SECRET}, {"no": "update"}, 400),
        ({HEADER: SECRET}, b" " * 1_100_000 + b"{}", 413),
        ({HEADER: SECRET}, UPDATE, 200),
    ],
)
async def test_only_what_telegram_sends_is_let_in(far: FarSide, headers: Any, body: Any, status: int) -> None:
    gathered, chosen = Gathered(), by_webhook(far)
    async with listening(platform_of(chosen), far, gathered.accept), aiohttp.ClientSession() as session:
        data = {"data": io.BytesIO(body)} if isinstance(body, bytes) else {"json": body}
        address = f"{chosen.public_url}/telegram/webhook"
        async with session.post(address, headers=headers, **data) as response:
            assert response.status == status, HTTPStatus(response.status)
            assert SECRET not in await response.text()
        async with session.get(address, headers={HEADER: SECRET}) as response:
            assert response.status == 405
    assert len(gathered.events) == (status == 200)


async def test_an_update_that_comes_again_while_it_is_stored_is_stored_once(
    far: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.telegram.http.STORE_TIMEOUT", 0.1)
    gathered = Gathered()
    gathered.open.clear()
    async with listening(platform_of(by_webhook(far)), far, gathered.accept):
        far.world.say(ANA, "hello")
        await soon(lambda: "500" in far.webhook.get("last_error_message", ""))
        await moment()
        assert gathered.tries == 1
        gathered.open.set()
        await soon(lambda: len(far.confirmed) == 1)
    assert len(gathered.events) == 1


async def test_while_the_database_is_away_the_webhook_says_so_and_telegram_comes_again(
    far: FarSide, database: FlakyDatabase, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.telegram.http.STORE_TIMEOUT", 0.1)
    async with listening(platform_of(by_webhook(far)), far, intake.accept):
        database.away = True
        far.world.say(ANA, "hello")
        await soon(lambda: "500" in far.webhook.get("last_error_message", ""))
        assert far.confirmed == {}
        database.away = False
        await soon(lambda: len(far.confirmed) == 1)
    assert len(stored(database)) == 1


@pytest.mark.parametrize("secret", ["", "has space", "umläut", "x" * 257])
async def test_a_secret_that_telegram_would_not_take_is_refused(far: FarSide, secret: str) -> None:
    chosen = by_webhook(far).model_copy(update={"secret": SecretStr(secret)})
    with pytest.raises(BackchannelError, match="BACKCHANNEL_TELEGRAM__SECRET"):
        platform_of(chosen)


# ── around ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_press_is_always_answered_and_says_where_the_bot_is_off(far: FarSide) -> None:
    gathered = Gathered()
    async with listening(platform_of(settings(far)), far, gathered.accept):
        post = far.world.message(GROUP, BOT, "Which?")["message_id"]
        first = far.world.press(ANA, post, "a:1:2")
        await soon(lambda: far.called("answerCallbackQuery"))
        gathered.enabled = False
        second = far.world.press(BO, post, "a:1:2")
        await soon(lambda: len(far.called("answerCallbackQuery")) == 2)
    on, off = far.called("answerCallbackQuery")
    assert (on["callback_query_id"], on.get("text")) == (first, None)
    assert off["callback_query_id"] == second
    assert "Backchannel is off in this chat" in off["text"]


async def test_a_press_that_can_not_be_answered_is_stored_all_the_same(far: FarSide) -> None:
    gathered = Gathered()
    old = ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    far.trouble = lambda method, _: old if method == "answerCallbackQuery" else None
    async with listening(platform_of(settings(far)), far, gathered.accept):
        far.world.press(ANA, far.world.message(GROUP, BOT, "Which?")["message_id"], "a:1:2")
        await soon(lambda: len(far.confirmed) == 1)
    assert len(gathered.events) == 1


async def test_usernames_are_remembered_of_people_in_chats_that_are_on(far: FarSide) -> None:
    gathered = Gathered()

    async def forget(username: str) -> str:
        before = len(gathered.of(Command))
        far.world.say(BO, f"/forget @{username}")
        await soon(lambda: len(gathered.of(Command)) > before)
        return gathered.of(Command)[-1].text

    async with listening(platform_of(settings(far)), far, gathered.accept):
        gathered.enabled = False
        far.world.say(ANA, "nobody listens")
        await soon(lambda: not far.world.pending)
        gathered.enabled = True
        assert await forget("ana") == "forget @ana"
        message = far.world.say(user(14, "Uma", username="Uma_K"), "hello")["message_id"]
        far.world.react(ANA, message, "👍")
        await soon(lambda: len(gathered.events) == 3)
        assert await forget("uma_k") == "forget 14"
        assert await forget("ana") == "forget 11"


async def test_being_promoted_is_told(far: FarSide) -> None:
    gathered = Gathered()
    async with listening(platform_of(settings(far)), far, gathered.accept):
        far.world.become("member")
        far.world.become("administrator")
        await soon(lambda: len(gathered.of(Presence)) == 2)
    assert [event.sees_reactions for event in gathered.of(Presence)] == [False, True]


async def test_reactions_in_topics_find_their_message_even_after_a_restart(
    far: FarSide, database: Database, intake: Intake
) -> None:
    def process() -> Any:
        return telegram_platform(database, settings(far))

    async with listening(process(), far, intake.accept):
        message = far.world.say(ANA, "in a topic", FORUM, topic=7)["message_id"]
        far.world.react(BO, message, "👍", chat=FORUM)
        await soon(lambda: len(far.confirmed) == 2)
    assert stored_topic(database, FORUM, message) == 7
    async with listening(process(), far, intake.accept):
        far.world.react(ANA, message, "🔥", chat=FORUM)
        await soon(lambda: len(far.confirmed) == 3)
    events = stored(database)
    assert len(events) == 3
    assert all(f'"chat_id":"{FORUM}:7"' in event for event in events)

"""Replies as Telegram gets them, and what becomes of its errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from aiogram.methods import GetMe

from bot.platforms.base import Later, Refused, Standing
from bot.platforms.telegram.client import Client
from bot.platforms.telegram.errors import Garbled
from bot.platforms.telegram.platform import TelegramPlatform
from tests.bot.platforms.contract import PNG, Gathered
from tests.bot.platforms.telegram.stage import listening, platform_of, settings
from tests.fakes.telegram.methods import ApiError
from tests.fakes.telegram.server import FarSide
from tests.fakes.telegram.world import ANA, BOT, CHANNEL, FORUM, GROUP, Json, user
from tests.waiting import soon
from workers.core.events import ChatRef, Message, MessageRef, Moved, Person, Presence
from workers.core.replies import Choice, Document, EditPost, Picture, Post, React

CHAT = ChatRef(platform="telegram", workspace=str(GROUP), chat_id=str(GROUP))
TOPIC = ChatRef(platform="telegram", workspace=str(FORUM), chat_id=f"{FORUM}:7")


class Stage:
    """The platform, what it told intake, and the far side."""

    def __init__(self, far: FarSide, platform: TelegramPlatform, gathered: Gathered) -> None:
        self.far, self.platform, self.gathered = far, platform, gathered
        self.message = far.world.message(GROUP, ANA, "it broke")["message_id"]

    def react(self, emoji: str | None, **more: Any) -> React:
        ref = MessageRef(**CHAT.model_dump(), message_id=str(self.message))
        return React(ref=ref, emoji=emoji, **{"label": "bug", "label_id": 7, "probability": 0.87, **more})

    async def send(self, reply: Any, handle: str | None = None) -> str | None:
        return await self.platform.send(reply, "k", handle)

    def own(self) -> list[Json]:
        return [message for message in self.far.world.messages.values() if message.get("from") == BOT]

    def emoji(self) -> list[str]:
        standing = self.far.world.reactions.get((GROUP, self.message), {}).get(BOT["id"], [])
        return [each["emoji"] for each in standing]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    gathered = Gathered()
    async with FarSide().running() as far:
        platform = platform_of(settings(far))
        async with listening(platform, far, gathered.accept):
            yield Stage(far, platform, gathered)


# ── emoji and labels in words ───────────────────────────────────────────────────────────────────────


async def test_an_emoji_gives_way_to_words_and_words_to_an_emoji(stage: Stage) -> None:
    handle = await stage.send(stage.react("👍"))
    assert stage.emoji() == ["👍"]
    handle = await stage.send(stage.react("🐞"), handle)
    assert stage.emoji() == []
    [shown] = stage.own()
    assert shown["text"] == "🐞 bug 87%"
    assert [button["callback_data"] for row in shown["reply_markup"]["inline_keyboard"] for button in row] == [
        "l:7",
        "m",
    ]
    again = await stage.send(stage.react("✅", label="done", guess=True), handle)
    assert again == handle
    assert [message["text"] for message in stage.own()] == ["✅ done 87%?"]
    handle = await stage.send(stage.react("❤️"), again)
    assert (stage.own(), stage.emoji()) == ([], ["❤"])
    assert await stage.send(stage.react(None), handle) is None
    assert stage.emoji() == []


async def test_words_that_somebody_deleted_are_said_again(stage: Stage) -> None:
    handle = await stage.send(stage.react("🐞"))
    del stage.far.world.messages[GROUP, int(handle or 0)]
    assert await stage.send(stage.react("✅", label="done"), handle) != handle
    assert [message["text"] for message in stage.own()] == ["✅ done 87%"]
    handle = str(stage.own()[0]["message_id"])
    del stage.far.world.messages[GROUP, int(handle)]
    assert await stage.send(stage.react("👍"), handle) == "emoji"


async def test_where_a_group_allows_few_emoji_the_label_is_said_in_words(stage: Stage) -> None:
    stage.far.world.palettes[GROUP] = {"🔥"}
    await stage.send(stage.react("👍"))
    assert [message["text"] for message in stage.own()] == ["👍 bug 87%"]
    with pytest.raises(Refused, match="not allowed"):
        await stage.send(stage.react("👍", label=""))


async def test_a_message_that_is_gone_can_not_get_an_emoji(stage: Stage) -> None:
    del stage.far.world.messages[GROUP, stage.message]
    with pytest.raises(Refused, match="gone"):
        await stage.send(stage.react("👍"))


async def test_a_message_from_before_a_migration_gets_no_emoji_and_is_answered_without_naming_it(stage: Stage) -> None:
    old = MessageRef(**CHAT.model_dump(), message_id="before:5")
    with pytest.raises(Refused, match="supergroup"):
        await stage.send(React(ref=old, emoji="👍"))
    with pytest.raises(Refused, match="supergroup"):
        await stage.send(EditPost(chat=CHAT, post="p", text="x"), "before:5")
    await stage.send(Post(chat=CHAT, text="Noted.", reply_to="before:5"))
    assert "reply_parameters" not in stage.far.called("sendMessage")[-1]


# ── words and files ─────────────────────────────────────────────────────────────────────────────────


async def test_a_post_says_what_it_means_with_entities_in_its_topic(stage: Stage) -> None:
    await stage.send(Post(chat=TOPIC, text="🐞 type `help` *now* <b>", reply_to="99999"))
    [sent] = [message for message in stage.own() if message["chat"]["id"] == FORUM]
    assert sent["text"] == "🐞 type help *now* <b>"
    assert [(e["type"], e["offset"], e["length"]) for e in sent["entities"]] == [("code", 8, 4)]
    assert (sent["message_thread_id"], "reply_to_message" in sent) == (7, False)


async def test_the_buttons_of_a_long_post_are_under_its_end_which_is_its_handle(stage: Stage) -> None:
    text = "\n".join(f"line {number} `code`" for number in range(600))
    handle = await stage.send(Post(chat=CHAT, text=text, choices=(Choice(text="Yes", value="y:1"),)))
    parts = stage.own()
    assert len(parts) > 1
    assert ["reply_markup" in part for part in parts] == [False] * (len(parts) - 1) + [True]
    assert handle == str(parts[-1]["message_id"])


async def test_progress_is_drawn_and_an_edit_without_buttons_takes_them_away(stage: Stage) -> None:
    first = Post(chat=CHAT, text="Training", progress=0.0, choices=(Choice(text="Cancel", value="j:1"),))
    handle = await stage.send(first)
    await stage.send(EditPost(chat=CHAT, post="k", text="Training", progress=0.5), handle)
    [post] = stage.own()
    assert post["text"] == "Training\n▓▓▓▓▓░░░░░"
    assert "reply_markup" not in post


async def test_an_edit_of_what_was_never_sent_or_is_gone_is_refused(stage: Stage) -> None:
    for handle in (None, "9999"):
        with pytest.raises(Refused, match=r"\.$"):
            await stage.send(EditPost(chat=CHAT, post="k", text="x"), handle)


async def test_long_words_under_a_picture_come_before_it(stage: Stage) -> None:
    await stage.send(Picture(chat=CHAT, filename="c.png", content=PNG, alt="A line goes up.", text="word " * 300))
    first, second = stage.own()
    assert first["text"].startswith("word")
    assert "caption" not in second or not second["caption"]
    await stage.send(Picture(chat=CHAT, filename="c.png", content=PNG, alt="A line goes up."))
    assert stage.own()[-1]["caption"] == "A line goes up."


async def test_what_is_too_large_or_empty_is_refused_before_it_is_sent(stage: Stage) -> None:
    replies = [
        Document(chat=CHAT, filename="a.jsonl", content="x" * 50_000_001),
        Picture(chat=CHAT, filename="c.png", content=b"x" * 10_000_001, alt="x"),
        Post(chat=CHAT, text=" "),
    ]
    for reply in replies:
        with pytest.raises(Refused, match=r"\.$"):
            await stage.send(reply)
    assert stage.own() == []


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ApiError(429, "Too Many Requests: retry after 7", retry_after=7), Later, "7 s"),
        (ApiError(500, "Internal Server Error"), OSError, "trouble"),
        (ApiError(502, "Bad Gateway"), OSError, "trouble"),
        ("drop", OSError, "reached"),
        (ApiError(400, "Bad Request: not enough rights to send text messages to the chat"), Refused, "administrator"),
        (ApiError(400, "Bad Request: have no rights to send a message"), Refused, "administrator"),
        (ApiError(400, "Bad Request: CHAT_ADMIN_REQUIRED"), Refused, "administrator"),
        (ApiError(400, "Bad Request: TOPIC_CLOSED"), Refused, "closed"),
        (ApiError(400, "Bad Request: message thread not found"), Refused, "topic"),
        (ApiError(400, "Bad Request: chat not found"), Refused, "add the bot"),
        (ApiError(400, "Bad Request: SOMETHING_NEW"), Refused, "SOMETHING_NEW"),
        (ApiError(403, "Forbidden: bot was kicked from the supergroup chat"), Refused, "put out"),
        (ApiError(403, "Forbidden: bot can't initiate conversation with a user"), Refused, "forbids"),
        (ApiError(413, "Request Entity Too Large"), Refused, "larger"),
        (ApiError(418, "I'm a teapot"), Refused, "teapot"),
        (ApiError(401, "Unauthorized"), Refused, "although it takes its token"),
        (ApiError(404, "Not Found: method not found"), Refused, "older than the bot"),
        (ApiError(404, "Not Found"), Refused, "older than the bot"),
    ],
)
async def test_each_error_means_wait_never_or_the_network(
    stage: Stage, error: Any, kind: type[Exception], words: str
) -> None:
    stage.far.trouble = lambda method, _: error if method == "sendMessage" else None
    with pytest.raises(kind, match=words) as caught:
        await stage.send(Post(chat=CHAT, text="hello"))
    assert stage.far.token not in repr(caught.value)
    if isinstance(caught.value, Later):
        assert caught.value.seconds == 7


FILES = [
    (Picture(chat=CHAT, filename="c.png", content=PNG, alt="A line."), "sendPhoto"),
    (Document(chat=CHAT, filename="labels.jsonl", content="{}"), "sendDocument"),
]


@pytest.mark.parametrize(("reply", "method"), FILES)
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("not enough rights to send photos to the chat", "pictures"),
        ("CHAT_SEND_PHOTOS_FORBIDDEN", "pictures"),
        ("not enough rights to send documents to the chat", "files"),
        ("CHAT_SEND_DOCS_FORBIDDEN", "files"),
        ("CHAT_SEND_MEDIA_FORBIDDEN", "files"),
        ("CHAT_RESTRICTED", "everybody"),
    ],
)
async def test_a_file_that_a_group_does_not_allow_is_refused_in_words_that_say_so(
    stage: Stage, reply: Any, method: str, words: str, sentence: str
) -> None:
    stage.far.trouble = lambda called, _: ApiError(400, f"Bad Request: {words}") if called == method else None
    with pytest.raises(Refused, match=sentence) as caught:
        await stage.send(reply)
    assert caught.value.sentence.zh != caught.value.sentence.en


async def test_a_proxy_that_takes_no_large_files_refuses_them_for_ever_and_any_other_page_of_its_own_is_tried_again(
    stage: Stage,
) -> None:
    for page, error in (("413", Refused), ("403", Garbled), ("404", Garbled), ("502", OSError), ("200", OSError)):
        stage.far.trouble = lambda method, _, page=page: f"page {page}" if method == "sendDocument" else None
        with pytest.raises(error) as caught:
            await stage.send(FILES[1][0])
        assert stage.far.token not in chain(caught.value)


@pytest.mark.parametrize("error", [ApiError(404, "Not Found: method not found"), ApiError(401, "Unauthorized")])
async def test_only_getme_decides_about_the_token(
    stage: Stage, error: ApiError, caplog: pytest.LogCaptureFixture
) -> None:
    stage.far.trouble = lambda method, _: None if method in ("getMe", "getUpdates") else error
    post = Post(chat=CHAT, text="hello")
    for reply in (stage.react("👍"), stage.react(None), post, *(file for file, _ in FILES)):
        with pytest.raises(Refused):
            await stage.send(reply)
    with pytest.raises(Refused):
        await stage.send(EditPost(chat=CHAT, post="k", text="x"), "1")
    with pytest.raises(Refused):
        await stage.platform.standing(CHAT, Person(id="12"), "retrain")
    stage.far.trouble = lambda *_: None
    stage.far.world.say(ANA, "the bot goes on")
    await soon(lambda: stage.gathered.of(Message))
    assert await stage.send(post)
    assert "revoked" not in caplog.text
    stage.far.trouble = lambda *_: error
    with pytest.raises(Later):  # now `getMe` says so, too: the reply waits for a start with a good token
        await stage.send(post)


async def test_an_answer_that_the_sdk_can_not_read_is_no_failure(stage: Stage) -> None:
    stage.far.world.chats[GROUP]["type"] = "a kind of chat from the future"
    handle = await stage.send(Post(chat=CHAT, text="hello"))
    assert handle == str(stage.own()[0]["message_id"])


async def test_who_is_put_out_of_a_group_says_so_once_and_a_blocking_person_is_no_group(stage: Stage) -> None:
    stage.far.world.status[GROUP, BOT["id"]] = "kicked"
    for _ in range(2):
        with pytest.raises(Refused):
            await stage.send(Post(chat=CHAT, text="hello"))
    [left] = stage.gathered.of(Presence)
    assert (left.state, left.chat) == ("left", CHAT)
    stage.far.world.private(ANA)
    stage.far.world.status[ANA["id"], BOT["id"]] = "kicked"
    own = ChatRef(platform="telegram", workspace="11", chat_id="11")
    with pytest.raises(Refused):
        await stage.send(Post(chat=own, text="hello"))
    assert len(stage.gathered.of(Presence)) == 1


async def test_a_group_that_has_become_a_supergroup_moves_before_anything_more_is_sent(stage: Stage) -> None:
    stage.far.world.open({"id": -50, "type": "group", "title": "Small"})
    stage.far.world.chats[-50]["migrated"] = -100050
    old, new = (ChatRef(platform="telegram", workspace=id, chat_id=id) for id in ("-50", "-100050"))
    with pytest.raises(Later):
        await stage.send(Post(chat=old, text="hello"))
    [moved] = stage.gathered.of(Moved)
    assert (moved.chat, moved.into) == (old, new)
    with pytest.raises(Later):
        await stage.platform.standing(old, Person(id="11"), "retrain")
    assert len(stage.gathered.of(Moved)) == 1


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "admin"),
    [("creator", True), ("administrator", True), ("member", False), ("restricted", False), ("left", False)],
)
async def test_administrators_may(stage: Stage, status: str, admin: bool) -> None:
    stage.far.world.status[GROUP, 12] = status
    assert await stage.platform.standing(CHAT, Person(id="12"), "retrain") == Standing(admin)


async def test_hidden_people_may_not_and_are_told_why(stage: Stage) -> None:
    stage.far.world.status[GROUP, GROUP] = "creator"
    for id in (f"chat:{GROUP}", f"chat:{CHANNEL}"):
        assert await stage.platform.standing(CHAT, Person(id=id), "retrain") == Standing(False, "anonymous")


async def test_only_people_of_the_settings_may_let_the_bot_in(stage: Stage) -> None:
    assert await stage.platform.standing(CHAT, Person(id=str(ANA["id"])), "here") == Standing(False, "named_only")


async def test_nobody_is_an_admin_of_their_own_chat_with_the_bot(stage: Stage) -> None:
    own = ChatRef(platform="telegram", workspace="11", chat_id="11")
    assert await stage.platform.standing(own, Person(id="11"), "retrain") == Standing(False)


@pytest.mark.parametrize("words", ["PARTICIPANT_ID_INVALID", "USER_ID_INVALID", "CHAT_ADMIN_REQUIRED"])
async def test_where_telegram_does_not_say_who_is_an_admin_nobody_is_said_to_be_none(stage: Stage, words: str) -> None:
    stage.far.trouble = lambda method, _: ApiError(400, f"Bad Request: {words}") if method == "getChatMember" else None
    with pytest.raises(Refused, match="make"):
        await stage.platform.standing(CHAT, Person(id="12"), "retrain")


async def test_somebody_whom_telegram_does_not_know_is_no_admin(stage: Stage) -> None:
    stage.far.world.status[GROUP, 13] = "unknown"
    assert await stage.platform.standing(CHAT, Person(id="13"), "retrain") == Standing(False)


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────────


async def test_the_token_is_nowhere_to_be_read(
    stage: Stage, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    far, errors = stage.far, list[str]()
    troubles: list[Any] = [
        "drop",
        "cut",
        ApiError(502, "x"),
        ApiError(400, "Bad Request: x"),
        ApiError(403, "Forbidden: x"),
    ]
    for trouble in troubles:
        far.trouble = lambda method, _, now=trouble: now
        for call in (stage.send(Post(chat=CHAT, text="hello")), stage.platform.standing(CHAT, Person(id="11"), "x")):
            with suppress(Refused):
                try:
                    await call
                except OSError as error:
                    errors.append(chain(error))
        far.world.say(user(5, "Somebody"), "hello")
    far.url = "http://127.0.0.1:1"
    unreachable = Client(settings(far))
    with pytest.raises(OSError, match="reached") as caught:
        await unreachable(GetMe())
    await unreachable.close()
    errors.append(chain(caught.value))
    assert errors
    said = "\n".join([caplog.text, capsys.readouterr().err, *errors])
    assert "canary" not in said


def chain(error: BaseException | None) -> str:
    """All that a traceback would print of an error and of what led to it."""
    if error is None:
        return ""
    hidden = "" if error.__suppress_context__ else chain(error.__context__)
    return f"{error!r} {error} {chain(error.__cause__)} {hidden}"

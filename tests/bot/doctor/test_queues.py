"""What `backchannel doctor` says of the queues, and `backchannel failed`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from bot.cli import main
from tests.bot.doctor.conftest import Red
from workers.core.events import CLASSIFY, ChatRef, Delete, MessageRef
from workers.core.replies import Post
from workers.store import inbox, outbox
from workers.store.database import Database

CHAT = ChatRef(platform="web", workspace="w", chat_id="c")
Failed = Callable[..., tuple[int, str]]


@pytest.fixture
def failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: object, database: Database
) -> Failed:
    """Exit status and output of `backchannel failed` with these words."""

    def failed(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["backchannel", "failed", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out + err

    return failed


def give_up(database: Database, count: int = 1) -> None:
    """Replies that their platform refused."""
    with database.write() as c:
        outbox.add(c, [(f"key {number}", Post(chat=CHAT, text="secret words")) for number in range(count)], 0.0)
        for outgoing in outbox.claim(c, "web", count, 30.0, "delivery", 0.0):
            outbox.fail(c, outgoing, "The chat is gone.", 0.0)


def test_what_has_waited_for_long_is_red_and_what_came_just_now_is_not(red: Red, database: Database) -> None:
    now = time.time()
    ref = MessageRef(**CHAT.model_dump(), message_id="1")
    with database.write() as c:
        inbox.add(c, [Delete(key="a", at=now, ref=ref)], now)
        outbox.add(c, [("b", Post(chat=CHAT, text="x"))], now)
    assert red() == []
    with database.write() as c:
        inbox.add(c, [Delete(key="c", at=now, ref=ref)], now - 1000)
        outbox.add(c, [("d", Post(chat=CHAT, text="x"))], now - 2000)
    assert [what.rsplit(" ", 2)[0] for what, _ in red()] == [
        f"2 events wait for the worker of {CLASSIFY}, the oldest for",
        "2 replies wait to be sent to web, the oldest for",
    ]


def test_what_was_given_up_is_red_until_somebody_decides(red: Red, database: Database, failed: Failed) -> None:
    give_up(database, 2)
    ((what, todo),) = red()
    assert what == "2 events or replies were given up."
    assert "failed list" in todo
    status, out = failed("list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["out1", "out2", "2"]
    assert "The chat is gone." in out
    assert "secret" not in out
    assert failed("drop", "out1") == (0, "1 dropped.\n")
    assert failed("retry", "--all") == (0, "1 will be tried again.\n")
    assert failed("list") == (0, "Nothing was given up.\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("mend",), "not known"),
        (("retry",), "--all"),
        (("drop", "out1", "--all"), "Say which"),
        (("drop", "7"), "failed list"),
    ],
)
def test_what_makes_no_sense_changes_nothing(database: Database, failed: Failed, words: list[str], says: str) -> None:
    give_up(database)
    status, out = failed(*words)
    assert status == 78
    assert says in out
    with database.read() as c:
        assert not outbox.has_work(c, "web")
    assert failed("list")[1].startswith("out1")

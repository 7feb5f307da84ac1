"""No verb and no button holds the write lock for more than a few statements, and none is slow meanwhile."""

from __future__ import annotations

import builtins
import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from matplotlib.figure import Figure
from sqlalchemy import text

from modeling.backbones.backbone import Backbone
from modeling.text import cleaning
from tests.workers.busy_store import NOW, TYPED, Guard, Write, fill, measure
from workers.commands.context import Call, Plan
from workers.commands.dispatch import RUN
from workers.core import buttons
from workers.core.replies import Post
from workers.handlers.dispatch import handle, in_steps
from workers.store import versions
from workers.store.database import Database
from workers.store.inbox import Claimed

MOST = 30
"""Statements in one write transaction, of whatever verb."""
FEW, MANY = 300, 4000
SLOW: list[tuple[Any, str]] = [
    (Backbone, "encode"),
    (cleaning, "_once"),
    (Figure, "savefig"),
    (hashlib, "sha256"),
    (hashlib, "file_digest"),
    (builtins, "open"),
    (io, "open"),
    (os, "open"),
]
"""What takes long or waits for a disk: encoding, cleaning, drawing, hashing, files."""


def work(database: Database, claimed: Sequence[Claimed]) -> None:
    for step in in_steps(claimed):
        handle(database, step, "en", NOW)


def forbidding(monkeypatch: pytest.MonkeyPatch) -> Guard:
    """Everything in SLOW raises from now on while a write transaction is open on the thread."""
    here = threading.local()

    @contextmanager
    def guard() -> Iterator[None]:
        here.writing = True
        try:
            yield
        finally:
            here.writing = False

    def forbid(original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def checked(*arguments: Any, **named: Any) -> Any:
            if getattr(here, "writing", False):
                raise AssertionError(f"{name} inside a write transaction")
            return original(*arguments, **named)

        return checked

    for owner, name in SLOW:
        monkeypatch.setattr(owner, name, forbid(getattr(owner, name), name))
    return guard


@contextmanager
def store(folder: Path, count: int) -> Iterator[Database]:
    folder.mkdir(exist_ok=True)
    database = Database(f"sqlite:///{folder / 'store.sqlite3'}")
    database.migrate()
    with database.write() as c:
        versions.ensure_base(c, "minilm", "", 0.0)
    fill(database, count, folder / "bundle")
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, list[Write] | Exception]]:
    """By the number of stored messages: what every verb and every button took."""
    measured = {}
    for count in (FEW, MANY):
        with store(tmp_path_factory.mktemp("store"), count) as database, pytest.MonkeyPatch.context() as monkeypatch:
            measured[count] = measure(database, work, forbidding(monkeypatch))
    return measured


def test_every_verb_is_typed_and_every_button_is_pressed(taken: dict[int, dict[str, list[Write] | Exception]]) -> None:
    assert set(TYPED) == set(RUN)
    names = {"AnswerQuestion": "answer", "Agree": "agree", "More": "more", "Confirm": "no", "CancelJob": "cancel"}
    assert set(names) == {kind.__name__ for kind in get_args(buttons.ButtonValue)}
    assert {f"button: {name}" for name in names.values()} <= set(taken[FEW])
    assert {"forget: yes", "labels merge: yes", "labels remove: yes", "leave: yes"} <= set(taken[FEW])


@pytest.mark.parametrize("name", [*RUN, "forget: yes", "labels merge: yes", "labels remove: yes", "leave: yes"])
def test_a_verb_writes_for_a_few_statements_however_much_is_stored(
    taken: dict[int, dict[str, list[Write] | Exception]], name: str
) -> None:
    check(taken, name)


@pytest.mark.parametrize("name", ["answer", "agree", "more", "no", "cancel", "foreign"])
def test_so_does_a_button(taken: dict[int, dict[str, list[Write] | Exception]], name: str) -> None:
    check(taken, f"button: {name}")


@pytest.mark.parametrize("name", ["30 reactions", "came in"])
def test_so_do_reactions_and_a_chats_first_event(
    taken: dict[int, dict[str, list[Write] | Exception]], name: str
) -> None:
    check(taken, name)


def check(taken: dict[int, dict[str, list[Write] | Exception]], name: str) -> None:
    few, many = taken[FEW][name], taken[MANY][name]
    assert not isinstance(few, Exception), few
    assert not isinstance(many, Exception), many
    longest = [max(write.statements for write in writes) for writes in (few, many)]
    assert longest[1] <= MOST
    assert longest[1] <= longest[0] + 1, "it grows with what is stored"


def reads_a_file(call: Call) -> Plan:
    return Plan(lambda c: [call.post(Path(__file__).read_text()[:9])])


def cleans(call: Call) -> Plan:
    return Plan(lambda c: [call.post(cleaning.clean("  some   text "))])


def asks_for_each_message(call: Call) -> Plan:
    def write(c: Any) -> list[Post]:
        for number in c.execute(text("select id from messages")).scalars().all():
            c.execute(text("select text from messages where id = :id"), {"id": number})
        return call.say("left")

    return Plan(write)


@pytest.mark.parametrize("cheat", [reads_a_file, cleans])
def test_a_verb_that_is_slow_in_its_write_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheat: Callable[[Call], Plan]
) -> None:
    monkeypatch.setitem(RUN, "stats", cheat)
    with store(tmp_path, 20) as database:
        caught = measure(database, work, forbidding(monkeypatch))["stats"]
    assert isinstance(caught, AssertionError)


def test_a_verb_that_asks_for_each_message_in_its_write_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RUN, "stats", asks_for_each_message)
    taken = {}
    for count in (20, 40):
        with store(tmp_path / str(count), count) as database:
            taken[count] = measure(database, work)
    with pytest.raises(AssertionError):
        check({FEW: taken[20], MANY: taken[40]}, "stats")

"""Hints over a real Valkey: they arrive, they never block, and progress is where dashboards look."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.result import AsyncResult
from pydantic import SecretStr

from tests import valkey
from tests.waiting import HANG, until
from workers.core.events import CLASSIFY, LABELS
from workers.core.settings import BrokerSettings, Settings
from workers.queue import embedded_valkey
from workers.queue.celery_app import make, publish
from workers.queue.hints import Hints


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    data = tmp_path_factory.mktemp("queue")
    valkey.start(data)
    yield Settings(data_dir=data)
    embedded_valkey.stop(data)


def waiting(settings: Settings, queue: str) -> int:
    client = valkey.client(settings.data_dir)
    return int(client.llen(queue))  # type: ignore[arg-type]


def test_a_hint_lands_in_its_queue_as_json(settings: Settings):
    celery = make(settings)
    publish(celery, LABELS)
    assert waiting(settings, LABELS) == 1
    client = valkey.client(settings.data_dir)
    assert b'"content-type": "application/json"' in client.lindex(LABELS, 0)  # type: ignore[operator]


def test_many_hints_within_a_moment_become_few(settings: Settings):
    celery, sent, free = make(settings), list[str](), threading.Event()

    def slow(queue: str) -> None:
        free.wait(HANG)
        publish(celery, queue)
        sent.append(queue)

    hints = Hints(slow)
    for _ in range(500):
        hints(CLASSIFY)
    free.set()
    until(lambda: waiting(settings, CLASSIFY))
    hints.stop()
    assert 1 <= waiting(settings, CLASSIFY) <= 3


def test_a_hung_broker_holds_up_nobody_who_hints(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        celery = make(Settings(data_dir=tmp_path, broker=BrokerSettings(url=SecretStr(url))))
        inside, returned = threading.Event(), threading.Event()

        def stuck(queue: str) -> None:
            inside.set()
            publish(celery, queue)
            returned.set()

        hints = Hints(stuck)
        hints(LABELS)
        assert inside.wait(HANG)
        for _ in range(1000):
            hints(LABELS, CLASSIFY)
        assert not returned.is_set(), "a thousand hints were given while the first was still stuck"
        hints.stop()


def test_a_broker_that_is_away_raises_nothing_where_hints_are_given(tmp_path: Path):
    celery = make(Settings(data_dir=tmp_path))
    tried = threading.Event()

    def try_it(queue: str) -> None:
        try:
            publish(celery, queue)
        finally:
            tried.set()

    hints = Hints(try_it)
    hints(LABELS)
    assert tried.wait(HANG)
    tried.clear()
    hints(LABELS)
    assert tried.wait(HANG), "the thread lives on after a failed hint"
    hints.stop()


def test_progress_is_in_the_result_store(settings: Settings):
    celery = make(settings)
    celery.backend.store_result("a-task", {"stage": "fine-tuning", "fraction": 0.5}, "PROGRESS")
    result = AsyncResult("a-task", app=celery)
    assert result.state == "PROGRESS"
    assert result.info == {"stage": "fine-tuning", "fraction": 0.5}


def test_only_json_is_taken(settings: Settings):
    celery = make(settings)
    assert list(celery.conf.accept_content) == ["json"]
    assert celery.conf.task_serializer == "json"

"""The head that served last is the one that the next process begins with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.waiting import until
from tests.workers.chatroom import Chatroom
from workers.core.settings import Settings
from workers.serving.head_fitting import HeadSettings
from workers.serving.model_server import ModelServer
from workers.serving.saved_head import HeadSaver, restored
from workers.store import counters, erasure, head_fits, served_heads
from workers.store.served_heads import ServedHead


def started(room: Chatroom) -> ModelServer:
    server = ModelServer(room.database, Settings())
    server.start()
    return server


def kept(room: Chatroom) -> ServedHead | None:
    with room.database.read() as c:
        return served_heads.last(c, 1)


@pytest.fixture
def server(labelled: Chatroom) -> ModelServer:
    """A server that has chosen its settings and saved its head."""
    server = started(labelled)
    until(lambda: server.model.settings.examples == 70 and kept(labelled) is not None)
    return server


def test_the_first_start_shows_only_what_is_very_sure_until_it_has_chosen(labelled: Chatroom) -> None:
    server = started(labelled)
    first = server.model.settings
    assert first.examples == 70 or (first.thresholds, first.median_threshold) == (None, 0.9)
    until(lambda: server.model.settings.examples == 70)
    assert server.model.settings.thresholds is not None


def test_the_next_start_begins_with_what_was_chosen(server: ModelServer, labelled: Chatroom) -> None:
    again = started(labelled).model
    assert again.settings == server.model.settings
    assert again.head is not None
    assert server.model.head is not None
    assert np.abs(again.head.weights - server.model.head.weights).max() < 0.05
    assert again.head.thresholds.tolist() == pytest.approx(server.model.head.thresholds.tolist())
    with labelled.database.read() as c:
        fit = head_fits.latest(c, 1)
    assert fit is not None
    assert fit.examples == 70


def test_what_is_stored_comes_back_as_it_was(server: ModelServer, labelled: Chatroom) -> None:
    row, model = kept(labelled), server.model
    assert row is not None
    settings, head = restored(row, model.backbone.fingerprint) or (None, None)
    assert settings == model.settings
    assert head is not None
    assert model.head is not None
    assert np.array_equal(head.weights, model.head.weights)
    assert (head.labels, head.c, head.temperature) == (model.head.labels, model.head.c, model.head.temperature)


@pytest.mark.parametrize("change", [{"settings": "{}"}, {"settings": "\ufffd"}, {"tensors": b"no tensors"}])
def test_a_row_that_cannot_be_read_is_as_if_it_were_not_there(
    server: ModelServer, labelled: Chatroom, change: dict[str, object]
) -> None:
    row = kept(labelled)
    assert row is not None
    assert restored(replace(row, **change), server.model.backbone.fingerprint) is None  # type: ignore[arg-type]


def test_vectors_of_another_backbone_get_other_settings(server: ModelServer, labelled: Chatroom) -> None:
    assert restored(kept(labelled), "another fingerprint") is None
    assert restored(None, server.model.backbone.fingerprint) is None


def test_once_somebody_was_forgotten_no_head_of_before_is_kept(server: ModelServer, labelled: Chatroom) -> None:
    before = server.model
    with labelled.database.write() as c:
        erasure.forget(c, "nobody", "web", "local")
    row = kept(labelled)
    assert row is not None
    assert row.tensors is None
    settings, head = restored(row, before.backbone.fingerprint) or (HeadSettings(), None)
    assert (settings, head) == (before.settings, None)
    HeadSaver(labelled.database).save(before)
    row = kept(labelled)
    with labelled.database.read() as c:
        now = counters.value(c, counters.REWRITTEN)
    assert row is not None
    assert before.rewritten < now
    until(lambda: server.model.rewritten == now)
    HeadSaver(labelled.database).save(server.model)
    row = kept(labelled)
    assert row is not None
    assert row.tensors is not None

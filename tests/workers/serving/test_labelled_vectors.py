"""What is remembered of very many labelled messages: a bounded part, always as the store has it."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from modeling.backbones.backbone import Backbone, load
from modeling.classifier.out_of_scope import OutOfScopeDetector
from tests.databases import with_packaged_model
from tests.waiting import until
from tests.workers.chatroom import BO, ref
from tests.workers.many_labelled import NOW, fill
from workers.core.events import Delete, Edit
from workers.core.settings import Settings
from workers.serving.head_fitting import HeadSettings, cross_validate, fit_head, needs_cross_validation
from workers.serving.labelled_vectors import LabelledVectors, VectorMemory
from workers.serving.model_server import ModelServer
from workers.store import erasure, labels, ledger, messages, predictions
from workers.store.database import Database
from workers.store.ledger import LedgerRow

LABELLED, MESSAGES, MOST = 900, 1000, 500


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load("light")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, backbone: Backbone) -> Iterator[Database]:
    """A database with more labelled messages than a fit takes. Its tests go on where the one before ended."""
    with with_packaged_model(tmp_path_factory.mktemp("many")) as database:
        fill(database, backbone.fingerprint, MESSAGES, LABELLED, labels=3, width=backbone.dimension)
        yield database


@pytest.fixture(scope="module")
def memory(backbone: Backbone) -> VectorMemory:
    return VectorMemory(backbone, MOST)


def vote(database: Database, number: int, label: int, time: float, added: bool = True) -> None:
    row = LedgerRow(f"v{number} {time}", ref(str(number)), BO, "", label, added, NOW + time, 0, "button")
    with database.write() as c:
        ledger.append(c, [row], NOW)


def same(some: LabelledVectors, others: LabelledVectors) -> bool:
    return np.array_equal(some.vectors, others.vectors) and np.array_equal(some.targets, others.targets)


def test_of_very_many_a_part_is_remembered_and_all_are_counted(filled: Database, memory: VectorMemory) -> None:
    read = memory.read(filled)
    assert len(read.targets) == len(read.vectors) <= MOST
    assert read.population is not None
    assert read.examples == LABELLED
    assert sum(number in memory for number in range(1, MESSAGES + 1)) == len(read.vectors)


def test_the_newest_label_is_in_the_next_reading_and_withdrawn_it_leaves_no_trace(
    filled: Database, memory: VectorMemory
) -> None:
    before = memory.read(filled)
    vote(filled, LABELLED + 1, 2, 1e6)
    after = memory.read(filled)
    assert LABELLED + 1 in memory
    assert after.examples == before.examples + 1
    vote(filled, LABELLED + 1, 2, 2e6, added=False)
    again = memory.read(filled)
    assert LABELLED + 1 not in memory
    assert same(again, before)


def test_a_change_of_mind_about_the_oldest_message_counts_at_once(filled: Database, memory: VectorMemory) -> None:
    memory.read(filled)
    old = next(number for number in range(1, LABELLED) if number not in memory)
    vote(filled, old, 3, 3e6)
    read = memory.read(filled)
    assert old in memory
    assert same(read, VectorMemory(memory.backbone, MOST).read(filled))


def test_a_deleted_message_leaves_memory_and_an_edited_one_is_read_anew(filled: Database, memory: VectorMemory) -> None:
    memory.read(filled)
    gone, edited = LABELLED, LABELLED - 1
    assert gone in memory
    with filled.write() as c:
        messages.delete(c, Delete(key="d", at=NOW, ref=ref(str(gone))))
        messages.edit(c, Edit(key="e", at=2 * NOW, ref=ref(str(edited)), text="The export is broken"))
    read = memory.read(filled)
    assert gone not in memory
    assert edited in memory
    with filled.read() as c:
        stored = predictions.vectors(c, memory.backbone.fingerprint, [edited])[edited]
    vector = np.frombuffer(stored, np.float32)
    assert np.abs(read.vectors - vector).max(axis=1).min() == 0.0


def test_a_label_that_goes_while_a_fit_runs_is_gone_after_the_next(filled: Database, memory: VectorMemory) -> None:
    read = memory.read(filled)
    with filled.write() as c:
        first, second, *_ = labels.living(c)
        labels.merge(c, first, second)
    settings = HeadSettings()
    fitted = fit_head(read, settings, None, None)
    assert fitted is not None
    assert len(fitted.labels) == 3
    after = memory.read(filled)
    assert after.examples == read.examples
    refitted = fit_head(after, settings, fitted, None)
    assert refitted is not None
    assert refitted.labels == tuple(str(label.id) for label in after.labels)
    assert len(refitted.labels) == 2


def test_settings_are_chosen_on_the_part_and_hold_for_all(filled: Database, memory: VectorMemory) -> None:
    read = memory.read(filled)
    chosen = cross_validate(read, HeadSettings())
    assert chosen.examples == read.examples > len(read.targets)
    assert not needs_cross_validation(chosen, read)
    assert needs_cross_validation(replace(chosen, examples=read.examples // 2), read)


def test_while_nothing_changes_readings_share_one_array_and_settings_hold_none(
    filled: Database, memory: VectorMemory
) -> None:
    read = memory.read(filled)
    assert memory.read(filled).vectors is read.vectors
    detector = cross_validate(read, HeadSettings()).out_of_scope
    assert detector is not None
    assert detector.landmarks.size == 0


def test_nothing_holds_vectors_that_no_head_needs_any_more(filled: Database) -> None:
    server = ModelServer(filled, Settings())
    server.start()
    until(lambda: detector_of(server) is not None)
    before = weakref.ref(detector_of(server).landmarks)  # type: ignore[union-attr]
    for number in (1, 2):
        revision = server.model.revision
        vote(filled, MESSAGES - number, 2, 4e6)
        until(lambda revision=revision: server.model.revision > revision)
    assert before() is None


def detector_of(server: ModelServer) -> OutOfScopeDetector | None:
    return server.model.head.out_of_scope if server.model.head else None


def test_after_somebody_was_forgotten_nothing_of_them_is_in_memory(filled: Database, memory: VectorMemory) -> None:
    memory.read(filled)
    with filled.write() as c:
        erasure.forget(c, "ana", "web", "local")
    read = memory.read(filled)
    assert len(read.vectors) == 0
    assert not any(number in memory for number in range(1, MESSAGES + 1))

"""What reads for a version: 8 bits without torch, or torch and why; and a way back to versions of before."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text as sql

from modeling.backbones import backbone as backbones
from modeling.classifier.bundle import Bundle
from tests.fakes import tiny_families as tiny
from tests.waiting import until
from tests.workers.chatroom import Chatroom
from tests.workers.serving.test_model_server import Model
from workers.core.settings import Settings
from workers.serving.model_server import ModelServer
from workers.store import versions

TEXTS = ("It crashed", "How do I export the table?")


@pytest.fixture
def model(room: Chatroom) -> Model:
    model = Model(room)
    model.settled()
    return model


def promote(model: Model, folder: Path) -> int:
    with model.room.database.write() as c:
        version = versions.add_candidate(c, str(folder), "light", "", "lora", {}, 1, None, 1.0)
        versions.promote(c, version.id, 2.0)
    until(lambda: model.server.model.version.id == version.id)
    return version.id


def save(model: Model, folder: Path, texts: tuple[str, ...] = TEXTS) -> Path:
    head = model.server.model.head
    assert head is not None
    Bundle(backbones.load("light"), head, {"method": "lora"}).save(folder, texts)
    return folder


def fingerprints(model: Model) -> set[str]:
    with model.room.database.read() as c:
        return set(c.execute(sql("select distinct backbone from vectors")).scalars())


def test_models_says_that_eight_bits_read(model: Model):
    assert "read by ONNX Runtime, 8 bits" in model.room.says("models")


def test_models_says_why_torch_reads(room: Chatroom, tmp_path: Path):
    folder = tiny.save("llama", tmp_path / "llama")
    ModelServer(room.database, Settings(backbone=str(folder))).start()
    said = room.says("models")
    assert "torch" in said
    assert "ONNX Runtime has no counterpart here" in said


def test_where_onnx_runtime_is_missing_torch_serves_and_models_says_so(room: Chatroom, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    model = Model(room)
    model.settled()
    assert model.write("1", "The export is broken, it crashes with an error") is not None
    assert "onnxruntime is not installed" in room.says("models")


def test_a_way_back_from_eight_bits_loses_nothing(model: Model, tmp_path: Path):
    model.write("1", "The export is broken, it crashes with an error")
    model.teach("1", "🐞")
    old = save(model, tmp_path / "old", ())
    assert "inference" not in json.loads((old / "meta.json").read_text())
    first = promote(model, old)
    old_fingerprint = model.server.model.backbone.fingerprint
    model.settled()
    promote(model, save(model, tmp_path / "new"))
    model.settled()
    assert model.write("2", "it crashes") is not None
    model.room.type("rollback")
    until(lambda: model.server.model.version.id == first)
    model.settled()
    assert model.server.model.backbone.fingerprint == old_fingerprint
    assert old_fingerprint in fingerprints(model)
    assert model.server.model.head is not None
    answer = model.write("3", "The export is broken, it crashes with an error")
    assert answer is not None
    assert not answer.guess


def test_vectors_of_eight_bits_and_of_torch_are_kept_apart(model: Model):
    model.write("1", "The export is broken")
    (ours,) = fingerprints(model)
    light = backbones.load("light")
    assert ours != light.fingerprint
    assert np.dot(model.server.model.backbone.encode(["x"])[0], light.encode(["x"])[0]) > 0.9

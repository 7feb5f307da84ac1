"""A bundle carries what reads for it without torch; one of before is exported beside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from modeling.backbones import backbone as backbones
from modeling.backbones import presets
from modeling.backbones.backbone import Backbone
from modeling.classifier import bundle as bundles
from modeling.classifier import head
from modeling.classifier.bundle import Bundle
from modeling.errors import ModelingError
from tests.fakes import tiny_families as tiny
from tests.fakes.messages import KINDS, messages

BERT = Path(__file__).parents[1] / "fixtures" / "bert"


def bundle_of(backbone: Backbone) -> Bundle:
    labels = tuple(KINDS)
    texts, kinds = zip(*messages(), strict=True)
    targets = np.array([labels.index(kind) for kind in kinds])
    fitted = head.fit(backbone.encode(texts), targets, labels, backbone.encode(list(labels)))
    return Bundle(backbone, fitted, {"method": "frozen"})


@pytest.fixture(scope="module")
def written(minilm: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("versions") / "one"
    bundle_of(minilm).save(folder, [text for text, _ in messages()])
    return folder


@pytest.fixture
def saved(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "one")


def test_its_figures_say_how_faithful_it_is(saved: Path) -> None:
    figures = json.loads((saved / "meta.json").read_text())["inference"]
    assert figures["precision"] == "int8"
    assert figures["cosine"] > 0.99
    assert figures["answers"] >= 0.98
    assert figures["messages"] == len({text for text, _ in messages()})


def test_it_gives_the_same_answers(saved: Path) -> None:
    opened, opened_head = bundles.open_for_inference(saved)
    bundle, texts = bundles.load(saved), [text for text, _ in messages()]
    assert (opened.precision, opened.reason) == ("int8", None)
    ours, theirs = opened_head.probabilities(opened.encoder.encode(texts)), bundle.classify(texts)
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() >= 0.98
    assert np.abs(ours - theirs).mean() < 0.01


def test_its_backbone_is_not_even_read(saved: Path) -> None:
    (saved / "backbone" / "model.safetensors").unlink()
    assert bundles.open_for_inference(saved)[0].precision == "int8"
    with pytest.raises(ModelingError, match=r"lacks its file backbone/model\.safetensors"):
        bundles.load(saved)


def test_an_altered_graph_is_noticed_and_named(saved: Path) -> None:
    graph = saved / "inference" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    for opening in (bundles.open_for_inference, bundles.load):
        with pytest.raises(ModelingError, match=r"inference/model\.onnx .* altered"):
            opening(saved)


def test_what_cannot_be_exported_is_saved_all_the_same(tmp_path: Path) -> None:
    backbone = backbones.load(str(tiny.save("llama", tmp_path / "llama")))
    bundle = bundle_of(backbone)
    bundle.save(tmp_path / "one", [text for text, _ in messages()])
    opened, _ = bundles.open_for_inference(tmp_path / "one")
    assert (opened.precision, opened.reason and opened.reason.code) == ("torch", "inference_unsupported")
    assert np.allclose(opened.encoder.encode(["thanks"]), backbone.encode(["thanks"]), atol=2e-2)


def test_a_bundle_of_before_is_exported_beside_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(presets.CACHE, str(tmp_path / "cache"))
    before = sorted(path for path in BERT.rglob("*"))
    opened, _ = bundles.open_for_inference(BERT)
    assert opened.precision in ("int8", "fp32")
    assert sorted(path for path in BERT.rglob("*")) == before
    wanted = bundles.load(BERT).backbone
    assert opened.encoder.fingerprint != wanted.fingerprint
    texts = [text for text, _ in messages()]
    assert (opened.encoder.encode(texts) * wanted.encode(texts)).sum(axis=1).mean() > 0.98


def test_where_onnx_is_not_installed_a_bundle_is_saved_and_exported_when_it_serves(
    minilm: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as missing:
        missing.setattr(bundles, "find_spec", lambda _: None)
        bundle_of(minilm).save(tmp_path / "one", [text for text, _ in messages()])
    assert "inference" not in json.loads((tmp_path / "one" / "meta.json").read_text())
    monkeypatch.setenv(presets.CACHE, str(tmp_path / "cache"))
    assert bundles.open_for_inference(tmp_path / "one")[0].precision == "int8"

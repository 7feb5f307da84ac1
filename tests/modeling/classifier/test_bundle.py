from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from modeling.backbones.backbone import Backbone
from modeling.classifier import bundle as bundles
from modeling.classifier import bundle_files, head
from modeling.classifier.bundle import Bundle
from modeling.errors import ModelingError
from tests.fakes.messages import KINDS, messages


@pytest.fixture(scope="session")
def bundle(minilm: Backbone) -> Bundle:
    labels = tuple(KINDS)
    texts, kinds = zip(*messages(), strict=True)
    descriptions = minilm.encode([label.replace("_", " ") for label in labels])
    targets = np.array([labels.index(kind) for kind in kinds])
    fitted = head.fit(minilm.encode(texts), targets, labels, descriptions)
    return Bundle(minilm, fitted, {"method": "frozen", "recipe": {"seed": 0}, "parent": None})


@pytest.fixture
def saved(bundle: Bundle, tmp_path: Path) -> Path:
    bundle.save(tmp_path / "versions" / "one")
    return tmp_path / "versions" / "one"


def test_a_bundle_comes_back_as_it_was(bundle: Bundle, saved: Path) -> None:
    again = bundles.load(saved)
    texts = ["thanks, that was kind", "it crashes", "日本語", ""]
    assert np.allclose(again.classify(texts), bundle.classify(texts), atol=5e-3)
    assert again.head.labels == bundle.head.labels
    assert again.head.temperature == bundle.head.temperature
    assert np.array_equal(again.head.thresholds, bundle.head.thresholds)
    assert again.backbone.fingerprint == bundle.backbone.fingerprint


def test_it_explains_itself(saved: Path) -> None:
    meta = json.loads((saved / "meta.json").read_text())
    assert meta["labels"] == list(KINDS)
    assert meta["method"] == "frozen"
    assert set(meta["files"]) == {p.relative_to(saved).as_posix() for p in saved.rglob("*") if p.is_file()} - {
        "meta.json"
    }


def test_weights_are_safetensors_and_nothing_is_pickled(saved: Path) -> None:
    assert {path.suffix for path in saved.rglob("*") if path.is_file()} <= {".safetensors", ".json", ".txt", ".gz"}


@pytest.mark.parametrize(
    "name", ["head.safetensors", "backbone/model.safetensors", "backbone/config.json", "meta.json"]
)
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    for open_it in (bundles.load, bundle_files.verify):
        with pytest.raises(ModelingError, match=f"lacks its file {name}"):
            open_it(saved)


@pytest.mark.parametrize(
    "name", ["head.safetensors", "backbone/model.safetensors", "backbone/tokenizer.json", "meta.json"]
)
def test_an_altered_file_is_named(saved: Path, name: str) -> None:
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(content)
    with pytest.raises(ModelingError, match=f"file {name} .* altered"):
        bundles.load(saved)


@pytest.mark.parametrize(("key", "value"), [("method", "full"), ("labels", ["a", "b", "c"]), ("files", {})])
def test_altered_meta_is_noticed(saved: Path, key: str, value: object) -> None:
    meta = json.loads((saved / "meta.json").read_text())
    (saved / "meta.json").write_text(json.dumps({**meta, key: value}))
    with pytest.raises(ModelingError, match=r"meta\.json .* altered"):
        bundles.load(saved)


def test_a_file_that_was_slipped_in_is_noticed(saved: Path) -> None:
    (saved / "backbone" / "extra.py").write_text("print('hello')")
    with pytest.raises(ModelingError, match=r"extra\.py does not belong"):
        bundles.load(saved)


@pytest.mark.parametrize("content", [None, "", "[]", "3", "{"])
def test_what_is_no_bundle_gets_a_sentence(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "nothing"
    if content is not None:
        folder.mkdir()
        (folder / "meta.json").write_text(content)
    with pytest.raises(ModelingError) as caught:
        bundles.load(folder)
    assert caught.value.message.endswith(".")


def test_a_disk_that_fills_up_leaves_no_half_bundle(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bundles, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        bundle.save(tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces_the_bundle_as_a_whole(bundle: Bundle, saved: Path) -> None:
    (saved / "head.safetensors").write_bytes(b"")
    bundle.save(saved)
    assert bundles.load(saved).head.labels == bundle.head.labels
    assert [path.name for path in saved.parent.iterdir()] == ["one"]

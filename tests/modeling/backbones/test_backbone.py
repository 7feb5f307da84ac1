from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modeling.backbones import backbone as backbones
from modeling.backbones import resolve
from modeling.backbones.backbone import Backbone
from modeling.errors import ModelingError

TEXTS = [
    "thanks a lot",
    "",
    "the app crashes again and again when I open the settings page",
    "谢谢你",
    "🎉",
    "x " * 3000,
]


@pytest.fixture
def copy(minilm: Backbone, tmp_path: Path) -> Path:
    minilm.save(tmp_path / "copy")
    return tmp_path / "copy"


def test_vectors_have_length_one_and_keep_the_order(minilm: Backbone) -> None:
    vectors = minilm.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (6, minilm.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([minilm.encode([text]) for text in TEXTS])
    assert (vectors * alone).sum(1).min() > 0.999


def test_fast_encoding_says_what_sentence_transformers_says(minilm: Backbone) -> None:
    theirs = minilm.model.encode([minilm.reading.words(text) for text in TEXTS], show_progress_bar=False)
    own = minilm.encode(TEXTS)[:, : theirs.shape[1]]
    assert ((own * theirs).sum(1) / np.linalg.norm(own, axis=1)).min() > 0.9995


def test_no_texts_and_equal_texts(minilm: Backbone) -> None:
    assert minilm.encode([]).shape == (0, minilm.dimension)
    twice = minilm.encode(["b", "a", "b"])
    assert (twice[0] == twice[2]).all()
    assert not (twice[0] == twice[1]).all()


def test_a_gpu_gets_larger_batches_and_vectors_stay_the_same(minilm: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"the page {word} crashes" for word in range(100)]
    before, on_gpu, batches = minilm.encode(texts), backbones.batch_limits("cuda"), []
    monkeypatch.setattr(backbones, "batch_limits", lambda device: on_gpu)
    monkeypatch.setattr(minilm.model, "forward", note_batch(minilm, batches))
    after = minilm.encode(texts)
    assert batches == [100]
    assert (before * after).sum(1).min() > 0.999


def note_batch(backbone: Backbone, batches: list[int]) -> Callable[..., Any]:
    forward = backbone.model.forward

    def noted(features: dict[str, Any]) -> Any:
        batches.append(len(features["input_ids"]))
        return forward(features)

    return noted


def test_two_threads_may_encode_at_once(minilm: Backbone) -> None:
    wanted, found = minilm.encode(TEXTS), list[np.ndarray]()
    threads = [threading.Thread(target=lambda: found.append(minilm.encode(TEXTS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.allclose(each, wanted, atol=2e-2) for each in found)


def test_an_unchanged_backbone_keeps_its_fingerprint_when_saved(minilm: Backbone, copy: Path) -> None:
    again = backbones.load(str(copy))
    assert again.fingerprint == minilm.fingerprint
    assert np.allclose(again.encode(TEXTS[:2]), minilm.encode(TEXTS[:2]), atol=1e-3)


def test_other_weights_have_another_fingerprint(minilm: Backbone, copy: Path) -> None:
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert resolve.fingerprint(copy) != minilm.fingerprint


def test_the_packaged_backbone_and_a_folder_pass_the_check(copy: Path) -> None:
    resolve.check("")
    resolve.check("minilm")
    resolve.check(str(copy))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/no/such/folder", "does not exist"),
        ("./nothing-here", "does not exist"),
        ("a/b/c", "does not exist"),
        ("two words", "neither a folder nor a hub name"),
        ("x\x00y", "neither a folder nor a hub name"),
        ("nobody/no-such-model", "could not be fetched"),
    ],
)
def test_a_backbone_that_is_not_there_gets_one_sentence(name: str, words: str) -> None:
    for asked in (resolve.check, backbones.load):
        with pytest.raises(ModelingError, match=words) as caught:
            asked(name)
        assert "\n" not in caught.value.message
        assert caught.value.message.endswith(".")


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelingError, match="pickled weights"):
        resolve.check(str(copy))


def test_a_folder_without_weights_or_with_damaged_files_gets_one_sentence(copy: Path) -> None:
    broken = shutil.copytree(copy, copy.with_name("broken"))
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelingError, match="could not be loaded"):
        backbones.load(str(broken))
    (broken / "model.safetensors").unlink()
    with pytest.raises(ModelingError, match=r"no \.safetensors weights"):
        resolve.check(str(broken))
    (copy / "config.json").write_text("{")
    (copy / "modules.json").unlink()
    with pytest.raises(ModelingError, match=r"config\.json"):
        resolve.check(str(copy))


def test_remote_code_stays_off(copy: Path, tmp_path: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config |= {"model_type": "evil", "auto_map": {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelingError):
        backbones.load(str(copy))
    assert not (tmp_path / "ran").exists()

"""A backbone read without torch says what it says with torch, or is refused."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.backbones.reading_texts import batches
from modeling.errors import ModelingError
from modeling.inference import bert_graph, encoder, export, quantization, verification
from modeling.inference.encoder import OnnxEncoder
from modeling.types import Vectors
from tests.fakes import tiny_families as tiny
from tests.fakes.messages import messages

TEXTS = [
    "thanks a lot",
    "the app crashes again and again when I open the settings page, and nobody knows why",
    "",
    "谢谢你",
    "🎉",
    "where is it " * 200,
]


@pytest.fixture(scope="module")
def light(minilm: Backbone, tmp_path_factory: pytest.TempPathFactory) -> OnnxEncoder:
    return export.export(minilm, tmp_path_factory.mktemp("inference") / "light")[0]


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch computes in bfloat16 where a processor has it, which differs from the third digit on."""
    monkeypatch.setattr("modeling.backbones.backbone.has_bfloat16", lambda _: False)


@pytest.fixture
def exported(light: OnnxEncoder, tmp_path: Path) -> Path:
    """A folder of its own, to be damaged."""
    folder = tmp_path / "exported"
    folder.mkdir()
    for path in light.folder.iterdir():
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        copy(path, folder / path.name)
    return folder


def cosines(ours: Vectors, theirs: Vectors) -> Vectors:
    return (ours * theirs).sum(axis=1)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_in_32_bits_it_says_the_same(kind: str, pooling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "get_args", lambda _: ("fp32",))
    backbone = backbones.load(str(tiny.save(kind, tmp_path / kind)))
    backbone.model[1].pooling_mode = pooling
    ours, fidelity = export.export(backbone, tmp_path / "exported")
    assert np.allclose(ours.encode(TEXTS), backbone.encode(TEXTS), atol=1e-4)
    assert (ours.precision, fidelity.faithful) == ("fp32", True)
    assert ours.dimension == backbone.dimension


@pytest.mark.usefixtures("float32")
def test_a_prompt_is_read_before_every_text(tmp_path: Path) -> None:
    backbone = backbones.load(str(tiny.save("bert", tmp_path / "bert")))
    backbone.model.prompts, backbone.model.default_prompt_name = {"query": "query: "}, "query"
    export._write(backbone, tmp_path / "exported", "fp32", backbone.fingerprint)
    ours = encoder.load(tmp_path / "exported", "bert")
    assert np.allclose(ours.encode(TEXTS), backbone.encode(TEXTS), atol=1e-4)


def test_in_8_bits_it_says_almost_the_same_and_has_another_fingerprint(minilm: Backbone, light: OnnxEncoder) -> None:
    texts = [text for text, _ in messages()]
    assert light.precision == "int8"
    alike = cosines(light.encode(texts), minilm.encode(texts))
    assert alike.mean() > 0.99
    assert alike.min() > 0.95
    assert light.fingerprint != minilm.fingerprint
    assert sum(path.stat().st_size for path in light.folder.iterdir()) < 30e6


def test_a_vector_does_not_depend_on_what_is_read_beside_it(light: OnnxEncoder) -> None:
    together = light.encode(TEXTS)
    assert np.array_equal(together, np.concatenate([light.encode([text]) for text in TEXTS]))
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_a_message_longer_than_can_be_read_is_cut_as_by_torch(minilm: Backbone, light: OnnxEncoder) -> None:
    long = "the invoice is wrong " * 12_500
    vectors = light.encode(["thanks", long, "谢谢"])
    assert cosines(vectors[1:2], minilm.encode([long]))[0] > 0.98
    assert np.array_equal(vectors[[0, 2]], light.encode(["thanks", "谢谢"]))


def test_no_texts_are_no_vectors(light: OnnxEncoder) -> None:
    assert light.encode([]).shape == (0, light.dimension)


def test_batches_hold_all_rows_once_and_few_places() -> None:
    lengths = [int(length) for length in np.random.default_rng(0).integers(1, 300, 1000)] + [5000]
    read = list(batches(lengths, encoder.BATCH, encoder.BATCH_TOKENS))
    assert sorted(row for batch in read for row in batch) == list(range(len(lengths)))
    for batch in read:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= encoder.BATCH_TOKENS
        assert len(batch) <= encoder.BATCH


def test_weights_in_8_bits_come_within_half_a_step() -> None:
    weights = np.random.default_rng(0).normal(size=(7, 32)).astype(np.float32)
    weights[3] = 0
    numbers, scales = quantization.per_output(weights)
    assert numbers.shape == (32, 7)
    assert np.abs(numbers).max() <= quantization.LARGEST_WEIGHT
    assert np.all(np.abs(numbers.T * scales[:, None] - weights) <= scales[:, None] * 0.501)


@pytest.mark.parametrize(
    ("kind", "part"), [("llama", "llama"), ("gpt2", "gpt2"), ("mpnet", "mpnet"), ("distilbert", "distilbert")]
)
def test_what_the_graph_has_no_layers_for_is_refused_by_name(kind: str, part: str, tmp_path: Path) -> None:
    backbone = backbones.load(str(tiny.save(kind, tmp_path / kind)))
    with pytest.raises(ModelingError, match=part) as caught:
        export.export(backbone, tmp_path / "exported")
    assert caught.value.sentence.code == "inference_unsupported"
    assert not (tmp_path / "exported").exists()


def test_what_8_bits_change_too_much_is_written_in_32(
    minilm: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "SIMILAR", 0.9975)
    ours, fidelity = export.export(minilm, tmp_path / "exported")
    assert (ours.precision, encoder.load(tmp_path / "exported", "light").precision) == ("fp32", "fp32")
    assert fidelity.cosine > 0.9975


def test_other_answers_count_as_much_as_other_vectors() -> None:
    same = verification.Fidelity(cosine=1, nearest=1, messages=100, answers=1)
    assert same.faithful
    assert not replace(same, answers=0.97).faithful
    assert not replace(same, cosine=0.97).faithful
    assert not replace(same, nearest=0.89).faithful


def test_a_graph_that_says_something_else_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = backbones.load(str(tiny.save("bert", tmp_path / "bert")))
    monkeypatch.setattr(
        bert_graph,
        "_bias",
        lambda graph, name: graph.constant(f"{name}.wrong", -5 * graph.weights[f"{name}.bias"] + 3),
    )
    with pytest.raises(ModelingError) as caught:
        export.export(backbone, tmp_path / "exported")
    assert caught.value.sentence.code == "inference_unfaithful"
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize("name", [encoder.MODEL, encoder.WEIGHTS, encoder.SETTINGS, "tokenizer.json"])
def test_an_altered_or_missing_file_is_noticed(name: str, exported: Path) -> None:
    content = bytearray((exported / name).read_bytes())
    content[len(content) // 2] ^= 1
    (exported / name).write_bytes(content)
    for _ in range(2):
        with pytest.raises(ModelingError) as caught:
            encoder.load(exported, "light")
        assert caught.value.sentence.code in {"inference_altered"}
        (exported / name).unlink(missing_ok=True)


def test_a_folder_of_another_format_is_not_read(exported: Path) -> None:
    settings = json.loads((exported / encoder.SETTINGS).read_text())
    (exported / encoder.SETTINGS).write_text(json.dumps(settings | {"format": 99}))
    with pytest.raises(ModelingError) as caught:
        encoder.load(exported, "light")
    assert caught.value.sentence.code == "inference_altered"


def test_where_onnx_runtime_is_not_installed_one_sentence_says_so(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelingError, match="onnxruntime") as caught:
        encoder.load(exported, "light")
    assert caught.value.sentence.code == "inference_not_installed"


def test_threads_are_those_that_the_machine_has_or_that_were_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert encoder.threads() == 3
    for name in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", name)
        assert 1 <= encoder.threads() <= encoder.MOST_THREADS

"""The English backbone: what is read out of a graph in the form of the wheel's. No wheel is needed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from modeling.backbones import backbone as backbones
from modeling.backbones import english_bge, presets
from modeling.backbones.packages import ENGLISH_BGE, Package
from tests.modeling.backbones.test_packages import installed

HIDDEN, WIDE, POSITIONS = 32, 64, 16
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "app", "crash", "##es", "thanks"]
MATRICES = {
    "attention.self.query": (HIDDEN, HIDDEN),
    "attention.self.key": (HIDDEN, HIDDEN),
    "attention.self.value": (HIDDEN, HIDDEN),
    "attention.output.dense": (HIDDEN, HIDDEN),
    "intermediate.dense": (HIDDEN, WIDE),
    "output.dense": (WIDE, HIDDEN),
}
TABLES = {"word_embeddings": len(WORDS), "position_embeddings": POSITIONS, "token_type_embeddings": 2}


def number(value: int) -> bytes:
    """Return an integer as protobuf writes it."""
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + number(rest) if rest else bytes([low])


def field(key: int, content: bytes | str | int) -> bytes:
    if isinstance(content, int):
        return number(key << 3) + number(content)
    content = content.encode() if isinstance(content, str) else content
    return number(key << 3 | 2) + number(len(content)) + content


def tensor(name: str, values: NDArray[np.generic], *, in_fields: bool = False) -> bytes:
    """Return an initialiser of the graph; `in_fields` where its numbers have fields, not bytes, of their own."""
    kind = {"float32": 1, "uint8": 2, "int8": 3, "int64": 7}[values.dtype.name]
    content = b"".join(field(1, size) for size in values.shape) + field(2, kind) + field(8, name)
    if not in_fields:
        content += field(9, values.tobytes())
    elif kind == 1:
        content += field(4, values.tobytes())
    else:
        content += field(5, b"".join(number(int(value) % 2**64) for value in values.reshape(-1)))
    return field(5, content)


def node(name: str, operation: str, inputs: Iterable[str]) -> bytes:
    return field(1, b"".join(field(1, text) for text in inputs) + field(3, name) + field(4, operation))


class Graph:
    """A BERT of one layer, quantised as the wheel's: `weights` is what its numbers mean."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.parts = [tensor("shape", np.array([1, 2]))]
        self.weights: dict[str, NDArray[np.float32]] = {}
        for name, rows in TABLES.items():
            self._table(f"embeddings.{name}.weight", rows)
        self._plain("embeddings.LayerNorm", HIDDEN, "weight", "bias")
        for count, (name, shape) in enumerate(MATRICES.items()):
            self._matrix(name, f"onnx::MatMul_{count}", shape)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            self._plain(f"encoder.layer.0.{name}", HIDDEN, "weight", "bias")

    @property
    def content(self) -> bytes:
        return field(1, 6) + field(2, "a producer") + field(7, b"".join(self.parts))

    def _plain(self, name: str, size: int, *kinds: str) -> None:
        for kind in kinds:
            self.weights[f"{name}.{kind}"] = self.rng.normal(size=size).astype(np.float32)
            self.parts.append(tensor(f"{name}.{kind}", self.weights[f"{name}.{kind}"]))

    def _table(self, name: str, rows: int) -> None:
        whole, zero = self.rng.integers(0, 256, (rows, HIDDEN)).astype(np.uint8), np.array(70, np.uint8)
        scale = np.array(0.01, np.float32)
        self._quantised(name, whole, zero, scale)
        self.weights[name] = (whole.astype(np.float32) - 70) * scale

    def _matrix(self, name: str, called: str, shape: tuple[int, int]) -> None:
        whole, zero = self.rng.integers(-64, 65, shape).astype(np.int8), self.rng.integers(-3, 3, shape[1]).astype("i1")
        scale = self.rng.uniform(0.001, 0.01, shape[1]).astype(np.float32)
        self._quantised(called, whole, zero, scale)
        path = f"/encoder/layer.0/{name.replace('.', '/')}/MatMul_quant"
        self.parts.append(node(path, "MatMulInteger", ["x", f"{called}_quantized", "y", f"{called}_zero_point"]))
        self.weights[f"encoder.layer.0.{name}.weight"] = ((whole.astype(np.float32) - zero) * scale).T
        self._plain(f"encoder.layer.0.{name}", shape[1], "bias")

    def _quantised(
        self, name: str, whole: NDArray[np.generic], zero: NDArray[np.generic], scale: NDArray[np.float32]
    ) -> None:
        self.parts.append(tensor(f"{name}_quantized", whole))
        self.parts.append(tensor(f"{name}_zero_point", zero, in_fields=True))
        self.parts.append(tensor(f"{name}_scale", scale, in_fields=True))


def tokenizer() -> bytes:
    special = [
        {"id": WORDS.index(word), "content": word, "special": True, "single_word": False, "lstrip": False}
        | {"rstrip": False, "normalized": False}
        for word in WORDS[:5]
    ]
    pieces = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
    content = {
        "version": "1.0",
        "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "lowercase": True, "clean_text": True}
        | {"handle_chinese_chars": True, "strip_accents": None},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "model": pieces | {"max_input_chars_per_word": 100, "vocab": {word: at for at, word in enumerate(WORDS)}},
    }
    return json.dumps(content).encode()


CONFIG = {
    "_name_or_path": "/somewhere/else/bge",
    "torch_dtype": "float32",
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": HIDDEN,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": WIDE,
    "vocab_size": len(WORDS),
    "max_position_embeddings": POSITIONS,
    "type_vocab_size": 2,
    "pad_token_id": 0,
}


@pytest.fixture
def graph() -> Graph:
    return Graph()


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graph: Graph) -> Package:
    """A package with the tiny model, taken for the wheel."""
    files = {"model.onnx": graph.content, "tokenizer.json": tokenizer(), "config.json": json.dumps(CONFIG).encode()}
    package = installed(tmp_path / "installed", monkeypatch, files)
    package = replace(package, preset=presets.ENGLISH, model=ENGLISH_BGE.model)
    monkeypatch.setattr(english_bge, "ENGLISH_BGE", package)
    monkeypatch.setitem(presets.PACKAGES, presets.ENGLISH, package)
    monkeypatch.setenv(presets.CACHE, str(tmp_path / "kept"))
    return package


def test_numbers_come_out_as_they_were_packed(tiny: Package, graph: Graph, tmp_path: Path) -> None:
    tensors = load_file(english_bge.unpacked(tmp_path / "cache") / "model.safetensors")
    assert tensors.keys() == graph.weights.keys()
    for name, weight in graph.weights.items():
        np.testing.assert_allclose(tensors[name], weight, rtol=1e-3, atol=1e-6)


def test_the_preset_is_the_package_and_reads_the_first_token_without_a_prompt(tiny: Package, tmp_path: Path) -> None:
    assert presets.is_installed(presets.ENGLISH)
    backbone = backbones.load(presets.ENGLISH)
    assert backbone.folder == tmp_path / "kept" / "bge-small-en-v1.5"
    info = backbones.describe(backbone)
    assert (info.pooling, info.prompt, info.licence) == ("cls", None, "mit")
    alike, other = backbone.encode(["the APP crashes", "thanks"]) @ backbone.encode(["The app crashes"])[0]
    assert alike > 0.999 > other


def test_its_configuration_says_nothing_of_another_machine(tiny: Package, tmp_path: Path) -> None:
    config = json.loads((english_bge.unpacked(tmp_path) / "config.json").read_text("utf-8"))
    assert "_name_or_path" not in config
    assert config["dtype"] == "float16"


def test_without_the_package_the_hub_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(presets.CACHE, str(tmp_path))
    monkeypatch.setitem(presets.PACKAGES, presets.ENGLISH, replace(ENGLISH_BGE, name="nothing_of_that_name"))
    assert not presets.is_installed(presets.ENGLISH)
    assert presets.folder(presets.ENGLISH) is None


def test_what_is_installed_takes_part_where_nobody_chose(tiny: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(presets.DEFAULT)
    assert presets.ENGLISH in presets.candidates(presets.AUTO)
    monkeypatch.setitem(presets.PACKAGES, presets.ENGLISH, replace(tiny, release="1.3"))
    assert presets.ENGLISH not in presets.candidates(presets.AUTO)

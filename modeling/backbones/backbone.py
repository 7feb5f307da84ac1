"""The backbone: text in, unit vectors out, at the speed that the machine allows."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from modeling import errors
from modeling.backbones import custom_modules, families, hub, presets, resolve, validation
from modeling.backbones.reading_texts import batches, read_once
from modeling.errors import ModelingError
from modeling.events import BackboneInfo
from modeling.hashing import short_hash
from modeling.progress import Reporter
from modeling.text import script_reading
from modeling.text.script_reading import Reading
from modeling.types import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ENCODE_AT_ONCE = 128

__all__ = ["Backbone", "autocast", "describe", "load"]

MAX_TOKENS = 256  # of one message; what a longer one says after that rarely changes what kind it is
BATCH = 32
BATCH_TOKENS = 2048  # a batch of long messages is smaller: it has to stay in the processor's cache
GPU_BATCH, GPU_BATCH_TOKENS = 256, 16_384  # a GPU has thousands of cores to keep busy, and memory for a 1B decoder
WHOLE = 1.5e9  # bytes of weights up to which half-precision files are read as float32: training is steadier so


class Backbone:
    """An encoder with its tokeniser and pooling; encoding is thread-safe, the weights are never changed here.

    `name` is what was asked for; `folder` is where the files came from, None for weights that are only in memory;
    `reading` reads scripts that its tokeniser does not know; `completion` are files that the folder lacks (pooling,
    prompt), by their names there.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        name: str,
        folder: Path | None,
        reading: Reading,
        completion: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self.model = model
        self.name = name
        self.folder = folder
        self.reading = reading
        self.completion = completion
        self._nothing = families.nothing_to_read(model.tokenizer)
        self._one_at_a_time = threading.Lock()  # a fast tokeniser may not be used by two threads at once
        model.eval()
        custom_modules.limit(model, MAX_TOKENS)

    @property
    def dimension(self) -> int:
        """The length d of a vector."""
        return self._model_dimension + self.reading.dimension

    @property
    def _model_dimension(self) -> int:
        return int(self.model.get_embedding_dimension() or 0)

    @property
    def parameters(self) -> int:
        """How many numbers it is made of."""
        return sum(value.numel() for value in self.model.parameters())

    @property
    def prompt(self) -> str:
        """What is read before every text; "" for nothing."""
        return self.model.prompts.get(self.model.default_prompt_name or "") or ""

    @property
    def fingerprint(self) -> str:
        """A short hash of weights, configuration and reading: vectors of equal fingerprints can be mixed.

        Raises ModelingError for a backbone that was not saved.
        """
        if self.folder is None:
            raise ModelingError("backbone_not_saved")
        return fingerprint_of(self.folder, self.completion, self.reading)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [n, d] in the order of the texts, every row of length one. Equal texts are read once."""
        return read_once(texts, self.reading, self._read)

    def _read(self, texts: list[str]) -> Vectors:
        import torch

        vectors = np.zeros((len(texts), self._model_dimension), np.float32)
        encoded: list[tuple[list[int], torch.Tensor]] = []
        with self._one_at_a_time, torch.inference_mode(), autocast(self.model.device.type):
            for rows in self._batches(texts):
                features = self._tokenised([texts[row] for row in rows])
                embeddings = self.model(features)["sentence_embedding"].float()
                encoded.append((rows, torch.nn.functional.normalize(embeddings, dim=1)))
            # Only now, for a copy waits: until here a GPU computes while the next batch is tokenised.
            for rows, embeddings in encoded:
                vectors[rows] = embeddings.cpu().numpy()
        return vectors

    def for_reading(self) -> Backbone:
        """Keep linear layers in bfloat16 where autocast would convert them at every call; vectors stay the same.

        A single message is then read sooner. Such a backbone is for encoding, not for training.
        """
        import torch

        if has_bfloat16(self.model.device.type):
            for module in self.model.modules():
                if isinstance(module, torch.nn.Linear):
                    module.to(torch.bfloat16)
        return self

    def save(self, folder: Path) -> None:
        """Write a plain sentence-transformers folder with safetensors weights.

        Unchanged backbones are copied file by file, so that their fingerprint stays the same.
        """
        self.reading.save(folder)
        if self.folder is None:
            self.model.save(str(folder), create_model_card=False, safe_serialization=True)
            return
        resolve.copy(self.folder, folder, self.completion)

    def features(self, texts: list[str]) -> dict[str, Any]:
        """Tokenise texts, as it reads them, into one padded batch on the model's device."""
        return self._tokenised([self.reading.words(text) for text in texts])

    def _tokenised(self, texts: list[str]) -> dict[str, Any]:
        read = [text or self._nothing for text in texts]
        features: dict[str, Any] = self.model.preprocess(read, prompt=self.prompt or None)
        return {key: value.to(self.model.device) if hasattr(value, "to") else value for key, value in features.items()}

    def _batches(self, texts: list[str]) -> Iterator[list[int]]:
        return batches(self._lengths(texts), *batch_limits(self.model.device.type))

    def _lengths(self, texts: list[str]) -> list[int]:
        tokenizer = self.model.tokenizer
        if not getattr(tokenizer, "is_fast", False):
            # A guess is enough: lengths only decide what is read together.
            return [min(len(text) // 3 + 2, MAX_TOKENS) for text in texts]
        limit = self.model.max_seq_length or MAX_TOKENS
        return [len(ids) for ids in tokenizer(texts, truncation=True, max_length=limit)["input_ids"]] if texts else []


def fingerprint_of(folder: Path, completion: Mapping[str, bytes], reading: Reading) -> str:
    """Return the fingerprint of a backbone in `folder`."""
    of_files, of_reading = resolve.fingerprint(folder, completion), reading.fingerprint
    return short_hash([f"{of_files}{of_reading}".encode()]) if of_reading else of_files


def load(name: str, *, as_saved: bool = False, settings: dict[str, Any] | None = None) -> Backbone:
    """Load a backbone: a preset ("" is the default one), a local folder or a hub name.

    Weights must be safetensors and remote code stays off. Scripts that its tokeniser does not know are read by other
    means, unless it is loaded `as_saved`, out of a bundle. `settings` are passed to transformers, such as 4 bits.
    Raises ModelingError with what was wrong and what to do.
    """
    name = presets.canonical(name)
    folder = resolve.resolve(name)
    _mute_loaders()
    completion = families.completion(folder, name)
    try:
        model = custom_modules.load(folder) or _model(folder, completion, settings or {})
    except ModelingError:
        raise
    except Exception as error:  # a damaged folder fails in as many ways as there are files in it
        # transformers has no error of its own for this, only these words.
        if "trust_remote_code" in str(error):
            raise validation.needs_code(name) from None
        raise ModelingError(
            "backbone_not_loaded", name=name, reason=errors.short(error), default=presets.default()
        ) from None
    reading = script_reading.load(folder) or (Reading() if as_saved else script_reading.choose(model.tokenizer))
    return Backbone(model, name, folder, reading, completion)


def _model(folder: Path, completion: Mapping[str, bytes], settings: dict[str, Any]) -> SentenceTransformer:
    """Load a folder as if the files that complete it were in it."""
    from sentence_transformers import SentenceTransformer

    whole = sum(path.stat().st_size for path in folder.rglob("*.safetensors")) <= WHOLE
    how = {"use_safetensors": True, "dtype": "float32" if whole else "auto", **settings}
    with resolve.completed(folder, completion) as complete:
        # Local files only: whatever was fetched has been looked at, and nothing else may follow unseen.
        model = SentenceTransformer(str(complete), trust_remote_code=False, local_files_only=True, model_kwargs=how)
    families.prepare_decoder(model)
    return model


def describe(backbone: Backbone) -> BackboneInfo:
    """Return family, kind, numbers of parameters and dimensions, the longest input in tokens, licence and bytes.

    `tokens` is what is read of a message at most; `licence` is None where the folder states none.
    """
    model, folder = backbone.model, backbone.folder
    config: Any = getattr(getattr(model[0], "model", None), "config", None)
    pooling: Any = next((module.pooling_mode for module in model if hasattr(module, "pooling_mode")), None)
    return BackboneInfo(
        name=backbone.name,
        family=str(getattr(config, "model_type", "") or type(model[0]).__name__.lower()),
        kind="decoder" if config is not None and families.is_decoder(config.to_dict()) else "encoder",
        pooling=pooling,
        prompt=backbone.prompt or None,
        parameters=backbone.parameters,
        dimension=backbone.dimension,
        tokens=model.max_seq_length,
        licence=hub.licence(folder) if folder else None,
        bytes=sum(path.stat().st_size for path in resolve.files(folder)) if folder else 0,
        device=model.device.type,
    )


def batch_limits(device: str) -> tuple[int, int]:
    """Return how many messages, and how many tokens with padding, are encoded at once on a device."""
    return (GPU_BATCH, GPU_BATCH_TOKENS) if device == "cuda" else (BATCH, BATCH_TOKENS)


def autocast(device: str) -> AbstractContextManager[Any]:
    """Return a bfloat16 autocast where the hardware has it: twice the speed, at a cosine error below 1e-4."""
    import torch

    return torch.autocast(device, dtype=torch.bfloat16, enabled=has_bfloat16(device))


@lru_cache(maxsize=4)
def has_bfloat16(device: str) -> bool:
    """Say whether bfloat16 products run in hardware on "cpu" or "cuda"."""
    import torch

    if device == "cuda":
        # By default this also says yes where bfloat16 is only emulated.
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and _cpu_has("avx512_bf16", "amx_bf16", "bf16")


def _cpu_has(*flags: str) -> bool:
    """Look in Linux's list of processor features; elsewhere assume none."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return False
    line = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return any(flag in line.split() for flag in flags)


def _mute_loaders() -> None:
    """Keep the loaders' progress bars and advice out of logs and JSON lines."""
    # Where this is not set, tokenizers warns after every fork.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)  # it warns of every prompt that we set
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns about kernels that nobody asked for


def encode_with_progress(backbone: Backbone, texts: tuple[str, ...], reporter: Reporter) -> Vectors:
    """Return float32 [n, d], encoded in portions, each of which is a step of the reporter's stage."""
    vectors = np.zeros((len(texts), backbone.dimension), np.float32)
    for start in range(0, len(texts), ENCODE_AT_ONCE):
        vectors[start : start + ENCODE_AT_ONCE] = backbone.encode(texts[start : start + ENCODE_AT_ONCE])
        reporter.step((start + ENCODE_AT_ONCE) / len(texts))
    return vectors

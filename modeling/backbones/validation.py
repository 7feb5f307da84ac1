"""Which folders are no backbone that can be loaded here, told from their files before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence, sentence

WEIGHTS = ".safetensors"
PICKLED = frozenset({".bin", ".pt", ".pth", ".pkl", ".ckpt"})
GGUF = ".gguf"
KEPT = frozenset({".json", ".txt", WEIGHTS, ".model", ".jinja"})  # what a backbone folder is made of
OTHER_FORMATS = frozenset({"onnx", "openvino", "original", "coreml"})  # folders of the same weights for other programs

OWN = ("sentence_transformers.", "modeling.")
"""Where classes that modules.json names may come from; of the second, the loader knows which."""


def refuse(folder: Path, name: str) -> None:
    """Raise ModelingError if a folder's files say that it cannot or must not be loaded, with what to do instead."""
    refuse_weights([path.relative_to(folder) for path in folder.rglob("*") if path.is_file()], name)
    refuse_kind(folder, name)


def refuse_weights(files: Iterable[Path], name: str) -> None:
    """Look at names of files, relative to the backbone's folder.

    Every part that has weights must have them as safetensors, for a pickle can run code.
    """
    candidates = [
        path for path in files if not any(part.startswith(".") or part in OTHER_FORMATS for part in path.parts)
    ]
    if any(path.name == "adapter_config.json" for path in candidates):
        raise ModelingError("backbone_is_adapter", name=name)
    safe = {path.parent for path in candidates if path.suffix == WEIGHTS}
    if not safe and any(path.suffix == GGUF for path in candidates):
        raise ModelingError("backbone_is_gguf", name=name)
    # Trainer leaves training_args.bin beside the weights; no loader reads it.
    pickled = {path.parent for path in candidates if path.suffix in PICKLED and path.stem != "training_args"}
    if pickled - safe:
        raise ModelingError("backbone_is_pickled", name=name)
    if not safe:
        raise ModelingError("backbone_without_weights", name=name, ending=WEIGHTS)


def refuse_kind(folder: Path, name: str) -> None:
    """Look at the small files of a folder: code of its own, other kinds of models, weights packed for other machines.

    A file that cannot be read as JSON is left to the loader, which says so.
    """
    config, settings = read_json(folder / "config.json"), read_json(folder / "config_sentence_transformers.json")
    if _needs_code(folder, config):
        raise needs_code(name)
    kind = _other_kind(folder, config, settings)
    if kind:
        raise ModelingError("backbone_of_other_kind", name=name, kind=kind)
    packed = _packing(config)
    if packed:
        raise ModelingError("backbone_is_quantised", name=name, method=packed)


def needs_code(name: str) -> ModelingError:
    """Return the error for a backbone that cannot be loaded without running what somebody put beside it."""
    return ModelingError("backbone_needs_code", name=name)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, {} where there is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def modules(folder: Path) -> list[dict[str, Any]]:
    """Return the parts that modules.json lists, [] where there is none."""
    try:
        content = json.loads((folder / "modules.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _needs_code(folder: Path, config: dict[str, Any]) -> bool:
    if not all(str(part.get("type")).startswith(OWN) for part in modules(folder)):
        return True
    tokenizer = read_json(folder / "tokenizer_config.json")
    # With a tokenizer.json the tokeniser is read from that, without the code that auto_map names.
    if "AutoTokenizer" in (tokenizer.get("auto_map") or {}) and not (folder / "tokenizer.json").is_file():
        return True
    if "auto_map" not in config:
        return False
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return config.get("model_type") not in CONFIG_MAPPING_NAMES  # else the library's own code does without it


def _other_kind(folder: Path, config: dict[str, Any], settings: dict[str, Any]) -> Sentence | None:
    """Say what a folder holds that is no encoder of texts; None for what may be one."""
    architecture = next(iter(config.get("architectures") or ()), "")
    trained_for = settings.get("model_type", "SentenceTransformer")
    # Newer cross-encoders keep their settings under this key of config.json.
    if trained_for == "CrossEncoder" or "sentence_transformers" in config or _scores_pairs(architecture, config):
        return sentence("is_cross_encoder")
    if trained_for != "SentenceTransformer":
        return sentence("is_without_dense_vector", kind=trained_for)
    if any(str(part.get("type")).endswith("CLIPModel") for part in modules(folder)) or _sees(folder, config):
        return sentence("is_of_images_or_sound")
    if (config.get("model_type") or architecture) and not _has_tokenizer(folder):
        return sentence("is_without_tokenizer")
    return None


def _scores_pairs(architecture: str, config: dict[str, Any]) -> bool:
    outcomes = config.get("num_labels") or len(config.get("id2label") or ())
    # One outcome is a score; a classifier of texts has two or more, and its body may serve.
    return architecture.endswith("ForSequenceClassification") and outcomes == 1


def _sees(folder: Path, config: dict[str, Any]) -> bool:
    processor = read_json(folder / "preprocessor_config.json")
    hears = "feature_extractor_type" in processor or "audio_config" in config
    return hears or "vision_config" in config or "image_processor_type" in processor


def _has_tokenizer(folder: Path) -> bool:
    names = {"tokenizer.json", "vocab.txt", "vocab.json", "tokenizer_config.json", "tekken.json"}
    return any(path.name in names or path.suffix == ".model" for path in folder.rglob("*"))


def _packing(config: dict[str, Any]) -> str:
    """Name how weights were quantised, where nothing here can read that; "" otherwise."""
    quantization = config.get("quantization_config") or config.get("compression_config")
    if not isinstance(quantization, dict):
        return ""
    method = str(quantization.get("quant_method") or "an unnamed method")
    readable = method.startswith("bitsandbytes") and find_spec("bitsandbytes") is not None
    return "" if readable else method

"""A backbone as a folder that is read without torch: in 8 bits where that is faithful, else in 32."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
from numpy.typing import NDArray

from modeling.atomic_files import written_atomically
from modeling.backbones.backbone import Backbone
from modeling.errors import ModelingError
from modeling.hashing import file_hash, short_hash
from modeling.inference import bert_graph, encoder, tokenizing
from modeling.inference.bert_graph import Precision, Shape
from modeling.inference.encoder import FORMAT, MODEL, SETTINGS, WEIGHTS, OnnxEncoder
from modeling.inference.verification import TEXTS, Fidelity, compare
from modeling.types import Targets, Vectors

# Where a text's first token stands; the RoBERTa family counts from behind the number of its padding.
FIRST_POSITION = {"bert": False, "roberta": True, "xlm-roberta": True, "camembert": True}
POOLINGS = ("mean", "cls")
SMALL = 1024  # bytes of a constant that stays in the graph; larger ones are mapped into memory from their own file


def export(
    backbone: Backbone,
    folder: Path,
    fingerprint: str = "",
    texts: Sequence[str] = (),
    label: Callable[[Vectors], Targets] | None = None,
) -> tuple[OnnxEncoder, Fidelity]:
    """Write `folder`, which then exists completely or not at all, and compare it on cleaned texts.

    `fingerprint` is that of the backbone, where it was not saved itself; `label` gives the labels int64 [n] of vectors.

    Raises ModelingError where the graph cannot be made of this backbone, or says something else; OSError.
    """
    refuse(backbone)
    fidelity = None
    for precision in get_args(Precision):
        _write(backbone, folder, precision, fingerprint or backbone.fingerprint)
        exported = encoder.load(folder, backbone.name)
        fidelity = compare(backbone, exported, [*dict.fromkeys(texts)] or TEXTS, label)
        if fidelity.faithful:
            return exported, fidelity
    shutil.rmtree(folder)
    raise ModelingError("inference_unfaithful", name=backbone.name, cosine=f"{fidelity.cosine if fidelity else 0:.3f}")


def refuse(backbone: Backbone) -> None:
    """Raise ModelingError that names what the graph has no counterpart for."""
    part = _unknown_part(backbone)
    if part:
        raise ModelingError("inference_unsupported", name=backbone.name, part=part)


def _unknown_part(backbone: Backbone) -> str | None:
    model: Any = backbone.model
    kinds = [type(module).__name__ for module in model]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        return " + ".join(kinds)
    config, pooling = model[0].model.config, model[1].pooling_mode
    expected = {"hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False}
    other = [f"{key}={getattr(config, key)}" for key, value in expected.items() if getattr(config, key, value) != value]
    if config.model_type not in FIRST_POSITION:
        other.insert(0, f"model_type={config.model_type}")
    if pooling not in POOLINGS or not getattr(model[1], "include_prompt", True):
        other.append(f"pooling={pooling}")
    if getattr(model[0], "do_lower_case", False) or not hasattr(model.tokenizer, "backend_tokenizer"):
        other.append(type(model.tokenizer).__name__)
    return other[0] if other else None


def _write(backbone: Backbone, folder: Path, precision: Precision, fingerprint: str) -> None:
    model: Any = backbone.model
    config = model[0].model.config
    shape = Shape(config.num_hidden_layers, config.num_attention_heads, config.hidden_size, config.layer_norm_eps)
    graph = bert_graph.build(_weights(model[0].model), shape, precision)
    with written_atomically(folder) as draft:
        draft.mkdir(parents=True)
        onnx.save_model(graph, draft / MODEL, save_as_external_data=True, location=WEIGHTS, size_threshold=SMALL)
        tokenizing.save(model.tokenizer.backend_tokenizer.to_str().encode(), draft)
        backbone.reading.save(draft)
        settings = {
            "format": FORMAT,
            "fingerprint": short_hash([f"{fingerprint} {precision} {FORMAT}".encode()]),
            "precision": precision,
            "pooling": model[1].pooling_mode,
            "prompt": backbone.prompt,
            "tokens": int(model.max_seq_length),
            "width": config.hidden_size,
            "files": {
                path.relative_to(draft).as_posix(): file_hash(path) for path in draft.rglob("*") if path.is_file()
            },
        }
        (draft / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


def _weights(transformer: Any) -> dict[str, NDArray[np.float32]]:
    """Return the weights by their names in `BertModel`, positions from that of a text's first token on."""
    weights = {name: value.detach().float().cpu().numpy() for name, value in transformer.state_dict().items()}
    if FIRST_POSITION[transformer.config.model_type]:
        name = "embeddings.position_embeddings.weight"
        weights[name] = weights[name][transformer.config.pad_token_id + 1 :]
    return weights

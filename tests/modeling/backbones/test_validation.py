from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modeling.backbones import backbone as backbones
from modeling.backbones import resolve, validation
from modeling.backbones.backbone import Backbone
from modeling.errors import ModelingError

PLAIN = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32}


def folder(place: Path, files: dict[str, Any]) -> Path:
    """A folder whose JSON files are given by their content, and other files by nothing but their names."""
    place.mkdir(parents=True, exist_ok=True)
    for name, content in {"model.safetensors": None, "tokenizer.json": {}, "config.json": PLAIN, **files}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("" if content is None else json.dumps(content))
    return place


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "code": ({"config.json": {"model_type": "own", "auto_map": {"AutoModel": "m.M"}}}, "program code"),
    "modules": ({"modules.json": [{"idx": 0, "path": "", "type": "modeling_own.Own"}]}, "program code"),
    "adapter": ({"adapter_config.json": {"base_model_name_or_path": "somebody/base"}}, "adapter"),
    "dense": ({"2_Dense/pytorch_model.bin": None}, "pickled weights"),
    "gptq": ({"config.json": {**PLAIN, "quantization_config": {"quant_method": "gptq"}}}, r"quantised \(gptq\)"),
    "pairs": (
        {"config.json": {**PLAIN, "architectures": ["BertForSequenceClassification"], "id2label": {"0": "LABEL_0"}}},
        "cross-encoder",
    ),
    "trained on pairs": ({"config_sentence_transformers.json": {"model_type": "CrossEncoder"}}, "cross-encoder"),
    "sparse": ({"config_sentence_transformers.json": {"model_type": "SparseEncoder"}}, "SparseEncoder"),
    "sees": ({"config.json": {**PLAIN, "vision_config": {}}}, "images or sound"),
    "hears": ({"preprocessor_config.json": {"feature_extractor_type": "WhisperFeatureExtractor"}}, "images or sound"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_is_no_backbone_gets_a_sentence_before_it_is_loaded(tmp_path: Path, case: str) -> None:
    files, words = REFUSED[case]
    place = folder(tmp_path / "it", files)
    with pytest.raises(ModelingError, match=words) as caught:
        resolve.check(str(place))
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message


def test_a_tokenizer_with_code_of_its_own_gets_the_same_sentence(tmp_path: Path) -> None:
    settings = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["m.Own", None]}}
    place = folder(tmp_path / "it", {"tokenizer_config.json": settings})
    resolve.check(str(place))  # what is written in tokenizer.json needs no code
    (place / "tokenizer.json").unlink()
    with pytest.raises(ModelingError, match="program code"):
        resolve.check(str(place))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path / "it", {})
    (place / "tokenizer.json").unlink()
    with pytest.raises(ModelingError, match="without a tokenizer"):
        resolve.check(str(place))


def test_gguf_is_refused_as_a_folder_and_as_a_file(tmp_path: Path) -> None:
    place = folder(tmp_path / "it", {"model.Q4_1.gguf": None})
    (place / "model.safetensors").unlink()
    for name in (place, place / "model.Q4_1.gguf"):
        with pytest.raises(ModelingError, match="GGUF"):
            resolve.check(str(name))


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"config.json": {**PLAIN, "auto_map": {"AutoModel": "m.M"}}},  # transformers has code of its own for it
        {"config.json": {**PLAIN, "architectures": ["BertForSequenceClassification"], "num_labels": 3}},
        {"openvino/openvino_model.bin": None, "training_args.bin": None, "pytorch_model.bin": None},
        {"modules.json": [{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}]},
    ],
)
def test_what_may_be_a_backbone_is_not_refused(tmp_path: Path, files: dict[str, Any]) -> None:
    validation.refuse(folder(tmp_path / "it", files), "it")


def test_code_beside_a_known_model_is_not_run(minilm: Backbone, tmp_path: Path) -> None:
    minilm.save(tmp_path / "copy")
    config = json.loads((tmp_path / "copy" / "config.json").read_text())
    (tmp_path / "copy" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config["auto_map"] = {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}
    (tmp_path / "copy" / "config.json").write_text(json.dumps(config))
    assert backbones.load(str(tmp_path / "copy")).dimension == minilm.dimension
    assert not (tmp_path / "ran").exists()

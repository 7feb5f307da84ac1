from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modeling.backbones import backbone as backbones
from modeling.backbones import families
from modeling.backbones.backbone import Backbone, describe
from modeling.classifier import bundle as bundles
from modeling.classifier import head
from modeling.classifier.bundle import Bundle
from modeling.text import letter_ngrams, scripts
from tests.fakes import tiny_families as tiny

TEXTS = [
    "thanks a lot",
    "the app crashes again and again when I open the settings page, and nobody knows why",
    "",
    "谢谢你",
    "🎉",
    "where is it " * 200,
]


@pytest.fixture(scope="module", params=list(tiny.OWN))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(request.param, tmp_path_factory.mktemp("tiny") / request.param)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Backbone:
    return backbones.load(str(folder))


def closeness(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float((ours * theirs).sum(1).min())


def bundle_of(backbone: Backbone) -> Bundle:
    texts = TEXTS[:2]
    fitted = head.fit(backbone.encode(texts), np.array([0, 1]), ("praise", "problem"), backbone.encode(texts))
    return Bundle(backbone, fitted, {})


def test_a_text_has_the_same_vector_alone_and_among_longer_ones(loaded: Backbone) -> None:
    vectors = loaded.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), loaded.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert closeness(vectors, np.concatenate([loaded.encode([text]) for text in TEXTS])) > 0.999
    assert float(vectors[0] @ vectors[1]) < 0.99


def test_decoders_are_read_by_their_last_token_and_encoders_by_the_mean(loaded: Backbone, folder: Path) -> None:
    import torch

    pooling = "lasttoken" if folder.name in tiny.DECODERS else "mean"
    assert loaded.model[1].pooling_mode == pooling
    text = TEXTS[1]
    with torch.inference_mode():
        tokens = loaded.model[0](loaded.features([text]))["token_embeddings"][0].float().numpy()
    wanted = tokens[-1] if pooling == "lasttoken" else tokens.mean(0)
    own = loaded.encode([text])[:, : len(wanted)]
    assert closeness(own / np.linalg.norm(own), wanted[None] / np.linalg.norm(wanted)) > 0.999


def test_a_bundle_of_each_family_says_the_same_when_loaded_again(loaded: Backbone, tmp_path: Path) -> None:
    bundle = bundle_of(loaded)
    bundle.save(tmp_path / "bundle")
    again = bundles.load(tmp_path / "bundle")
    assert again.backbone.fingerprint == loaded.fingerprint
    assert again.backbone.completion == {}
    assert np.allclose(again.classify(TEXTS), bundle.classify(TEXTS), atol=1e-5)
    assert closeness(again.backbone.for_reading().encode(TEXTS), loaded.encode(TEXTS)) > 0.999


def test_weights_that_only_lived_in_memory_are_loaded_as_they_were(loaded: Backbone, tmp_path: Path) -> None:
    Backbone(loaded.model, "tuned", None, loaded.reading).save(tmp_path / "tuned")
    again = backbones.load(str(tmp_path / "tuned"))
    assert closeness(again.encode(TEXTS), loaded.encode(TEXTS)) > 0.9999


def test_a_backbone_is_described_in_figures(loaded: Backbone, folder: Path) -> None:
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# Small\n")
    found = describe(loaded)
    assert (found.family, found.licence, found.tokens) == (folder.name, "mit", 256)
    assert (found.kind == "decoder") == (found.pooling == "lasttoken") == (folder.name in tiny.DECODERS)
    assert found.dimension == loaded.dimension
    assert found.bytes > 4 * found.parameters > 4000


def test_a_decoder_keeps_no_cache_and_pads_behind(tmp_path: Path) -> None:
    loaded = backbones.load(str(tiny.save("gpt2", tmp_path / "gpt2")))
    inner: Any = loaded.model[0]
    assert inner.model.config.use_cache is False
    assert loaded.model.tokenizer.pad_token == "<|endoftext|>"
    mask = loaded.features(TEXTS[:2])["attention_mask"]
    assert mask[0, 0] == 1
    assert mask[0, -1] == 0


def test_a_template_for_chats_does_not_come_between(tmp_path: Path) -> None:
    folder = tiny.save("llama", tmp_path / "llama")
    plain = backbones.load(str(folder)).encode(TEXTS)
    (folder / "chat_template.jinja").write_text("{% for m in messages %}You are kind. {{ m.content }}{% endfor %}")
    assert closeness(backbones.load(str(folder)).encode(TEXTS), plain) > 0.9999


def test_half_precision_files_are_read_in_full(tmp_path: Path) -> None:
    import torch

    folder = tiny.save("qwen2", tmp_path / "half", dtype="bfloat16")
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    assert backbones.load(str(folder)).model.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "pooling", "prompt"),
    [
        ("intfloat/e5-small-v2", "mean", "query: "),
        ("intfloat/multilingual-e5-large", "mean", "query: "),
        ("BAAI/bge-small-en-v1.5", "cls", None),
        ("BAAI/bge-m3", "cls", None),
        ("nomic-ai/nomic-embed-text-v1.5", "mean", "classification: "),
        ("somebody/not-e5-small-v2-at-all", "mean", None),
    ],
)
def test_a_name_tells_the_pooling_and_the_prompt(tmp_path: Path, name: str, pooling: str, prompt: str | None) -> None:
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32}
    snapshot = tmp_path / f"models--{name.replace('/', '--')}" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(config))
    for asked in (name, str(snapshot)):
        made = families.completion(snapshot, asked)
        assert json.loads(made["1_Pooling/config.json"])["pooling_mode"] == pooling
        settings = json.loads(made.get("config_sentence_transformers.json", "{}"))
        assert settings.get("prompts", {}).get(settings.get("default_prompt_name")) == prompt


def test_a_prompt_is_read_before_each_text_and_saved_with_the_bundle(tmp_path: Path) -> None:
    plain = backbones.load(str(tiny.save("bert", tmp_path / "plain")))
    prompted = backbones.load(str(tiny.save("bert", tmp_path / "e5-small")))
    assert closeness(prompted.encode(["hello there"]), plain.encode(["query: hello there"])) > 0.9999
    assert prompted.fingerprint != plain.fingerprint
    bundle_of(prompted).save(tmp_path / "bundle")
    again = bundles.load(tmp_path / "bundle").backbone
    assert closeness(again.encode(TEXTS), prompted.encode(TEXTS)) > 0.9999


def test_a_prompt_of_its_own_for_classifying_is_used(tmp_path: Path) -> None:
    loaded = backbones.load(str(tiny.save("bert", tmp_path / "plain")))
    prompts: dict[str, str | None] = {"query": "search: ", "Classification": "sort: "}
    loaded.model.prompts = prompts
    Backbone(loaded.model, "", None, loaded.reading).save(tmp_path / "prompted")
    again = backbones.load(str(tmp_path / "prompted"))
    assert closeness(again.encode(["hello"]), loaded.encode(["sort: hello"])) > 0.9999


def test_a_folder_that_says_everything_is_left_as_it_is(minilm: Backbone) -> None:
    assert minilm.completion == {}
    assert minilm.model.default_prompt_name is None


def test_tokenisers_of_every_kind_say_which_scripts_they_do_not_read() -> None:
    from tokenizers import SentencePieceUnigramTokenizer
    from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

    assert set(scripts.unread(tiny.tokeniser("gpt2"))) == set(scripts.RANGES)  # bytes, and no piece for the unknown
    assert set(scripts.unread(ByT5Tokenizer())) == set(scripts.RANGES)  # bytes, and slow
    pieces = SentencePieceUnigramTokenizer()
    pieces.train_from_iterator(
        ["请问 怎么 把 文件 发给 没有 账号 的 客户 谢谢 大家 今天 辛苦 了"] * 5, unk_token="<unk>", vocab_size=90
    )
    for marks in ({}, {"unk_token": "<unk>"}):
        found = scripts.unread(PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **marks))
        assert "han" not in found
    assert "thai" in found


def test_a_backbone_that_does_not_read_chinese_is_helped_whatever_its_family(tmp_path: Path) -> None:
    loaded = backbones.load(str(tiny.save("qwen3", tmp_path / "qwen3")))
    assert "thai" in loaded.reading.spelled
    assert loaded.dimension == 32 + letter_ngrams.DIMENSION

"""Texts become the same tokens as by transformers, whatever reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from tokenizers.trainers import UnigramTrainer

from modeling.backbones.backbone import Backbone
from modeling.inference import tokenizing
from modeling.inference.tokenizing import BySentencePiece, ByTokenizers, Tokenizing
from tests.fakes.messages import messages

TEXTS = [
    *[text for text, _ in messages()],
    "",
    "  two   spaces and a tab\t. ",
    "应用一打开设置就崩溃了。",
    "ＦＵＬＬ ｗｉｄｔｈ, ligature ﬁ, é and e\u0301",
    "🎉🎉 emoji 👩‍👩‍👧",
    "▁ is what stands for a space",
    "a\u200bb \u00a0 c",
    "word " * 300,
    "x" * 3000,
]
MOST = 64


def by_transformers(tokenizer: Tokenizer) -> list[list[int]]:
    tokenizer.enable_truncation(MOST)
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch(TEXTS)]


def read_again(tokenizer: Tokenizer, folder: Path) -> Tokenizing:
    tokenizing.save(tokenizer.to_str().encode(), folder)
    return tokenizing.load(folder, MOST)


def unigram() -> Tokenizer:
    """A small vocabulary made as that of XLM-RoBERTa."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" ", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = UnigramTrainer(vocab_size=300, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([text for text, _ in messages()] + ["应用崩溃了", "谢谢"], trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return tokenizer


def test_word_pieces_are_those_of_transformers(minilm: Backbone, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_str(minilm.model.tokenizer.backend_tokenizer.to_str())
    ours = read_again(tokenizer, tmp_path)
    assert isinstance(ours, ByTokenizers)
    assert ours(TEXTS) == by_transformers(tokenizer)
    assert [ours([text])[0] for text in TEXTS] == ours(TEXTS)


def test_a_unigram_vocabulary_is_read_by_sentencepiece_to_the_same_tokens(tmp_path: Path) -> None:
    tokenizer = unigram()
    ours = read_again(tokenizer, tmp_path)
    assert isinstance(ours, BySentencePiece)
    for text, got, wanted in zip(TEXTS, ours(TEXTS), by_transformers(tokenizer), strict=True):
        assert got == wanted, text


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("pre_tokenizer", {"type": "Whitespace"}),
        ("post_processor", None),
        ("normalizer", None),
    ],
)
def test_what_sentencepiece_would_read_otherwise_is_left_to_tokenizers(
    part: str, value: object, tmp_path: Path
) -> None:
    tokenizer = Tokenizer.from_str(json.dumps(json.loads(unigram().to_str()) | {part: value}))
    ours = read_again(tokenizer, tmp_path)
    assert isinstance(ours, ByTokenizers)
    assert ours(TEXTS) == by_transformers(tokenizer)

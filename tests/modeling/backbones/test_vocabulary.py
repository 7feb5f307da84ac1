"""A vocabulary that is cut: texts stay what they were, in every script, and what is left out is written in pieces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import NFKC
from tokenizers.pre_tokenizers import Metaspace

from modeling.backbones import backbone as backbones
from modeling.backbones import build, vocabulary
from modeling.backbones.token_lengths import token_lengths
from modeling.backbones.vocabulary import cut
from modeling.types import Rows
from tests.fakes import tiny

ENGLISH = [
    f"{who} {what} the {thing} {when}"
    for who, what, thing, when in product(
        ("Ana", "somebody", "our customer"),
        ("opened", "deleted", "cannot find", "pays for"),
        ("invoice", "folder", "picture", "report"),
        ("today", "again", "before lunch"),
    )
]
CHINESE = [
    f"{who}{what}{thing}{when}"
    for who, what, thing, when in product(
        ("客户", "我们", "同事"), ("打开了", "删除了", "找不到"), ("发票", "文件夹", "图片"), ("今天", "又", "吃饭前")
    )
]
HINDI = [f"{who} {what}" for who, what in product(("मित्र", "ग्राहक", "हम"), ("फ़ाइल खोलते हैं", "चित्र हटाते हैं"))]
LETTERS = "".join(sorted(set("".join([*ENGLISH, *CHINESE, *HINDI]))))
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
MOST = 170


@pytest.fixture(scope="module")
def whole() -> Tokenizer:
    """Words of all texts, what they begin and end with, and their letters: the shorter, the likelier."""
    words = {f"▁{word}" for text in (*ENGLISH, *HINDI) for word in text.split()} | set(CHINESE)
    parts = {word[start:end] for word in words for start in range(len(word)) for end in range(start + 2, start + 9)}
    ranked = sorted({*parts, *LETTERS, "▁"}, key=lambda piece: (len(piece), piece))
    vocabulary = [(piece, 0.0) for piece in SPECIAL]
    vocabulary += [(piece, -4 - number / len(ranked)) for number, piece in enumerate(ranked)]
    tokenizer = Tokenizer(Unigram(vocabulary, SPECIAL.index("<unk>")))
    tokenizer.normalizer, tokenizer.pre_tokenizer = NFKC(), Metaspace()
    tokenizer.add_special_tokens([*SPECIAL, "<late>"])  # the last is none of the model's pieces
    return tokenizer


def smaller(tokenizer: Tokenizer, texts: Sequence[str], most: int = MOST) -> tuple[Tokenizer, Rows]:
    return cut(tokenizer, counts(tokenizer, texts), most)


def counts(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.float64]:
    ids = [token for text in texts for token in tokenizer.encode(text, add_special_tokens=False).ids]
    return np.bincount(ids, minlength=tokenizer.get_vocab_size()).astype(float)


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    return tokenizer.encode(text, add_special_tokens=False).tokens


@pytest.mark.parametrize("texts", [ENGLISH[:4], CHINESE[:4], HINDI[:2], ENGLISH[:3] + CHINESE[:3]])
def test_the_texts_are_cut_as_before_by_fewer_tokens(whole: Tokenizer, texts: list[str]) -> None:
    small, kept = smaller(whole, texts)
    assert small.get_vocab_size() == len(kept) == MOST < whole.get_vocab_size()
    assert [pieces(small, text) for text in texts] == [pieces(whole, text) for text in texts]
    assert [small.id_to_token(new) for new in range(MOST)] == [whole.id_to_token(old) for old in kept.tolist()]
    assert [small.encode(text).ids for text in texts] == [
        np.searchsorted(kept, whole.encode(text, add_special_tokens=False).ids).tolist() for text in texts
    ]


@given(st.text(alphabet=LETTERS + "🦆߷ ", max_size=40))
def test_a_text_of_any_script_is_still_read_and_only_its_unknown_letters_are_unknown(
    whole: Tokenizer, text: str
) -> None:
    small, _ = smaller(whole, ENGLISH[:3])
    assert "".join(pieces(small, text)) == "".join(pieces(whole, text))
    unknown = [
        tokenizer.encode(text, add_special_tokens=False).ids.count(tokenizer.token_to_id("<unk>"))
        for tokenizer in (small, whole)
    ]
    assert unknown[0] == unknown[1]


def test_of_too_many_tokens_those_stay_that_are_said_most(whole: Tokenizer) -> None:
    texts = [*ENGLISH[:3] * 9, *ENGLISH, *CHINESE, *HINDI]
    letters = smaller(whole, texts, 1)[1]
    small, kept = smaller(whole, texts, len(letters) + 12)
    said = counts(whole, texts)
    left_out = np.setdiff1d(np.flatnonzero(said), kept)
    assert len(left_out) > 10
    assert said[np.setdiff1d(kept, letters)].min() >= said[left_out].max()
    assert all("<unk>" not in pieces(small, text) for text in texts)


def test_each_script_gets_the_share_that_it_has_in_the_texts_and_none_gets_nothing(whole: Tokenizer) -> None:
    def words(texts: list[str]) -> tuple[int, int, int]:
        of_small = [piece.lstrip("▁") for piece in smaller(whole, texts, 400)[0].get_vocab() if piece not in SPECIAL]
        scripts = [vocabulary._script(piece) for piece in of_small if len(piece) > 1]
        return scripts.count("LATIN"), scripts.count("CJK"), scripts.count("DEVANAGARI")

    english, both, chinese = words(ENGLISH[:3]), words(ENGLISH[:3] + CHINESE[:3]), words(CHINESE[:3])
    assert english[0] > both[0] > chinese[0] > 0
    assert 0 < english[1] < both[1] < chinese[1]
    assert words(HINDI[:1])[2] > english[2] > 0


def test_literal_special_tokens_are_what_they_were(whole: Tokenizer) -> None:
    small, _ = smaller(whole, ENGLISH[:3])
    for text in ("<s> Ana </s>", "Ana<mask>Ana", "<late>", "<unk><pad>"):
        assert pieces(small, text) == pieces(whole, text)


def test_a_tokeniser_that_writes_in_bytes_or_knows_no_unknown_one_can_be_cut(whole: Tokenizer) -> None:
    content = json.loads(whole.to_str())
    content["model"]["vocab"][5:5] = [[f"<0x{byte:02X}>", -30.0] for byte in range(256)]
    content["model"] |= {"byte_fallback": True}
    content["added_tokens"] = content["added_tokens"][:5]
    in_bytes = Tokenizer.from_str(json.dumps(content))
    small, _ = smaller(in_bytes, ENGLISH[:3], 400)
    assert pieces(small, "Ana 🦆") == pieces(in_bytes, "Ana 🦆")
    assert "<0xF0>" in pieces(small, "🦆")
    content["model"] |= {"byte_fallback": False, "unk_id": None}
    without = Tokenizer.from_str(json.dumps(content))
    assert pieces(smaller(without, ENGLISH[:3], 400)[0], "Ana") == pieces(without, "Ana")


def test_the_same_texts_in_any_order_give_the_same_tokens_and_no_texts_give_some(whole: Tokenizer) -> None:
    texts = ENGLISH[:9] + CHINESE[:5]
    first, second = smaller(whole, texts), smaller(whole, texts[::-1])
    assert first[0].to_str() == second[0].to_str()
    assert np.array_equal(first[1], second[1])
    assert len(smaller(whole, [])[1]) == MOST


def test_a_vocabulary_that_is_small_or_not_of_unigram_pieces_stays_whole(whole: Tokenizer, tmp_path: Path) -> None:
    assert smaller(whole, ENGLISH[:3], 2000)[0] is whole
    words = backbones.load(str(tiny.bert(tmp_path))).model.tokenizer.backend_tokenizer
    same, kept = cut(words, np.ones(words.get_vocab_size()), 10)
    assert same is words
    assert kept.tolist() == list(range(words.get_vocab_size()))


@pytest.fixture(scope="module")
def source(whole: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformer with this tokeniser and random weights."""
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

    folder, own = tmp_path_factory.mktemp("unigram"), Tokenizer.from_str(whole.to_str())
    own.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    set_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=own.get_vocab_size(), **sizes)).save_pretrained(folder)
    tokens = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=own, mask_token="<mask>", **tokens).save_pretrained(folder)
    return folder


def test_static_embeddings_have_the_tokens_that_stay_and_are_the_same_after_a_kill(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "MOST", MOST)
    texts = [*ENGLISH[:6], *CHINESE[:6], "", "<mask>"]
    transformer = backbones.load(str(source), as_saved=True)  # without a dictionary, for it reads the scripts itself

    def killed(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build("static", texts, tmp_path / "killed", source=transformer, hidden=16, on_progress=killed)
    assert not (tmp_path / "killed").exists()
    names = ("killed", "never killed")
    made = [build.build("static", texts, tmp_path / name, source=transformer, hidden=16) for name in names]
    goes_on, once = (backbones.load(str(folder), as_saved=True) for folder in made)
    assert goes_on.fingerprint == once.fingerprint
    assert goes_on.parameters == MOST * 16
    assert np.isfinite(once.encode(["", " ", "🦆", "<pad>", *HINDI, *texts])).all()
    assert np.linalg.matrix_rank(once.encode(HINDI[:3])) == 3
    written = [len(transformer.model.tokenizer.tokenize(text)) for text in texts]
    assert token_lengths(once, texts).most == max(written)
    assert [len(once.model.tokenizer.encode(text).ids) for text in texts] == written

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.implementations import BertWordPieceTokenizer
from transformers import BertTokenizer

from modeling.backbones import backbone as backbones
from modeling.backbones import resolve
from modeling.backbones.backbone import Backbone
from modeling.classifier import head
from modeling.errors import ModelingError
from modeling.text import script_reading, scripts
from modeling.text.chinese_dictionary import Glossary
from modeling.text.letter_ngrams import DIMENSION, spell
from modeling.text.script_reading import Reading
from modeling.text.scripts import RANGES
from tests.fakes.dictionary import small_dictionary
from tests.fakes.messages import KINDS, messages

ALL = tuple(RANGES)
WORDS = st.lists(st.sampled_from(["退款", "没有", "работает", "アプリ", "refund", "안녕", "λ", "🎉", "it", "…"]))

THAI = {
    "delivery": ["สินค้ายังไม่ส่ง", "ส่งสินค้าเมื่อไหร่", "พัสดุหายไปไหน", "ติดตามพัสดุไม่ได้"],
    "login": ["ลืมรหัสผ่าน", "เข้าสู่ระบบไม่ได้", "รหัสผ่านไม่ถูกต้อง", "บัญชีเข้าสู่ระบบไม่ได้เลย"],
}
THAI_LATER = {
    "delivery": ["พัสดุยังไม่มา", "เมื่อไหร่จะส่งสินค้าให้", "สินค้าส่งผิดที่", "ขอเลขติดตามพัสดุ"],
    "login": ["เปลี่ยนรหัสผ่านอย่างไร", "ทำไมเข้าสู่ระบบไม่ได้", "รหัสผ่านใหม่ใช้ไม่ได้", "จำรหัสผ่านไม่ได้"],
}
CHINESE = {
    "refund": ["不想要了，想把钱退回来", "收到的衣服有破洞，给我退款", "怎么申请退货", "退的钱还没有到账"],
    "delivery": ["包裹什么时候送到", "快递三天没有动静了", "请把货寄到新地址", "物流信息一直没有更新"],
    "login": ["密码不对，登录不上", "收不到登录验证码", "账号被锁定了", "忘记用户名怎么办"],
}
CHINESE_LATER = {
    "refund": ["东西坏了，把款项还给我", "七天之内可以退吗", "商品不合适，要求全额退还"],
    "delivery": ["我的邮包到哪里了", "能不能明天发货", "送货员没有来", "运输要几天"],
    "login": ["重设口令的邮件没来", "进不去我的帐户", "换手机以后无法登入", "用户身份验证失败"],
}


def labelled(by_label: dict[str, list[str]]) -> tuple[list[str], np.ndarray]:
    rows = [(text, place) for place, texts in enumerate(by_label.values()) for text in texts]
    return [text for text, _ in rows], np.array([place for _, place in rows])


def accuracy(backbone: Backbone, told: dict[str, list[str]], later: dict[str, list[str]], *, known: bool) -> float:
    """Of messages that come later; unless labels are `known` by their names, those say nothing."""
    texts, targets = labelled(told)
    described = backbone.encode(list(told)) if known else None
    fitted = head.fit(backbone.encode(texts), targets, list(told), described)
    texts, targets = labelled(later)
    return float((fitted.probabilities(backbone.encode(texts)).argmax(1) == targets).mean())


def with_help(minilm: Backbone, help_there: Reading) -> Backbone:
    return Backbone(minilm.model, minilm.name, minilm.folder, help_there)


@pytest.fixture
def small(tmp_path: Path) -> Glossary:
    return Glossary(small_dictionary(tmp_path))


def test_chinese_is_told_word_by_word_the_longest_first(small: Glossary) -> None:
    assert small.in_english("退款还没有到") == "refund still, yet haven't, hasn't arrive, reach"
    assert small.in_english("退款還沒有到") == small.in_english("退款还没有到")
    assert small.in_english("我的 App 退了！") == "App retreat, withdraw ！"
    assert small.in_english("猫咪") == "cat, hide oneself"


@given(st.text(alphabet=st.characters(max_codepoint=0x2FFF)))
def test_text_without_chinese_is_left_as_it_is(text: str) -> None:
    assert Glossary(Path("/nowhere")).in_english(text) == text


@given(text=st.text(max_size=60))
@settings(deadline=None)
def test_any_text_can_be_told_and_spelled(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    known = Glossary(small_dictionary(tmp_path_factory.getbasetemp()))
    assert known.in_english(text) == known.in_english(text)
    kept, added = spell([text, text], ALL)
    assert np.array_equal(added[0], added[1])
    assert np.allclose(kept[:, 0] ** 2 + (added**2).sum(1), 1, atol=1e-5)


@given(WORDS, WORDS)
def test_spelling_is_there_exactly_where_an_unread_script_is(some: list[str], others: list[str]) -> None:
    texts = [" ".join(some), " ".join(others)]
    kept, added = spell(texts, ("cyrillic", "hangul"))
    for row, text in enumerate(texts):
        foreign = "работает" in text or "안녕" in text
        assert added[row].any() == foreign
        assert (kept[row] < 1) == foreign


def test_letters_that_cancel_each_other_out_leave_a_vector_of_length_one() -> None:
    kept, added = spell(["\U000271840\U0002c312"], ("han",))
    assert not added.any()
    assert kept.tolist() == [[1.0]]


def test_one_foreign_letter_hardly_changes_an_english_message() -> None:
    kept, _ = spell(["the λ in our configuration is wrong"], ALL)
    assert kept[0, 0] > 0.98


def test_a_dictionary_that_cannot_be_read_gets_one_sentence(tmp_path: Path) -> None:
    for content in (b"", b"not gzip", small_dictionary(tmp_path).read_bytes()[:-20]):
        path = tmp_path / f"{len(content)}.gz"
        path.write_bytes(content)
        if content:
            with pytest.raises(ModelingError, match="cannot be read"):
                Glossary(path).in_english("退款")
    with pytest.raises(ModelingError, match="cannot be read"):
        Glossary(tmp_path / "none").in_english("退款")


def test_the_packaged_backbone_reads_none_of_the_other_scripts(minilm: Backbone) -> None:
    assert set(scripts.unread(minilm.model.tokenizer)) == set(ALL)


def test_a_tokeniser_that_knows_the_words_of_a_script_gets_no_help_there(tmp_path: Path) -> None:
    trained = BertWordPieceTokenizer(strip_accents=False)
    words = [words for name, (words, _) in scripts._PROBES.items() if name in ("han", "cyrillic", "arabic")]
    trained.train_from_iterator(words * 5, vocab_size=2000, min_frequency=1, show_progress=False)
    trained.save_model(str(tmp_path))
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"), strip_accents=False)
    assert not {"han", "cyrillic", "arabic"} & set(scripts.unread(tokenizer))
    assert "thai" in scripts.unread(tokenizer)
    assert script_reading.choose(tokenizer).glossary is None
    assert script_reading.choose(object()).fingerprint == ""


def test_english_vectors_are_the_same_numbers_with_zeros_beside(minilm: Backbone, small: Glossary) -> None:
    texts = [text for text, _ in messages()][:40]
    plain = with_help(minilm, Reading()).encode(texts)
    helped = with_help(minilm, Reading(ALL, small)).encode(texts)
    assert np.array_equal(helped[:, : plain.shape[1]], plain)
    assert helped.shape[1] == plain.shape[1] + DIMENSION
    assert not helped[:, plain.shape[1] :].any()


@pytest.mark.parametrize("count", [20, 120])
def test_english_is_classified_exactly_as_without_help(minilm: Backbone, small: Glossary, count: int) -> None:
    texts, kinds = zip(*messages(), strict=True)
    targets = np.array([list(KINDS).index(kind) for kind in kinds])
    rows = np.random.default_rng(0).permutation(len(texts))[:count]
    said = []
    for help_there in (Reading(), Reading(ALL, small)):
        backbone = with_help(minilm, help_there)
        vectors, described = backbone.encode(texts), backbone.encode([kind.replace("_", " ") for kind in KINDS])
        fitted = head.fit(vectors[rows], targets[rows], list(KINDS), described)
        said.append((fitted.probabilities(vectors), fitted.c, fitted.thresholds))
    assert np.allclose(said[0][0], said[1][0], atol=1e-5)
    assert said[0][1] == said[1][1]
    assert np.allclose(said[0][2], said[1][2], atol=1e-5)


def test_help_is_saved_and_loaded_with_the_backbone(minilm: Backbone, small: Glossary, tmp_path: Path) -> None:
    texts = ["退款还没有到", "спасибо", "thanks"]
    helped = with_help(minilm, Reading(("cyrillic",), small))
    helped.save(tmp_path / "copy")
    again = backbones.load(str(tmp_path / "copy"))
    assert again.reading.spelled == ("cyrillic",)
    assert again.reading.glossary is not None
    assert again.reading.glossary.path.is_relative_to(tmp_path / "copy")
    assert again.fingerprint == helped.fingerprint
    assert np.allclose(again.encode(texts), helped.encode(texts), atol=1e-3)


def test_other_help_has_another_fingerprint(minilm: Backbone, small: Glossary) -> None:
    every = [Reading(), Reading(("cyrillic",)), Reading(("thai",)), Reading(ALL, small), Reading((), small)]
    assert len({with_help(minilm, each).fingerprint for each in every}) == len(every)
    assert minilm.folder is not None
    assert with_help(minilm, Reading()).fingerprint == resolve.fingerprint(minilm.folder)


def test_a_backbone_out_of_an_old_bundle_gets_no_help(minilm: Backbone, tmp_path: Path) -> None:
    with_help(minilm, Reading()).save(tmp_path / "old")
    assert not (tmp_path / "old" / script_reading.READING).exists()
    assert backbones.load(str(tmp_path / "old"), as_saved=True).reading == Reading()
    assert backbones.load(str(tmp_path / "old")).reading.spelled


@pytest.mark.parametrize(
    "settings_file", ["", "[]", json.dumps({"format": 2, "spelled": [], "glossary": False}), '{"format": 1}']
)
def test_damaged_help_gets_one_sentence(minilm: Backbone, tmp_path: Path, settings_file: str) -> None:
    with_help(minilm, Reading(("cyrillic",))).save(tmp_path / "copy")
    (tmp_path / "copy" / script_reading.READING / "settings.json").write_text(settings_file)
    with pytest.raises(ModelingError, match="cannot be read"):
        backbones.load(str(tmp_path / "copy"))


def test_words_in_an_unread_script_are_recognised_again(minilm: Backbone) -> None:
    before = accuracy(with_help(minilm, Reading()), THAI, THAI_LATER, known=False)
    after = accuracy(with_help(minilm, Reading(("thai",))), THAI, THAI_LATER, known=False)
    assert after >= before + 0.2
    assert after >= 0.8


def test_a_handful_of_chinese_labels_is_learnt(minilm: Backbone) -> None:
    before = accuracy(with_help(minilm, Reading()), CHINESE, CHINESE_LATER, known=True)
    after = accuracy(minilm, CHINESE, CHINESE_LATER, known=True)
    assert after >= before + 0.2
    assert after >= 0.7


def test_chinese_is_guessed_by_english_names_before_any_label(minilm: Backbone) -> None:
    texts, targets = labelled(CHINESE)
    guessed = head.guess(minilm.encode(list(CHINESE)), None, list(CHINESE)).probabilities(minilm.encode(texts))
    assert (guessed.argmax(1) == targets).mean() >= 0.6

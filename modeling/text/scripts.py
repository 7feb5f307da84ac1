"""The scripts that people write in, and which of them a tokeniser reads."""

from __future__ import annotations

from typing import Any

UNKNOWN = 0.1  # share of unknown pieces from which on a script is not read

RANGES = {
    "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "kana": "\u3041-\u30ff\u31f0-\u31ff",
    "hangul": "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "armenian": "\u0531-\u058f",
    "georgian": "\u10a0-\u10ff\u1c90-\u1cbf",
    "hebrew": "\u0591-\u05f4",
    "arabic": "\u0600-\u06ff\u0750-\u077f",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
    "tamil": "\u0b80-\u0bff",
    "thai": "\u0e01-\u0e5b",
}
"""The letters of each script, as the inside of a regular expression's brackets."""

# Everyday words, and how many pieces a letter may take: in an alphabet one piece a letter is spelling, not reading.
_PROBES = {
    "han": ("请问怎么把文件发给没有账号的客户谢谢大家今天辛苦了", 1.2),
    "kana": ("こんにちは アプリ が ありません どうすれば いいですか ありがとう", 0.9),
    "hangul": ("안녕하세요 어떻게 하면 되나요 감사합니다 문제가 있습니다", 1.1),
    "cyrillic": ("здравствуйте спасибо почему это не работает сегодня можно", 0.6),
    "greek": ("καλημέρα ευχαριστώ γιατί δεν λειτουργεί σήμερα", 0.6),
    "armenian": ("բարև շնորհակալություն ինչու այսօր չի աշխատում", 0.6),
    "georgian": ("გამარჯობა მადლობა რატომ არ მუშაობს დღეს", 0.6),
    "hebrew": ("שלום תודה למה זה לא עובד היום אפשר", 0.7),
    "arabic": ("مرحبا شكرا لماذا لا يعمل اليوم هل يمكن", 0.7),
    "devanagari": ("नमस्ते धन्यवाद यह काम क्यों नहीं कर रहा है", 0.6),
    "bengali": ("নমস্কার ধন্যবাদ এটা কাজ করছে না কেন", 0.6),
    "tamil": ("வணக்கம் நன்றி இது ஏன் வேலை செய்யவில்லை", 0.6),
    "thai": ("สวัสดี ขอบคุณ ทำไม ใช้ไม่ได้ วันนี้", 0.6),
}


def unread(tokenizer: Any) -> tuple[str, ...]:
    """Return the scripts whose words a tokeniser does not know, or only letter by letter.

    Anything that is no tokeniser of the kind of `transformers` is taken to read everything.
    """
    if not hasattr(tokenizer, "tokenize") or not hasattr(tokenizer, "unk_token"):
        return ()
    return tuple(name for name, (words, most) in _PROBES.items() if not _reads(tokenizer, words, most))


def _reads(tokenizer: Any, words: str, most: float) -> bool:
    pieces: list[str] = tokenizer.tokenize(words)
    letters = len(words.replace(" ", ""))
    if not pieces:  # all of it was thrown away
        return False
    # By number: some tokenisers return an unknown piece as it was written.
    unknown = tokenizer.convert_tokens_to_ids(pieces).count(tokenizer.unk_token_id)
    return unknown <= UNKNOWN * len(pieces) and len(pieces) <= most * letters

"""Texts to numbers of tokens, without transformers.

A `tokenizer.json` is read by `tokenizers`. A large Unigram vocabulary takes that 300 MB and seconds, so SentencePiece
reads it instead, and `tokenizers` only normalises the text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer

from modeling.inference import sentencepiece_model

FILE, PIECES = "tokenizer.json", "pieces.model"


class Tokenizing(Protocol):
    """Texts in, numbers of tokens out, cut to so many and between those that mark a beginning and an end."""

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text."""
        ...


@dataclass(frozen=True, slots=True)
class ByTokenizers:
    """A whole tokenizer.json."""

    tokenizer: Tokenizer

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text."""
        if len(texts) == 1:  # a batch is handed to threads, which takes longer than one text
            return [self.tokenizer.encode(texts[0]).ids]
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]


@dataclass(frozen=True, slots=True)
class BySentencePiece:
    """A Unigram vocabulary; `before` and `after` are the numbers that every text stands between."""

    normalizer: Any
    pieces: Any
    before: tuple[int, ...]
    after: tuple[int, ...]
    most: int

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text."""
        room = self.most - len(self.before) - len(self.after)
        read = self.pieces.encode([_marked_once(self.normalizer.normalize_str(text)) for text in texts])
        return [[*self.before, *ids[:room], *self.after] for ids in read]


def _marked_once(text: str) -> str:
    """Leave out a first space: SentencePiece always puts one there, `tokenizers` only where there is none."""
    return text[1:] if text.startswith((" ", "▁")) else text


def save(tokenizer: bytes, folder: Path) -> None:
    """Write the content of a tokenizer.json into a folder, a large Unigram vocabulary apart from the rest."""
    content = json.loads(tokenizer)
    if _is_sentencepiece(content):
        model = content["model"]
        control = {token["id"] for token in content["added_tokens"]} - {model["unk_id"]}
        pieces = [(str(piece), float(score)) for piece, score in model["vocab"]]
        (folder / PIECES).write_bytes(sentencepiece_model.model(pieces, model["unk_id"], control))
        # `load` needs these of it, and `tokenizers` needs some vocabulary.
        before, after = _around(content)
        content["model"] = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]]}
        content |= {"added_tokens": [], "post_processor": None, "before": before, "after": after}
    (folder / FILE).write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def load(folder: Path, most: int) -> Tokenizing:
    """Read what `save` wrote; `most` tokens of a text are read."""
    content = (folder / FILE).read_text("utf-8")
    if not (folder / PIECES).is_file():
        return by_tokenizers(content, most)
    from sentencepiece import SentencePieceProcessor

    parts = json.loads(content)
    before, after = tuple(parts.pop("before")), tuple(parts.pop("after"))
    pieces = SentencePieceProcessor(model_file=str(folder / PIECES))
    return BySentencePiece(Tokenizer.from_str(json.dumps(parts)).normalizer, pieces, before, after, most)


def by_tokenizers(content: str, most: int) -> ByTokenizers:
    """Read the content of a whole tokenizer.json."""
    tokenizer = Tokenizer.from_str(content)
    tokenizer.no_padding()
    tokenizer.enable_truncation(most)
    return ByTokenizers(tokenizer)


def _is_sentencepiece(content: dict[str, Any]) -> bool:
    """Say whether SentencePiece reads a text as this tokenizer.json says."""
    model, spaces, around = content["model"], content.get("pre_tokenizer") or {}, content.get("post_processor") or {}
    marked = spaces.get("type") == "Metaspace" and spaces.get("prepend_scheme") == "always"
    whole = model.get("type") == "Unigram" and model.get("unk_id") is not None and not model.get("byte_fallback")
    return whole and marked and around.get("type") == "TemplateProcessing" and content.get("normalizer") is not None


def _around(content: dict[str, Any]) -> tuple[list[int], list[int]]:
    """Return the numbers that the template for one text puts before and after it."""
    numbers = {name: token["ids"] for name, token in content["post_processor"]["special_tokens"].items()}
    template = content["post_processor"]["single"]
    at = next(position for position, part in enumerate(template) if "Sequence" in part)
    before, after = (
        [number for part in side for number in numbers[part["SpecialToken"]["id"]]]
        for side in (template[:at], template[at + 1 :])
    )
    return before, after

"""What `gpu` measures on: short chat messages of our own making, and backbones that need no download.

Words and lengths follow from a seed: three words at least, twelve in the median, one message in a hundred longer than
fifty-five. A backbone whose weights are not packaged here has random ones of the same shape, which are as fast as real
ones.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModel, BertConfig, LlamaConfig, PreTrainedTokenizerFast

from modeling.backbones import presets, resolve

MEDIAN_WORDS, SPREAD, LONGEST = 7.0, 0.8, 120  # words that are drawn: log-normal; equal messages count once
TOKENS = 256
KINDS = {
    "bug report": ("the {thing} crashes", "I get an error in the {thing}", "the {thing} is broken again"),
    "question": ("how do I open the {thing}", "where is the {thing}", "does anybody know the {thing}"),
    "thanks": ("thanks for the {thing}", "the {thing} is great, thank you", "much appreciated: the {thing}"),
    "meeting": ("shall we meet about the {thing}", "the {thing} call moves to {when}", "the {thing} review is {when}"),
    "release": ("the {thing} is live", "we ship the {thing} {when}", "the {thing} was rolled out"),
    "request": ("please add a {thing}", "could we have the {thing} {when}", "it would help to have a {thing}"),
    "lunch": ("who is coming to lunch {when}", "I bring cake {when}", "the {thing} can wait, lunch first"),
    "absence": ("I am out {when}", "back {when}, ask Kim about the {thing}", "ill today, no {thing} from me"),
}
THINGS = (
    "login",
    "dashboard",
    "export",
    "invoice page",
    "search",
    "build",
    "mobile app",
    "calendar",
    "report",
    "queue",
)
WHENS = ("today", "tomorrow", "on Monday", "next week", "at ten", "after the stand-up", "this evening", "in an hour")
FILLERS = (
    "just so that you know", "as we said {when}", "I tried it twice", "Ana saw the same in the {thing}",
    "no hurry", "it worked {when}", "see the thread above", "the customer asked {when}", "sorry for the noise",
    "I can help with the {thing}", "number {number}", "on build {number}", "let me know {when}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a transformer, as its configuration has it."""

    layers: int
    width: int
    heads: int
    inner: int
    vocabulary: int
    key_heads: int = 0  # of a decoder


SHAPES = {
    "minilm": Shape(layers=6, width=384, heads=12, inner=1536, vocabulary=30_522),
    "e5": Shape(layers=12, width=384, heads=12, inner=1536, vocabulary=250_037),
    "decoder": Shape(layers=16, width=2048, heads=32, inner=8192, vocabulary=32_000, key_heads=8),  # 1.04e9 parameters
}
TINY = {
    "decoder": Shape(layers=2, width=64, heads=4, inner=128, vocabulary=2_000, key_heads=2),
    "minilm": Shape(layers=2, width=64, heads=4, inner=128, vocabulary=2_000),
}
FOLDERS = {"decoder": "decoder", "minilm": "all-minilm-l6-v2", "e5": "multilingual-e5-small"}  # pooling goes by these
PRESETS = {"minilm": presets.LIGHT, "e5": presets.MULTILINGUAL}


def messages(count: int, seed: int) -> list[tuple[str, str]]:
    """Return so many different messages with their kinds."""
    rng = random.Random(seed)
    rows: dict[str, str] = {}
    while len(rows) < count:
        kind = rng.choice(list(KINDS))
        rows.setdefault(_message(rng, kind), kind)
    return list(rows.items())


def _message(rng: random.Random, kind: str) -> str:
    words = min(LONGEST, max(3, round(rng.lognormvariate(0, SPREAD) * MEDIAN_WORDS)))
    parts = [rng.choice(KINDS[kind])]
    while len(" ".join(parts).split()) < words:
        parts.append(rng.choice(FILLERS))
    return ", ".join(
        part.format(thing=rng.choice(THINGS), when=rng.choice(WHENS), number=rng.randint(1, 999)) for part in parts
    )


def write_csv(rows: list[tuple[str, str]], path: Path) -> Path:
    """Write messages as `modeling train` reads them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(rows)
    return path


def prepare(folder: Path, *, tiny: bool) -> Iterator[str]:
    """Put the backbones that are not packaged here into a folder; yield what was made of each."""
    for name, shape in (TINY if tiny else SHAPES).items():
        packaged = None if tiny else _packaged(name)
        if packaged is None:
            _save(name, shape, folder / FOLDERS[name])
            yield f"{name}: random weights"
        else:
            (folder / FOLDERS[name]).symlink_to(packaged)
            yield f"{name}: packaged weights"


def _packaged(name: str) -> Path | None:
    installed = name in PRESETS and presets.is_installed(PRESETS[name])
    return resolve.resolve(PRESETS[name]) if installed else None


def _save(name: str, shape: Shape, folder: Path) -> None:
    torch.manual_seed(0)
    tokenizer = _tokenizer(shape.vocabulary)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModel.from_config(_config(shape, tokenizer), dtype=torch.bfloat16 if name == "decoder" else None)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _config(shape: Shape, tokenizer: PreTrainedTokenizerFast) -> Any:
    sizes: dict[str, Any] = {
        "vocab_size": shape.vocabulary,
        "num_hidden_layers": shape.layers,
        "hidden_size": shape.width,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.inner,
        "max_position_embeddings": 2 * TOKENS,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if not shape.key_heads:
        return BertConfig(**sizes)
    ends: dict[str, Any] = {"bos_token_id": tokenizer.eos_token_id, "eos_token_id": tokenizer.eos_token_id}
    return LlamaConfig(**sizes, **ends, num_key_value_heads=shape.key_heads)


def _tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """Learn pieces of words from messages; any other text is read byte by byte."""
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "<unk>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=min(vocabulary, 8000), special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    pieces.train_from_iterator((text for text, _ in messages(2000, seed=1)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces, pad_token="<pad>", unk_token="<unk>", eos_token="</s>", model_max_length=TOKENS
    )

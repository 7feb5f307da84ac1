"""What each word of a message adds to a score that is linear in the message's vector: three methods, best first.

Integrated gradients (Sundararajan et al. 2017, by Captum) where a transformer reads tokens, the exact shares where the
vector is a mean over tokens, and for anything else occlusion (Zeiler and Fergus 2014): the score less that without the
word. Each comes with the difference that the words' shares should add up to.

A word is what stands between spaces, its punctuation with it; an emoji is one, and so is each Chinese word, for those
are written without spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from captum.attr import LayerIntegratedGradients
from numpy.typing import NDArray
from torch import Tensor, nn

from modeling.backbones.backbone import Backbone
from modeling.text import chinese_dictionary
from modeling.text.chinese_dictionary import Glossary
from modeling.text.script_reading import Reading
from modeling.text.scripts import RANGES
from modeling.types import Vector

Way = Literal["integrated_gradients", "exact", "occlusion"]

STEPS = (16, 32, 64, 128, 256)  # of the integral, until the shares add up
ADDED_UP = 0.05  # of the difference
AT_ONCE = 4096  # tokens in one batch of steps
MOST_TOKENS = 16_384  # of the steps of one try; a long message takes some ten seconds of two cores then
MOST_OCCLUDED = 128  # longer messages lose several neighbouring words at a time, which then share what that changes
LEAST = 0.1  # a smaller difference, in log-odds, is no scale for an error


# The gap leaves out colours of skin: they belong to the picture before them.
_PICTURES = "\u2600-\u27bf\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
_FITTED = "\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"  # colours of skin, flags of regions
_EMOJI = f"[{_PICTURES}][{_FITTED}]*(?:\u200d[{_PICTURES}][{_FITTED}]*)*"
_HAN = f"[{RANGES['han']}]+"
_PART = re.compile(f"(?P<emoji>{_EMOJI})|(?P<han>{_HAN})|[^\\s{_PICTURES}{RANGES['han']}]+")


@dataclass(frozen=True, slots=True)
class Word:
    """`text` stands from `start` to `end` in the message, and from `read[0]` to `read[1]` in what is read instead."""

    text: str
    start: int
    end: int
    read: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Attribution:
    """`weights` float64 [w], one a word, should add up to `difference`: the score less that of a baseline message.

    The baseline is a message of mask tokens for integrated gradients, and an empty one otherwise. The last `unread`
    words are beyond what the backbone reads.
    """

    way: Way
    words: tuple[Word, ...]
    weights: NDArray[np.float64]
    difference: float
    unread: int = 0

    @property
    def error(self) -> float:
        """How far the sum is from the difference, as a share of that; a difference near zero counts as LEAST."""
        return abs(float(self.weights.sum()) - self.difference) / max(abs(self.difference), LEAST)


def attribute(backbone: Backbone, text: str, direction: Vector) -> Attribution:
    """Say what each word of a cleaned text adds to its vector's product with float32 [d] `direction`.

    A message in a script that is only spelled, whose columns stand beside the backbone's own, is occluded.
    """
    message_words, read = words(text, backbone.reading)
    kept, spelled = backbone.reading.beside([text])
    if not spelled.any():
        # Nothing is spelled, so the columns for spelling are zero, and the rest is all of the score.
        own_direction = torch.from_numpy(direction[: len(direction) - spelled.shape[1]] * kept[0]).float()
        way = _averaged(backbone, message_words, text, read, own_direction) or _integrated(
            backbone, message_words, text, read, own_direction
        )
        if way:
            return way
    return _occluded(backbone, message_words, text, direction)


def words(text: str, reading: Reading) -> tuple[tuple[Word, ...], str]:
    """Return the words of a cleaned text, and the text as a backbone with this reading reads it."""
    if reading.glossary is None or not re.search(_HAN, text):
        return tuple(Word(text[a:b], a, b, (a, b)) for a, b, _, _ in _parts(text, _packaged())), text
    spans: list[Word] = []
    read, apart, last = "", False, 0
    for start, end, replacement, han in _parts(text, reading.glossary):
        apart = apart or han or start > last
        read += " " if read and replacement and apart else ""
        spans.append(Word(text[start:end], start, end, (len(read), len(read) + len(replacement))))
        read, apart, last = read + replacement, han, end
    # Cut like the text that the backbone gets.
    return tuple(spans), read[: chinese_dictionary.LONGEST]


def without(text: str, among: Sequence[Word], removed: Collection[int]) -> str:
    """Return a text less the words at some places, its spaces as `clean` leaves them."""
    kept, last = "", 0
    for position, word in enumerate(among):
        kept += text[last : word.start] + ("" if position in removed else word.text)
        last = word.end
    return " ".join((kept + text[last:]).split())


def _integrated(
    backbone: Backbone, message_words: tuple[Word, ...], text: str, read: str, direction: Tensor
) -> Attribution | None:
    """Integrate the gradient along the straight line from mask tokens to the message's own, at the token embeddings.

    The number of steps doubles until the shares add up (completeness, Sundararajan et al. 2017). None for a backbone
    without token embeddings, offsets or a token for the baseline.
    """
    layer = _token_embeddings(backbone)
    if layer is None:
        return None
    features = backbone.features([text])
    ids, blank = features.pop("input_ids"), _blank(backbone.model.tokenizer)
    offsets = _offsets(backbone, read, ids)
    if offsets is None or blank is None:
        return None
    shares = _shares(offsets, message_words)
    # Special tokens and a prompt stay in the baseline: only the message is to differ.
    nothing = torch.where(torch.from_numpy(shares.any(axis=1)).to(ids.device), torch.full_like(ids, blank), ids)
    score, beside = _scoring(backbone, features, direction.to(ids.device))
    with torch.no_grad():
        difference = float(score(ids, *beside) - score(nothing, *beside))
    integrate: Any = LayerIntegratedGradients(score, layer)
    result = Attribution(
        "integrated_gradients", message_words, np.zeros(len(message_words)), difference, _beyond(shares, message_words)
    )
    for steps in STEPS:
        # The first try is always made, however long the message is.
        if steps > STEPS[0] and (result.error < ADDED_UP or steps * ids.shape[1] > MOST_TOKENS):
            break
        at_once = max(1, AT_ONCE // ids.shape[1])
        gradients = integrate.attribute(
            ids, baselines=nothing, additional_forward_args=beside, n_steps=steps, internal_batch_size=at_once
        )
        of_tokens = gradients.detach().double().sum(-1)[0].cpu().numpy()
        result = replace(result, weights=of_tokens @ shares)
    return result


def _scoring(
    backbone: Backbone, features: dict[str, Any], direction: Tensor
) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
    """Return a function of token ids [n, t] and of those other features that are tensors, and these, for one text."""
    tensors = {name: value for name, value in features.items() if isinstance(value, Tensor)}
    others = {name: value for name, value in features.items() if name not in tensors}

    def score(ids: Tensor, *values: Tensor) -> Tensor:
        given = {"input_ids": ids, **dict(zip(tensors, values, strict=True)), **others}
        return nn.functional.normalize(backbone.model(given)["sentence_embedding"].float(), dim=1) @ direction

    return score, tuple(tensors.values())


def _blank(tokenizer: Any) -> int | None:
    """The token that says least; decoders have no mask."""
    names = ("mask_token_id", "pad_token_id", "unk_token_id", "eos_token_id")
    return next((token for token in (getattr(tokenizer, name, None) for name in names) if token is not None), None)


def _averaged(
    backbone: Backbone, message_words: tuple[Word, ...], text: str, read: str, direction: Tensor
) -> Attribution | None:
    """Return the exact shares where the vector is a normalised mean of token vectors; None for other backbones.

    The score is then a sum over tokens: each adds its vector's product with `direction` over count and length.
    """
    first: Any = backbone.model[0]
    bag = getattr(first, "embedding", None)
    # After any other module the score is no sum over tokens.
    plain = all(type(module).__name__ == "Normalize" for module in list(backbone.model)[1:])
    if not isinstance(bag, nn.EmbeddingBag) or bag.mode != "mean" or not plain:
        return None
    ids = backbone.features([text])["input_ids"]
    coded = first.tokenizer.encode(read, add_special_tokens=False)
    # Offsets are worth nothing unless they are of the very tokens that were read.
    if coded.ids != ids.tolist():
        return None
    with torch.no_grad():
        vectors = bag.weight[ids].double()
        length = vectors.mean(0).norm().clamp(min=1e-12) * max(1, len(ids))
        of_tokens = (vectors @ direction.double().to(vectors.device) / length).cpu().numpy()
    weights = of_tokens @ _shares(coded.offsets, message_words)
    return Attribution("exact", message_words, weights, float(of_tokens.sum()))


def _occluded(backbone: Backbone, message_words: tuple[Word, ...], text: str, direction: Vector) -> Attribution:
    size = -(-len(message_words) // MOST_OCCLUDED)
    groups = [range(start, min(start + size, len(message_words))) for start in range(0, len(message_words), size)]
    variants = [text, "", *(without(text, message_words, set(group)) for group in groups)]
    scores = backbone.encode(variants).astype(np.float64) @ direction
    weights = np.zeros(len(message_words))
    for group, score in zip(groups, scores[2:], strict=True):
        weights[list(group)] = (scores[0] - score) / len(group)
    return Attribution("occlusion", message_words, weights, float(scores[0] - scores[1]))


def _token_embeddings(backbone: Backbone) -> nn.Module | None:
    inner: Any = getattr(backbone.model[0], "model", None)
    layer = inner.get_input_embeddings() if hasattr(inner, "get_input_embeddings") else None
    return layer if isinstance(layer, nn.Module) else None


def _offsets(backbone: Backbone, read: str, ids: Tensor) -> list[tuple[int, int]] | None:
    """Where each token stands in what is read; (0, 0) for those of the prompt and special ones. None if unknown."""
    tokenizer: Any = backbone.model.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        return None
    prompt = backbone.prompt
    limit = backbone.model.max_seq_length
    coded = tokenizer(prompt + read, truncation=True, max_length=limit, return_offsets_mapping=True)
    if coded["input_ids"] != ids[0].tolist():
        return None
    pairs = ((start - len(prompt), end - len(prompt)) for start, end in coded["offset_mapping"])
    return [(max(start, 0), max(end, 0)) for start, end in pairs]


def _shares(offsets: Sequence[tuple[int, int]], message_words: tuple[Word, ...]) -> NDArray[np.float64]:
    """Return [t, w]: which share of each token's letters belongs to each word; rows add up to one, or to zero."""
    starts, ends = (np.array([pair[side] for pair in offsets], np.float64)[:, None] for side in (0, 1))
    first, last = (np.array([word.read[side] for word in message_words], np.float64)[None, :] for side in (0, 1))
    # Length of the overlap of token and word; negative where they do not meet.
    common = np.maximum(np.minimum(ends, last) - np.maximum(starts, first), 0)
    return common / np.maximum(common.sum(axis=1, keepdims=True), 1)


def _beyond(shares: NDArray[np.float64], message_words: tuple[Word, ...]) -> int:
    """How many words at the end have no token, though something is said for them."""
    silent = [
        not share.any() and word.read[0] < word.read[1] for share, word in zip(shares.T, message_words, strict=True)
    ]
    return next((count for count, unread in enumerate(reversed(silent)) if not unread), len(silent))


def _parts(text: str, dictionary: Glossary | None) -> Iterator[tuple[int, int, str, bool]]:
    """Yield start, end, what is said instead, and whether it is Chinese; without a dictionary letter by letter."""
    for part in _PART.finditer(text):
        if part["han"] is None:
            yield part.start(), part.end(), part[0], False
            continue
        start = part.start()
        for word, replacement in dictionary.split(part[0]) if dictionary else ((letter, letter) for letter in part[0]):
            yield start, start + len(word), " ".join(replacement.split()), True
            start += len(word)


def _packaged() -> Glossary | None:
    path = chinese_dictionary.packaged()
    return Glossary(path) if path else None

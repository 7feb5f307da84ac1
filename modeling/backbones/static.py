"""Static embeddings out of a transformer: one vector a token, a message is their mean. No context, a great speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer

from modeling.backbones import vocabulary
from modeling.backbones.backbone import Backbone, autocast
from modeling.errors import ModelingError
from modeling.types import Rows

WIDTH = 256
RARE = 1e-4  # the constant of SIF: a token of this probability counts half
AT_ONCE = 512


def out_of(
    backbone: Backbone, texts: Sequence[str], width: int = WIDTH, on_progress: Callable[[float], None] = lambda _: None
) -> StaticEmbedding:
    """Return static embeddings of a transformer's tokens, as of Model2Vec (Tulkens and van Dongen 2024).

    Each token is read alone, the vectors are cut to their first `width` principal components, and frequent tokens
    count less (SIF, Arora et al. 2017), by how often `texts` say them. Of a large vocabulary only a part stays, by the
    `texts`. Raises ModelingError for a backbone whose tokeniser is not of the kind of `tokenizers`.
    """
    source = getattr(backbone.model.tokenizer, "backend_tokenizer", None)
    if source is None:
        raise ModelingError("static_needs_tokenizer", name=backbone.name)
    whole = Tokenizer.from_str(source.to_str())
    whole.no_padding()
    whole.no_truncation()
    said, around = _counts(whole, [backbone.reading.words(text) for text in texts]), _special(whole)
    tokenizer, tokens = vocabulary.cut(whole, said, vocabulary.MOST)
    vectors = _components(_alone(backbone, tokens, around, on_progress), width)
    # Tokens that nobody says share what Zipf's law leaves to ranks beyond.
    weights = RARE / (RARE + ((said + 0.5) / (said + 0.5).sum())[tokens])
    return StaticEmbedding(tokenizer, embedding_weights=(vectors * weights[:, None]).astype(np.float32))


def _alone(
    backbone: Backbone, tokens: Rows, around: tuple[list[int], list[int]], on_progress: Callable[[float], None]
) -> NDArray[np.float32]:
    """Read each of the tokens [v] alone, between the special ones: float32 [v, d]."""
    before, after = around
    device = backbone.model.device
    vectors: list[NDArray[np.float32]] = []
    for start in range(0, len(tokens), AT_ONCE):
        rows = [[*before, token, *after] for token in tokens[start : start + AT_ONCE].tolist()]
        ids = torch.tensor(rows, device=device)
        features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        with torch.inference_mode(), autocast(device.type):
            vectors.append(backbone.model(features)["sentence_embedding"].float().cpu().numpy())
        on_progress(min(1.0, (start + AT_ONCE) / len(tokens)))
    return np.concatenate(vectors)


def _special(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """What the tokeniser puts before and after a message."""
    bare, whole = tokenizer.encode("a", add_special_tokens=False).ids, tokenizer.encode("a").ids
    start = next((at for at in range(len(whole)) if whole[at : at + len(bare)] == bare), 0)
    return whole[:start], whole[start + len(bare) :]


def _components(vectors: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Rotate to principal components and keep the first; lengths are about one."""
    centred = vectors - vectors.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    # eigh sorts ascending: the directions that explain most come last.
    kept = centred @ directions[:, ::-1][:, :width]
    return (kept / np.linalg.norm(kept, axis=1).mean()).astype(np.float32)


def _counts(tokenizer: Tokenizer, texts: list[str]) -> NDArray[np.float64]:
    """How often texts have each token: float64 [v]."""
    counts = np.zeros(tokenizer.get_vocab_size())
    for start in range(0, len(texts), AT_ONCE):
        for encoding in tokenizer.encode_batch(texts[start : start + AT_ONCE], add_special_tokens=False):
            np.add.at(counts, encoding.ids, 1.0)
    return counts

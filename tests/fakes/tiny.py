"""A transformer of two small layers with random weights, for tests that train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, BertTokenizer, set_seed

from tests.fakes.messages import messages


def bert(folder: Path, seed: int = 0, width: int = 64) -> Path:
    """Write a backbone of about 200,000 parameters, at the usual width, to a folder."""
    words = BertWordPieceTokenizer()
    words.train_from_iterator([text for text, _ in messages()], vocab_size=300, min_frequency=1, show_progress=False)
    plain = folder / "plain"
    plain.mkdir(parents=True)
    words.save_model(str(plain))
    set_seed(seed)
    config = BertConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=4 * width,
        max_position_embeddings=128,
    )
    parts: list[Any] = [BertModel(config), BertTokenizer(vocab=str(plain / "vocab.txt"), do_lower_case=True)]
    for part in parts:
        part.save_pretrained(plain)
    transformer = Transformer(str(plain))
    SentenceTransformer(modules=[transformer, Pooling(width)]).save(str(folder / "bert"), create_model_card=False)
    return folder / "bert"

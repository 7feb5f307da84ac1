"""Backbones of two random layers, for tests that train: each is made in a moment and read as any other folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoModel, AutoTokenizer, BertConfig, GPT2Config, LlamaConfig

from modeling.backbones import resolve

WIDTH = 64  # a multiple of what 4-bit weights are counted in


def save(family: str, folder: Path) -> Path:
    """Write a random "bert", "llama" or "gpt2" with the packaged tokeniser and the pooling of its family."""
    torch.manual_seed(7)
    tokenizer: Any = AutoTokenizer.from_pretrained(str(resolve.resolve("minilm")))
    AutoModel.from_config(_config(family, len(tokenizer))).save_pretrained(folder / "plain")
    tokenizer.save_pretrained(folder / "plain")
    transformer = Transformer(str(folder / "plain"), max_seq_length=64)
    pooling = Pooling(WIDTH, "mean" if family == "bert" else "lasttoken")
    SentenceTransformer(modules=[transformer, pooling]).save(str(folder / "saved"), create_model_card=False)
    return folder / "saved"


def _config(family: str, vocabulary: int) -> Any:
    shared: dict[str, Any] = {"vocab_size": vocabulary, "pad_token_id": 0}
    if family == "gpt2":
        return GPT2Config(n_embd=WIDTH, n_layer=2, n_head=2, n_positions=64, bos_token_id=1, eos_token_id=2, **shared)
    sizes: dict[str, Any] = {
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 2 * WIDTH,
    }
    kind = LlamaConfig if family == "llama" else BertConfig
    return kind(max_position_embeddings=64, **sizes, **shared)

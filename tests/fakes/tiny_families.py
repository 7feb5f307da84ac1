"""Backbones of every family with two layers and random weights, as plain transformers folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fakes.messages import messages

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
}
GROUPED = {**SMALL, "num_key_value_heads": 1}
SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}
OWN = {
    "bert": SMALL,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "initializer_range": 0.3},
    "roberta": SMALL,
    "mpnet": SMALL,
    "modernbert": {**SMALL, "cls_token_id": 1, "sep_token_id": 2},
    "llama": GROUPED,
    "qwen2": GROUPED,
    "qwen3": {**GROUPED, "head_dim": 16},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 512, "initializer_range": 0.3},
}
"""What is set for each `model_type`."""

DECODERS = ("llama", "qwen2", "qwen3", "gpt2")


def save(kind: str, folder: Path, **settings: Any) -> Path:
    """Write a backbone of a `model_type`, with its head for words where it is a decoder, and its tokeniser."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

    torch.manual_seed(0)
    tokenizer = tokeniser(kind)
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **{**OWN[kind], **marks(tokenizer), **settings})
    make: Any = AutoModelForCausalLM if kind in DECODERS else AutoModel
    make.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tokeniser(kind: str) -> Any:
    """A byte-level one, as RoBERTa's; decoders' adds nothing to a text and, as GPT-2's, has nothing to pad with."""
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    bare = ByteLevelBPETokenizer()
    special = ["<|endoftext|>"] if kind in DECODERS else list(SPECIAL.values())
    bare.train_from_iterator([text for text, _ in messages()], vocab_size=400, special_tokens=special)
    if kind in DECODERS:
        return PreTrainedTokenizerFast(tokenizer_object=bare._tokenizer, eos_token="<|endoftext|>")
    ends = [(token, bare.token_to_id(token)) for token in ("<s>", "</s>")]
    bare._tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=bare._tokenizer, cls_token="<s>", sep_token="</s>", **SPECIAL)


def marks(tokenizer: Any) -> dict[str, Any]:
    """The numbers of special tokens, as a configuration names them."""
    names = ("pad", "bos", "eos")
    return {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in names}

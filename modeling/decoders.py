"""What GPT-type backbones need before they can read several texts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def prepare(model: SentenceTransformer) -> None:
    """Give a tokeniser something to pad with, and see that padding changes no vector.

    Decoders often come without a pad token: then any other will do, for padding is masked. Where the last token
    counts, padding goes behind it: tokens see only those before them, and places that are counted from the first token
    (GPT-2) stay right.
    """
    tokenizer: Any = model.tokenizer
    if not hasattr(tokenizer, "padding_side"):
        return
    rows = _rows(model)
    if tokenizer.pad_token is None or (rows and not 0 <= int(tokenizer.pad_token_id) < rows):
        others = (tokenizer.eos_token, tokenizer.bos_token, tokenizer.unk_token, tokenizer.convert_ids_to_tokens(0))
        tokenizer.pad_token = next(token for token in others if token is not None)
    if any("lasttoken" in getattr(module, "pooling_mode", ()) for module in model):
        tokenizer.padding_side = "right"


def nothing(tokenizer: Any) -> str:
    """Return what to read instead of an empty text: a token that says so where a tokeniser adds none of its own."""
    if not hasattr(tokenizer, "pad_token") or tokenizer("")["input_ids"]:
        return ""
    return str(tokenizer.eos_token or tokenizer.pad_token)


def _rows(model: SentenceTransformer) -> int:
    """How many tokens have a vector; 0 where that cannot be told."""
    inner: Any = getattr(model[0], "model", None)
    table = inner.get_input_embeddings() if hasattr(inner, "get_input_embeddings") else None
    return int(getattr(table, "num_embeddings", 0))

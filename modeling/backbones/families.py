"""How each family of backbones wants to be read: which vector of its tokens counts, and what goes before a text.

A folder that says so itself is left as it is. For a plain transformers folder, or one that keeps silent about its
prompt, the files of a sentence-transformers folder that are missing are made here: they belong to the backbone from
then on, are hashed with it, and are written beside it when it is saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

import json
import re
from dataclasses import dataclass
from pathlib import Path

from modeling.backbones.validation import modules, read_json

PROMPT = "classification"  # the name under which a prompt for sorting texts is saved
_SETTINGS = "config_sentence_transformers.json"
_WIDTHS = ("word_embed_proj_dim", "hidden_size", "n_embd", "d_model", "dim")  # what configurations call it


@dataclass(frozen=True, slots=True)
class Family:
    """A family whose models share a pooling and a prompt; `names` is a pattern for the last part of a hub name."""

    names: str
    pooling: str
    prompt: str = ""

    def has(self, name: str) -> bool:
        """Say whether a hub name, or the name of a folder, is one of the family's."""
        return re.fullmatch(self.names, name.rstrip("/").rsplit("/", 1)[-1], re.IGNORECASE) is not None


FAMILIES = (
    # Wang et al. 2022, arXiv:2212.03533, and 2024, arXiv:2402.05672: "query: " also for classifying
    Family(r"e5-(small|base|large)(-v2|-unsupervised)?|multilingual-e5-(small|base|large)", "mean", "query: "),
    # Xiao et al. 2023, arXiv:2309.07597, and Chen et al. 2024, arXiv:2402.03216: instructions are for retrieval only
    Family(r"bge-(small|base|large)(-(en|zh))?(-v1\.5)?|bge-m3", "cls"),
    # Nussbaum et al. 2024, arXiv:2402.01613
    Family(r"nomic-embed-text-v1(\.5)?", "mean", "classification: "),
    # Merrick et al. 2024, arXiv:2405.05374
    Family(r"snowflake-arctic-embed-(xs|s|m|l)(-v[\d.]+)?", "cls"),
    # Lee et al. 2024, model card of mxbai-embed-large-v1
    Family(r"mxbai-embed-(large|xsmall)-v1", "cls"),
    # Li et al. 2023, arXiv:2308.03281
    Family(r"gte-(small|base|large)", "mean"),
)

# Decoders by their `model_type`, for folders that name no architecture "…ForCausalLM". A word sees only those before
# it, so that the last one alone has seen the whole text (Neelakantan et al. 2022, arXiv:2201.10005).
DECODERS = re.compile(
    r"bloom|codegen|cohere2?|deepseek_v[23]|exaone4|falcon|gemma2?|gemma3_text|glm4?|gpt2|gpt_(bigcode|neo|neox|oss)"
    r"|gptj|granite|helium|llama|mistral|mixtral|mpt|nemotron|olmo[23]?|openai-gpt|opt|persimmon|phi3?|qwen[23](_moe)?"
    r"|smollm3|stablelm|starcoder2|xglm"
)

_TRANSFORMER = "sentence_transformers.base.modules.transformer.Transformer"
_POOLING = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
_PARTS = [
    {"idx": 0, "name": "0", "path": "", "type": _TRANSFORMER},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": _POOLING},
]


def completion(folder: Path, name: str) -> dict[str, bytes]:
    """Return the files, by their names in `folder`, that make it a sentence-transformers folder that says everything.

    `name` is what the backbone was asked for by. {} where nothing is missing.
    """
    config, settings, parts = read_json(folder / "config.json"), read_json(folder / _SETTINGS), modules(folder)
    names = {name, folder.name, _repository(folder)} | ({str(config.get("_name_or_path"))} if not parts else set())
    family = next((candidate for candidate in FAMILIES if any(map(candidate.has, names))), None)
    made: dict[str, Any] = {}
    width = next((config[key] for key in _WIDTHS if isinstance(config.get(key), int)), 0)
    if not parts and width:
        pooling = family.pooling if family else "lasttoken" if is_decoder(config) else "mean"
        made["modules.json"] = _PARTS
        made["1_Pooling/config.json"] = {"embedding_dimension": width, "pooling_mode": pooling, "include_prompt": True}
    prompted = _prompted(settings, family.prompt if family else "")
    if prompted != settings:
        made[_SETTINGS] = prompted
    return {path: (json.dumps(content, indent=2) + "\n").encode() for path, content in made.items()}


def is_decoder(config: dict[str, Any]) -> bool:
    """Say whether a configuration is of a model whose words see only those before them."""
    architecture = str(next(iter(config.get("architectures") or ()), ""))
    # Some embedding models have a decoder's architecture but look both ways; they say so by one of these keys.
    both_ways = config.get("is_causal") is False or config.get("use_bidirectional_attention") is True
    of_decoder = DECODERS.fullmatch(str(config.get("model_type"))) is not None
    return not both_ways and (of_decoder or architecture.endswith("ForCausalLM"))


def _prompted(settings: dict[str, Any], prompt: str) -> dict[str, Any]:
    """Settings with a prompt by default: their own for classifying, else the family's where they have none at all."""
    prompts = settings.get("prompts") or {}
    if settings.get("default_prompt_name"):
        return settings
    chosen = next((key for key in prompts if str(key).casefold() == PROMPT and prompts[key]), None)
    if chosen is not None:
        return {**settings, "default_prompt_name": chosen}
    if not prompt or any(prompts.values()):
        return settings
    return {**settings, "prompts": {**prompts, PROMPT: prompt}, "default_prompt_name": PROMPT}


def _repository(folder: Path) -> str:
    """The hub name that a folder in the hub's cache is of; "" for other folders."""
    cached_part = next((part for part in folder.parts if part.startswith("models--")), "")
    return cached_part.removeprefix("models--").replace("--", "/")


def prepare_decoder(model: SentenceTransformer) -> None:
    """Give a tokeniser something to pad with, and see that padding changes no vector.

    Decoders often come without a pad token: then any other will do, for padding is masked. Where the last token
    counts, padding goes behind it: tokens see only those before them, and places that are counted from the first token
    (GPT-2) stay right.
    """
    tokenizer: Any = model.tokenizer
    if not hasattr(tokenizer, "padding_side"):
        return
    rows = _rows(model)
    # A tokeniser may name a pad token that the model's table has no row for.
    if tokenizer.pad_token is None or (rows and not 0 <= int(tokenizer.pad_token_id) < rows):
        others = (tokenizer.eos_token, tokenizer.bos_token, tokenizer.unk_token, tokenizer.convert_ids_to_tokens(0))
        tokenizer.pad_token = next(token for token in others if token is not None)
    if any("lasttoken" in getattr(module, "pooling_mode", ()) for module in model):
        tokenizer.padding_side = "right"


def nothing_to_read(tokenizer: Any) -> str:
    """Return what to read instead of an empty text: a token that says so where a tokeniser adds none of its own."""
    if not hasattr(tokenizer, "pad_token") or tokenizer("")["input_ids"]:
        return ""
    return str(tokenizer.eos_token or tokenizer.pad_token)


def _rows(model: SentenceTransformer) -> int:
    """How many tokens have a vector; 0 where that cannot be told."""
    inner: Any = getattr(model[0], "model", None)
    table = inner.get_input_embeddings() if hasattr(inner, "get_input_embeddings") else None
    return int(getattr(table, "num_embeddings", 0))

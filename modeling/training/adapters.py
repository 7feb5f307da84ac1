"""What of a backbone is trained: low-rank adapters (on whole, 8-bit or 4-bit weights), or everything but its tables.

LoRA: Hu et al. 2021, with the scale of rsLoRA (Kalajdzievski 2023). QLoRA, 4-bit NF4 with double quantisation:
Dettmers et al. 2023. LLM.int8: Dettmers et al. 2022. Whatever was trained, a plain backbone comes out.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.errors import ModelingError
from modeling.training.recipe import FineTuneConfig, Method

LARGE = 1_000_000_000  # parameters, from which on weights are written as bfloat16: half the disk and the memory


def load(base: Path, method: Method) -> Backbone:
    """Load a backbone to be trained by `method`. Raises ModelingError where that needs what is not installed."""
    if method in ("qlora", "int8"):
        return backbones.load(str(base), settings={"quantization_config": _quantisation(method)})
    return backbones.load(str(base))


def fitting(methods: Sequence[Method], backbone: Backbone) -> tuple[Method, ...]:
    """Return those of the methods by which a backbone can be trained: adapters need a transformer."""
    return tuple(method for method in methods if is_transformer(backbone) or method in ("frozen", "full"))


def is_transformer(backbone: Backbone) -> bool:
    """Say whether there is a transformer, pretrained and with layers that adapters fit on."""
    return hasattr(getattr(backbone.model[0], "model", None), "get_input_embeddings")


def prepare(backbone: Backbone, method: Method, tuning: FineTuneConfig) -> None:
    """Choose what is trained. Raises ModelingError for a backbone that no adapter fits."""
    backbone.model.train()
    if method == "full":
        backbone.model.float()  # steps are too small for weights of 16 bits
        for module in backbone.model.modules():
            if isinstance(module, nn.Embedding):
                module.requires_grad_(False)
    else:
        _adapt(backbone, method, tuning)
    if tuning.gradient_checkpointing:
        _recompute(backbone.model)


def merge(backbone: Backbone, method: Method) -> None:
    """Put adapters into the weights, dequantised where they are not whole, and leave a plain backbone."""
    if method != "full":
        inner = _transformer(backbone)
        for layer in list(inner.model.modules()):
            if hasattr(layer, "lora_A") and _quantised(layer.base_layer):
                layer.base_layer = _dequantised(layer.base_layer, layer.get_delta_weight("default"))
        # Quantised layers hold the sum already; peft would round it to 8 or 4 bits again.
        quantised = method in ("qlora", "int8")
        inner.model = inner.model.unload() if quantised else inner.model.merge_and_unload()
        _forget_quantisation(inner.model)
    if backbone.parameters >= LARGE:
        backbone.model.to(torch.bfloat16)
    backbone.model.requires_grad_(True)


def _adapt(backbone: Backbone, method: Method, tuning: FineTuneConfig) -> None:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers.pytorch_utils import Conv1D

    inner = _transformer(backbone)
    if method in ("qlora", "int8"):
        # Whether activations are recomputed is for the recipe to say, see `_recompute`.
        inner.model = prepare_model_for_kbit_training(inner.model, use_gradient_checkpointing=False)
        for module in inner.model.modules():
            if hasattr(module, "support_avx512bf16_for_cpu"):  # it would repack the weights at the first evaluation,
                module.support_avx512bf16_for_cpu = False  # in a form that is for reading only
    inner.model = get_peft_model(
        inner.model,
        LoraConfig(
            r=tuning.rank,
            lora_alpha=tuning.rank,
            lora_dropout=tuning.dropout,
            use_rslora=True,
            target_modules="all-linear",
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in inner.model.modules()),
        ),
    )


def _transformer(backbone: Backbone) -> Any:
    """Return the module that holds a transformers model."""
    from transformers import PreTrainedModel

    first: Any = backbone.model[0]
    inner: Any = getattr(first, "model", None)
    if isinstance(inner, PreTrainedModel) or hasattr(inner, "peft_config"):
        return first
    raise ModelingError("no_layers_for_adapters", name=backbone.name)


def _recompute(model: nn.Module) -> None:
    """Compute activations again instead of keeping them, where the backbone can: less memory, a third more time."""
    for module in model.modules():
        if getattr(module, "supports_gradient_checkpointing", False):
            module.activation_checkpointing_enable()  # pyright: ignore[reportCallIssue]
            return


def _quantisation(method: Method) -> Any:
    """Return what transformers and bitsandbytes need to load weights in 4 or 8 bits."""
    if find_spec("bitsandbytes") is None:
        raise ModelingError("method_needs_bitsandbytes", method=method)
    from transformers import BitsAndBytesConfig

    logging.getLogger("bitsandbytes").setLevel(logging.CRITICAL)  # it misses a package that fetches compiled code
    if method == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if backbones.has_bfloat16(device) else torch.float32,
    )


def _quantised(layer: nn.Module) -> bool:
    return type(getattr(layer, "weight", None)).__name__ in ("Params4bit", "Int8Params")


def _dequantised(layer: Any, added: torch.Tensor) -> nn.Module:
    """Return a whole layer with float32 weights and what the adapter adds to them."""
    from transformers.integrations.bitsandbytes import dequantize_bnb_weight
    from transformers.pytorch_utils import Conv1D

    weights = dequantize_bnb_weight(layer.weight, getattr(layer, "state", None)).float() + added.detach().float()
    if getattr(layer, "source_cls", nn.Linear) is Conv1D:  # GPT-2 keeps its weights the other way round
        plain: Any = Conv1D(layer.out_features, layer.in_features)
        weights = weights.T
    else:
        # Without memory, for its weights come below: drawing a billion random ones first would take long.
        plain = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
    plain.weight = nn.Parameter(weights.contiguous())
    if layer.bias is not None:
        plain.bias = nn.Parameter(layer.bias.detach().float())
    return plain


def _forget_quantisation(model: Any) -> None:
    """Take the traces off that would make it be saved and loaded as a quantised model."""
    quantiser = getattr(model, "hf_quantizer", None)
    if quantiser is not None:
        quantiser.remove_quantization_config(model)
        for name in ("is_loaded_in_4bit", "is_loaded_in_8bit"):
            if hasattr(model, name):
                delattr(model, name)
        model.float()

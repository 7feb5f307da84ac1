"""What a backbone can learn from messages that nobody labelled: hidden words, next words, or whole corrupted messages.

What is hidden or deleted follows from the seed and the place in the order of training alone, so that a run that was
killed and goes on sees what a run without a break would have seen.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES

from modeling.backbones.backbone import Backbone
from modeling.errors import ModelingError, short
from modeling.sentences.catalogue import Sentence, sentence

Objective = Literal["mlm", "clm", "tsdae"]
Batch = dict[str, Tensor]

MASKED = 0.3  # of the tokens; more than BERT's 0.15 teaches more a step (Wettig et al. 2023)
AS_MASK, AS_RANDOM = 0.8, 0.1  # of the tokens asked for; the rest stays as it is (Devlin et al. 2019)
DELETED = 0.6  # of the tokens (Wang et al. 2021)
IGNORED = -100  # the target of a token that is not asked for
RATES: dict[Objective, float] = {"mlm": 1e-4, "clm": 5e-5, "tsdae": 3e-5}  # learning rates


class PretrainingModel(nn.Module):
    """A backbone that learns without labels: `make_batch` makes a batch, `forward` returns {"loss"} of it.

    `objective` is its name. `new_parameters` are the names of the parameters that the base did not come with: they
    start from random values.
    """

    objective: Objective
    _keys_to_ignore_on_save = None  # Trainer asks for it when it resumes from trained weights only

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.encoder = backbone.model
        self.new_parameters: frozenset[str] = frozenset()

    def make_batch(self, texts: Sequence[str], positions: Sequence[int], seed: int) -> Batch:
        """Tokenise texts [b] and corrupt them by the random numbers that belong to their `positions` [b]."""
        features = self.backbone.features(list(texts))
        tokens = {name: value for name, value in features.items() if isinstance(value, Tensor)}
        width = tokens["input_ids"].shape[1]
        random = np.stack([np.random.default_rng((seed, position)).random((width, 3)) for position in positions])
        return self.corrupt(tokens, torch.from_numpy(random).to(tokens["input_ids"].device))

    def corrupt(self, tokens: Batch, random: Tensor) -> Batch:
        """Return what `forward` takes; `random` float64 [b, t, 3] are numbers from 0 to 1."""
        raise NotImplementedError

    def own_tokens(self, tokens: Batch, *, unknown: bool) -> Tensor:
        """Say which tokens, bool [b, t], are a message's own, and whether those that are `unknown` count."""
        tokenizer: Any = self.backbone.model.tokenizer
        added = set(tokenizer.all_special_ids) - ({tokenizer.unk_token_id} if unknown else set())
        ids = tokens["input_ids"]
        return tokens["attention_mask"].bool() & ~torch.isin(ids, torch.tensor(sorted(added), device=ids.device))


class TokenPrediction(PretrainingModel):
    """Predict tokens from the backbone's vectors of tokens, by the head of the language model that it was.

    The head reads only the tokens that are asked for: over a whole vocabulary it costs as much as the backbone.
    """

    def __init__(self, backbone: Backbone, folder: Path, automatic: Any) -> None:
        super().__init__(backbone)
        self.head, missing = _head(backbone, folder, automatic)
        self.new_parameters = frozenset(f"head.{name}" for name in missing)

    def forward(self, targets: Tensor, **tokens: Tensor) -> dict[str, Tensor]:
        """Return {"loss"}, the cross-entropy of those targets int [b, t] that are asked for."""
        vectors = self.encoder[0](tokens)["token_embeddings"]
        chosen = targets != IGNORED
        if not chosen.any():
            # A batch that asks for nothing still needs a loss with a gradient.
            return {"loss": vectors.sum() * 0.0}
        logits = self.head(inputs_embeds=vectors[chosen][None]).logits[0]
        return {"loss": nn.functional.cross_entropy(logits.float(), targets[chosen])}


class MaskedLM(TokenPrediction):
    """Masked language modelling (Devlin et al. 2019), for encoders."""

    objective = "mlm"

    def __init__(self, backbone: Backbone, folder: Path) -> None:
        super().__init__(backbone, folder, AutoModelForMaskedLM)
        if backbone.model.tokenizer.mask_token_id is None:
            raise ModelingError("no_mask_token", name=backbone.name)

    def corrupt(self, tokens: Batch, random: Tensor) -> Batch:
        """Ask for a share of the tokens, one of each message at least, and hide most of these."""
        tokenizer, ids = self.backbone.model.tokenizer, tokens["input_ids"]
        own_tokens = self.own_tokens(tokens, unknown=False)
        # Random numbers are below 1, so that the smallest is always of an own token.
        priority = random[..., 0].masked_fill(~own_tokens, 2.0)
        chosen = own_tokens & ((priority < MASKED) | (priority == priority.amin(1, keepdim=True)))
        as_mask = chosen & (random[..., 1] < AS_MASK)
        as_random = chosen & ~as_mask & (random[..., 1] < AS_MASK + AS_RANDOM)
        random_tokens = (random[..., 2] * tokenizer.vocab_size).long()
        input_ids = torch.where(as_random, random_tokens, ids.masked_fill(as_mask, tokenizer.mask_token_id))
        return {**tokens, "input_ids": input_ids, "targets": ids.masked_fill(~chosen, IGNORED)}


class CausalLM(TokenPrediction):
    """Next-token prediction (Radford et al. 2018), for decoders."""

    objective = "clm"

    def __init__(self, backbone: Backbone, folder: Path) -> None:
        super().__init__(backbone, folder, AutoModelForCausalLM)

    def corrupt(self, tokens: Batch, random: Tensor) -> Batch:
        """Ask every token for the one after it; nothing is corrupted."""
        ids, present = tokens["input_ids"], tokens["attention_mask"].bool()
        targets = torch.full_like(ids, IGNORED)
        # No target where this token or the next one is padding, on whichever side that is.
        targets[:, :-1] = ids[:, 1:].masked_fill(~(present[:, 1:] & present[:, :-1]), IGNORED)
        return {**tokens, "targets": targets}


class TSDAE(PretrainingModel):
    """TSDAE (Wang et al. 2021): tell a message by its vector alone, read from what deletion left of the message.

    Single tokens are deleted rather than words, for not every script shows where a word ends.
    """

    objective = "tsdae"

    def __init__(self, backbone: Backbone, folder: Path) -> None:
        from sentence_transformers.sentence_transformer.losses import DenoisingAutoEncoderLoss

        super().__init__(backbone)
        inner: Any = backbone.model.transformers_model
        inner.config._name_or_path = str(folder)  # where the library looks for the decoder's weights
        try:
            self.autoencoder = DenoisingAutoEncoderLoss(backbone.model)
        except (ValueError, AssertionError) as error:
            raise _no_decoder(backbone, short(error)) from None
        if "encoder_hidden_states" not in inspect.signature(self.autoencoder.decoder.forward).parameters:
            raise _no_decoder(backbone, sentence("no_cross_attention"))
        shared = {id(value) for value in backbone.model.parameters()}
        self.new_parameters = frozenset(name for name, value in self.named_parameters() if id(value) not in shared)

    def corrupt(self, tokens: Batch, random: Tensor) -> Batch:
        """Delete most tokens of every message, never all; the whole message is what is asked for."""
        own_tokens = self.own_tokens(tokens, unknown=True)
        # Below all random numbers, so that the largest, which is never deleted, is of an own token.
        priority = random[..., 0].masked_fill(~own_tokens, -1.0)
        deleted = own_tokens & (priority < DELETED) & (priority != priority.amax(1, keepdim=True))
        kept = tokens["attention_mask"].bool() & ~deleted
        pad = self.backbone.model.tokenizer.pad_token_id
        # Kept tokens move together in their order: a gap would show where something is missing.
        order = torch.argsort((~kept).int(), dim=1, stable=True)[:, : int(kept.sum(1).max())]
        remaining = {name: value.gather(1, order) for name, value in tokens.items()}
        present = kept.gather(1, order)
        remaining["input_ids"] = remaining["input_ids"].masked_fill(~present, pad)
        remaining["attention_mask"] = present.to(remaining["attention_mask"].dtype)
        return {**remaining, "targets": tokens["input_ids"]}

    def forward(self, targets: Tensor, **tokens: Tensor) -> dict[str, Tensor]:
        """Return {"loss"}, the cross-entropy of the whole messages, targets int [b, t]."""
        return {"loss": self.autoencoder([tokens, {"input_ids": targets}], targets)}


def choose(requested: Objective | Literal["auto"], backbone: Backbone) -> Objective:
    """Return what a backbone can learn: an encoder to tell a message from its vector, a decoder the next word.

    Masked words instead cost MiniLM 5.7 points of macro-F1 with 16 examples a label of emotion, TSDAE, after fewer
    steps, none that could be told from chance.

    Raises ModelingError for another objective than it can learn, and for a backbone that is no transformer.
    """
    inner: Any = backbone.model.transformers_model
    kind = inner.config.model_type if inner is not None else ""
    if kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        able: tuple[Objective, ...] = ("tsdae", "mlm") if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES else ("mlm",)
    elif kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        able = ("clm",)
    else:
        raise ModelingError("predicts_no_words", name=backbone.name)
    if requested != "auto" and requested not in able:
        code = "reads_both_ways" if "mlm" in able else "reads_forwards"
        raise ModelingError(code, name=backbone.name, objectives=able)
    return able[0] if requested == "auto" else requested


def build(objective: Objective, backbone: Backbone, base: Path, seed: int) -> PretrainingModel:
    """Return the backbone of the folder `base` with what the objective needs beside it; that starts from the seed."""
    torch.manual_seed(seed)
    kinds = {"mlm": MaskedLM, "clm": CausalLM, "tsdae": TSDAE}
    device = backbone.model.device  # asked for first: TSDAE's weights, loaded on the CPU, may become the backbone's
    # Moved at once: its loss is measured before Trainer would do that.
    return kinds[objective](backbone, _transformer(base)).to(device)


def _transformer(base: Path) -> Path:
    """Return where in a folder of sentence-transformers the transformer's own files are."""
    path = base / "modules.json"
    return base / json.loads(path.read_text("utf-8"))[0]["path"] if path.is_file() else base


def _no_decoder(backbone: Backbone, reason: Sentence | str) -> ModelingError:
    return ModelingError("no_decoder", name=backbone.name, reason=reason)


class _PassThrough(nn.Module):
    """Stands where a language model's body was, and hands on the vectors that it is given."""

    def forward(self, *_: Any, inputs_embeds: Tensor, **__: Any) -> BaseModelOutputWithPast:
        return BaseModelOutputWithPast(last_hidden_state=inputs_embeds)


def _head(backbone: Backbone, folder: Path, automatic: Any) -> tuple[nn.Module, list[str]]:
    """Return the language model of a folder without its body, and the parameters that the folder does not have.

    Its last layer is the table of the backbone's own words, unless the folder has one apart from it.
    """
    try:
        whole, loading = automatic.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, output_loading_info=True
        )
    except (ValueError, OSError) as error:
        raise ModelingError("no_language_model", name=backbone.name, reason=short(error)) from None
    last = whole.get_output_embeddings()
    # The body is not needed twice: the backbone's own vectors go straight to the head.
    setattr(whole, whole.base_model_prefix, _PassThrough())
    missing: list[str] = [name for name in loading["missing_keys"] if name in dict(whole.named_parameters())]
    table: Any = backbone.model.transformers_model
    if whole.config.tie_word_embeddings or any(value is last.weight for value in map(whole.get_parameter, missing)):
        last.weight = table.get_input_embeddings().weight
    parameters = dict(whole.named_parameters())
    return whole, [name for name in missing if name in parameters and parameters[name] is not last.weight]

"""The loss of fine-tuning: supervised contrast within a batch, and cross-entropy of a cosine classifier."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from modeling.training.recipe import FineTuneConfig
from modeling.types import Targets

CONTRAST = 0.5  # share of the contrastive loss
SCALE = 16.0  # sharpness of the cosine classifier, as of a temperature of 1/16


class FineTuneModel(nn.Module):
    """A backbone with a cosine classifier; returns the loss of a batch, as Trainer expects."""

    _keys_to_ignore_on_save = None  # Trainer asks for it when it resumes from trained weights only
    accepts_loss_kwargs = False  # the loss is a mean over the batch: Trainer divides it where batches accumulate

    def __init__(self, encoder: nn.Module, prototypes: Tensor, label_weights: Tensor, tuning: FineTuneConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.prototypes = nn.Parameter(prototypes)
        self.label_weights = nn.Parameter(
            label_weights, requires_grad=False
        )  # a parameter, so that it follows the device
        self.tuning = tuning

    def forward(self, labels: Tensor, kept: Tensor, added: Tensor, **features: Tensor) -> dict[str, Tensor]:
        """Return {"loss", "logits" [b, k]} for tokens [b, t], labels [b] and what `Reading.beside` says.

        The contrast depends on who else is in the batch, so that a validation loss is the cross-entropy alone.
        """
        embeddings = nn.functional.normalize(self.encoder(features)["sentence_embedding"].float(), dim=1)
        vectors = torch.cat([embeddings * kept, added], dim=1)
        logits = SCALE * vectors @ nn.functional.normalize(self.prototypes, dim=1).T
        loss = nn.functional.cross_entropy(logits, labels, weight=self.label_weights)
        share = CONTRAST if self.tuning.contrast is None else self.tuning.contrast
        if share > 0 and self.training:
            loss = (1 - share) * loss + share * contrast(vectors, labels, self.tuning.contrast_temperature)
        return {"loss": loss, "logits": logits}


def contrast(vectors: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss within a batch (Khosla et al. 2020, the variant with the sum outside the logarithm).

    `vectors` [b, d] have length one. Messages whose label nobody else in the batch has do not count.
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    similar = (vectors @ vectors.T / temperature).masked_fill(itself, float("-inf"))
    # Zero in place of minus infinity, which times an empty mask would be NaN.
    share = torch.log_softmax(similar, dim=1).masked_fill(itself, 0.0)
    partners = (labels[:, None] == labels[None, :]) & ~itself
    count = partners.sum(1)
    losses = -(share * partners).sum(1) / count.clamp(min=1)
    return losses.sum() / (count > 0).sum().clamp(min=1)


def label_weights(targets: Targets, classes: int) -> Tensor:
    """Return each label's weight [k] in the loss: the rarer, the heavier, by the square root of its share."""
    counts = np.bincount(targets, minlength=classes)
    weights = np.sqrt(len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1)))
    return torch.tensor(weights, dtype=torch.float32)

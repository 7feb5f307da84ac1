"""Messages in batches for fine-tuning: similar lengths together, in an order that a resumed run draws again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers.trainer_pt_utils import LengthGroupedSampler

from modeling.backbones.backbone import Backbone
from modeling.types import Targets


class MessageDataset(Dataset[dict[str, Any]]):
    """Texts with their targets, tokenised when they are put into a batch."""

    def __init__(self, backbone: Backbone, texts: Sequence[str], targets: Targets, tokens: int) -> None:
        self._backbone = backbone
        self._texts = texts
        self._targets = targets
        self.lengths = [min(len(text), 4 * tokens) for text in texts]

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"text": self._texts[row], "label": int(self._targets[row])}

    def collate(self, batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Return tokens [b, t], labels [b] and the columns beside the backbone's."""
        texts = [example["text"] for example in batch]
        features = self._backbone.features(texts)
        tensors = {name: value for name, value in features.items() if isinstance(value, Tensor)}
        kept, added = (torch.from_numpy(column) for column in self._backbone.reading.beside(texts))
        return {
            **tensors,
            "kept": kept,
            "added": added,
            "labels": torch.tensor([example["label"] for example in batch]),
        }


class EndlessSampler(Sampler[int]):
    """All rows again and again until `count` are drawn, each time in another order that follows from the seed.

    Each `batch` of them, those of one step, are about equally long.
    To Trainer the whole run is one pass. So no batch is smaller than the others, and a resumed run, which skips what
    it has seen, goes on with the same batches as one that was never stopped, in every process.
    """

    def __init__(self, lengths: list[int], batch: int, count: int, seed: int) -> None:
        self._lengths, self._batch, self._count, self._seed = lengths, batch, count, seed

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed)
        grouped, left = LengthGroupedSampler(self._batch, lengths=self._lengths, generator=generator), self._count
        while left > 0:
            rows = list(grouped)[:left]
            yield from rows
            left -= len(rows)

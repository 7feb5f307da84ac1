"""GRU and LSTM over word vectors, as a module of sentence-transformers: small, and quick to read one message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import InputModule
from tokenizers import Tokenizer
from torch import Tensor, nn

from modeling.backbones.word_vectors import Words

Cell = Literal["gru", "lstm"]

TOKENS = 128
DROPOUT = 0.3  # of what the cell reads and says, while it is trained
FORGOTTEN = 0.05  # share of the words that are read as unknown while it is trained, so that unknown ones are known


class Recurrent(InputModule):
    """Reads words in both directions; its vector [b, 2 * hidden] is the largest of each output over the message.

    Bidirectional with max pooling as of Conneau et al. (2017). The table of word vectors [v, w] is trained too.
    """

    config_keys = ["cell", "hidden"]  # noqa: RUF012 - declared so by the class above

    def __init__(self, cell: Cell, hidden: int, tokenizer: Tokenizer, table: Tensor) -> None:
        super().__init__()
        self.cell, self.hidden, self._words = cell, hidden, tokenizer
        self.tokenizer = tokenizer
        tokenizer.enable_truncation(TOKENS)
        # A bare table: what is an nn.Embedding stays frozen in fine-tuning, and here the words are most of it.
        self.table = nn.Parameter(table)
        kind = nn.GRU if cell == "gru" else nn.LSTM
        self.reader = kind(table.shape[1], hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(DROPOUT)

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **_: Any) -> dict[str, Tensor]:
        """Return input_ids [b, t] and the counts of words [b]; a text without words is one unknown word."""
        texts = [f"{prompt or ''}{text}" for text in inputs]
        ids_of = [encoding.ids or [1] for encoding in self._words.encode_batch(texts, add_special_tokens=False)]
        counts = [len(ids) for ids in ids_of]
        rows = np.zeros((len(ids_of), max(counts)), np.int64)
        for row, ids in enumerate(ids_of):
            rows[row, : len(ids)] = ids
        return {"input_ids": torch.from_numpy(rows), "counts": torch.tensor(counts)}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add "sentence_embedding" float32 [b, 2 * hidden]."""
        ids, counts = features["input_ids"], features["counts"].cpu()
        if self.training:
            # Padding, row 0, stays what it is.
            ids = ids.masked_fill((torch.rand(ids.shape, device=ids.device) < FORGOTTEN) & (ids > 0), 1)
        with torch.autocast(ids.device.type, enabled=False):  # in bfloat16 a recurrence loses more than it wins
            words = self.dropout(nn.functional.embedding(ids, self.table, padding_idx=0))
            # Packed, so that the backward direction starts at the last word and not at padding.
            packed = nn.utils.rnn.pack_padded_sequence(words, counts, batch_first=True, enforce_sorted=False)
            # Minus infinity never is the maximum, so that padding has no say in it.
            outputs = nn.utils.rnn.pad_packed_sequence(self.reader(packed)[0], True, float("-inf"))[0]
            features["sentence_embedding"] = self.dropout(outputs.amax(1))
        return features

    @property
    def max_seq_length(self) -> int:
        """Words of a message that are read."""
        return int((self._words.truncation or {}).get("max_length", TOKENS))

    @max_seq_length.setter
    def max_seq_length(self, value: int) -> None:
        self._words.enable_truncation(value)

    def get_embedding_dimension(self) -> int:
        """The length of its vectors."""
        return 2 * self.hidden

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write config.json, tokenizer.json and model.safetensors."""
        self.save_config(output_path)
        self._words.save(str(Path(output_path) / "tokenizer.json"))
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        save_file(tensors, Path(output_path) / "model.safetensors")

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", *_: Any, **__: Any) -> Recurrent:
        """Read what `save` wrote. Raises as json, tokenizers and safetensors do when a file is damaged."""
        folder = Path(model_name_or_path) / subfolder
        settings = cls.load_config(str(folder))
        tensors = load_file(folder / "model.safetensors")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        module = cls(settings["cell"], settings["hidden"], tokenizer, tensors["table"])
        module.load_state_dict(tensors)
        return module


def over(words: Words, cell: Cell, hidden: int, seed: int) -> Recurrent:
    """Return an untrained reader over word vectors; deterministic by seed."""
    torch.manual_seed(seed)
    return Recurrent(cell, hidden, words.tokenizer, torch.from_numpy(words.table.copy()))

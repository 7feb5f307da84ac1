"""Our own kinds of backbone among those of `sentence-transformers`: a fixed list, for no file may name code to run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from modeling.backbones import validation
from modeling.errors import ModelingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

OWN = "modeling."


def load(folder: Path) -> SentenceTransformer | None:
    """Build the model that a folder's modules.json names by our own classes; None if it names none of ours.

    sentence-transformers itself loads classes of other packages only with remote code on, which stays off. Raises
    ModelingError for a name of ours that is not in the list, and for one that stands beside others.
    """
    entries = [(str(part.get("type")), str(part.get("path"))) for part in validation.modules(folder)]
    if not any(kind.startswith(OWN) for kind, _ in entries):
        return None
    from sentence_transformers import SentenceTransformer

    from modeling.backbones.recurrent import Recurrent

    # Bundles name the class by where it stood when they were saved; the first is where it stood until version 0.1.
    classes = {"modeling.recurrent.Recurrent": Recurrent, f"{Recurrent.__module__}.{Recurrent.__qualname__}": Recurrent}
    kind, path = entries[0]
    within = (folder / path).resolve().is_relative_to(folder.resolve())
    if len(entries) != 1 or kind not in classes or not within:
        raise ModelingError("backbone_parts_unknown", folder=folder, kind=kind[:80])
    return SentenceTransformer(modules=[classes[kind].load(str(folder), subfolder=path)])


def limit(model: SentenceTransformer, tokens: int) -> None:
    """Let a model read at most so many tokens of a text; bare tokenisers, as static backbones have, cut themselves."""
    if hasattr(model.tokenizer, "enable_truncation"):
        now = model.tokenizer.truncation
        model.tokenizer.enable_truncation(min(tokens, now["max_length"] if now else tokens))
        return
    model.max_seq_length = min(model.max_seq_length or tokens, tokens)


def extend(model: SentenceTransformer, tokens: int | None) -> None:
    """Let a model read so many tokens of a text again, after a `limit`."""
    if hasattr(model.tokenizer, "enable_truncation"):
        if tokens:
            model.tokenizer.enable_truncation(tokens)
        else:
            model.tokenizer.no_truncation()
        return
    model.max_seq_length = tokens


def longest(model: SentenceTransformer) -> int | None:
    """Return how many tokens of a text a model reads, None if there is no limit."""
    if hasattr(model.tokenizer, "truncation"):
        now = model.tokenizer.truncation
        return int(now["max_length"]) if now else None
    most = model.max_seq_length
    return None if most is None or math.isinf(most) else int(most)

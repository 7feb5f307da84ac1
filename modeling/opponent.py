"""The model to beat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modeling import backbone as backbones
from modeling import classifier
from modeling.backbone import Backbone
from modeling.head import Head
from modeling.logistic import Vectors


@dataclass(frozen=True, slots=True)
class Opponent:
    """The model to beat: its probabilities for the test messages by a head refitted on the same training file."""

    name: str
    fingerprint: str
    test: Vectors


def load_opponent(name: str) -> tuple[Backbone, Head | None]:
    """Load a bundle's backbone and, if it was fine-tuned, its head; or a plain backbone."""
    if (Path(name) / "meta.json").is_file():
        bundle = classifier.load(Path(name))
        return bundle.backbone, bundle.head if bundle.meta.get("method") != "frozen" else None
    return backbones.load(name), None

"""How fast a bundle reads messages as they come, and how much room it takes on the disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modeling.classifier import bundle_files
from modeling.classifier.bundle import Bundle, Classifier
from modeling.types import OodScores, Probabilities

SINGLES = 100  # messages that are timed one by one
WARM_UP = 8
PORTION = 512


@dataclass(frozen=True, slots=True)
class Speed:
    """Messages a second in bulk; milliseconds of one message alone, tokenisation included: median and 95th centile."""

    messages_per_second: float
    p50_ms: float
    p95_ms: float


def classified(
    bundle: Bundle | Classifier, texts: Sequence[str], on_progress: Callable[[float], None]
) -> tuple[Probabilities, OodScores, Speed]:
    """Return probabilities [n, k] of cleaned texts, their out-of-scope scores [n], and the speed once warm.

    Equal texts of a portion are read once, so that they count once.
    """
    bundle.classify(texts[:WARM_UP])
    outputs: list[tuple[Probabilities, OodScores]] = []
    read, seconds = 0, 0.0
    for start in range(0, len(texts), PORTION):
        portion = texts[start : start + PORTION]
        began = time.perf_counter()
        outputs.append(bundle.read(portion))
        seconds += time.perf_counter() - began
        read += len(set(portion))
        on_progress(min(1.0, (start + PORTION) / len(texts)))
    # From all over the file, which may be sorted by label or by length.
    singles = [_milliseconds(bundle, text) for text in texts[:: max(1, len(texts) // SINGLES)][:SINGLES]]
    p50, p95 = np.percentile(singles, (50, 95))
    probabilities, ood_scores = (np.concatenate(part) for part in zip(*outputs, strict=True))
    return probabilities, ood_scores, Speed(read / seconds, float(p50), float(p95))


def size_on_disk(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def size_as_served(folder: Path) -> int:
    """Return the bytes of a bundle that the live system reads: where it has its graph, all but the backbone."""
    backbone, exported = folder / bundle_files.BACKBONE, (folder / bundle_files.INFERENCE).is_dir()
    return size_on_disk(folder) - (size_on_disk(backbone) if exported else 0)


def _milliseconds(bundle: Bundle | Classifier, text: str) -> float:
    began = time.perf_counter()
    bundle.classify([text])
    return 1000 * (time.perf_counter() - began)
